"""An IMAP server that behaves as badly as told: the odd things that real ones do now and then."""

import base64
import re
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import BytesHeaderParser

WHEN = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@dataclass
class FakeMail:
    """A mail as the server shows it."""

    raw: bytes
    flags: str = ""
    at: datetime = WHEN
    size: int | None = None
    """What the server says of its size, where that is wrong."""
    labels: str = ""
    hidden: bool = False
    """Not to be seen yet, though its UID is given out."""
    broken: str | None = None
    """With which words the server fails to show it."""


@dataclass
class FakeFolder:
    flags: str = "\\HasNoChildren"
    validity: int = 7
    mails: dict[int, FakeMail] = field(default_factory=dict)
    refused: str | None = None

    @property
    def shown(self) -> dict[int, FakeMail]:
        return {uid: one for uid, one in self.mails.items() if not one.hidden}


class FakeIMAP:
    """Listens on loopback. Change its attributes to make it behave."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.folders = {"INBOX": FakeFolder(), "Sent": FakeFolder("\\Sent")}
        self.capabilities = "IMAP4rev1"
        self.greeting = "* OK hello"
        self.delimiter = '"/"'
        self.answers: dict[str, str] = {}
        """What is answered to a command instead, tag and all: `{"LOGIN": "NO [LIMIT] …"}`."""
        self.challenge: str | None = None
        """With which a token is refused."""
        self.hooks: dict[str, Callable[[], None]] = {}
        """What happens before a command is carried out."""
        self.unasked = ""
        """What is told in front of every FETCH answer."""
        self.tells_uidnext = True
        self.said: list[str] = []
        """The commands that came, without their tags."""
        self.fetched: list[int] = []
        """Whose bodies were asked for."""
        self.tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        # Whoever waits in `accept` would go on listening.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def add(self, raw: bytes, folder: str = "INBOX", **facts: object) -> int:
        mails = self.folders[folder].mails
        uid = int(facts.pop("uid", max(mails, default=0) + 1))  # type: ignore[call-overload]
        mails[uid] = FakeMail(raw, **facts)  # type: ignore[arg-type]
        return uid

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        talk = _Conversation(self, client)
        try:
            if self.tls and "STARTTLS" not in self.capabilities:
                talk.secure(self.tls)
            talk.hold()
        except OSError:
            return
        finally:
            talk.client.close()


class _Conversation:
    def __init__(self, server: FakeIMAP, client: socket.socket) -> None:
        self.server, self.client = server, client
        self.lines = client.makefile("rb")
        self.folder = FakeFolder()

    def secure(self, tls: ssl.SSLContext) -> None:
        self.lines.close()
        self.client = tls.wrap_socket(self.client, server_side=True)
        self.lines = self.client.makefile("rb")

    def hold(self) -> None:
        self.say(self.server.greeting)
        while line := self.lines.readline().decode().strip():
            tag, _, said = line.partition(" ")
            self.server.said.append(said)
            words = said.split()
            name = (words[1] if words[0] == "UID" else words[0]).upper()
            if hook := self.server.hooks.get(name):
                hook()
            if name in self.server.answers:
                self.say(self.server.answers[name].replace("TAG", tag))
                if "* BYE" in self.server.answers[name]:
                    return
                continue
            done = getattr(self, f"do_{name.lower()}")(tag, said)
            self.say(f"{tag} {done or 'OK done'}")
            if name == "STARTTLS":
                assert self.server.tls
                self.server.capabilities = "IMAP4rev1"
                self.secure(self.server.tls)
            if name == "LOGOUT":
                return

    def say(self, line: str) -> None:
        self.client.sendall(line.encode() + b"\r\n")

    def do_capability(self, tag: str, said: str) -> None:
        self.say(f"* CAPABILITY {self.server.capabilities}")

    def do_login(self, tag: str, said: str) -> None:
        return None

    do_noop = do_starttls = do_id = do_login

    def do_logout(self, tag: str, said: str) -> None:
        self.say("* BYE see you")

    def do_authenticate(self, tag: str, said: str) -> str | None:
        self.say("+ ")
        given = base64.b64decode(self.lines.readline())
        self.server.said.append(given.decode())
        if self.server.challenge is None:
            return None
        self.say(f"+ {base64.b64encode(self.server.challenge.encode()).decode()}")
        assert self.lines.readline().strip() == b""
        return "NO AUTHENTICATE failed."

    def do_list(self, tag: str, said: str) -> None:
        for name, folder in self.server.folders.items():
            self.say(f'* LIST ({folder.flags}) {self.server.delimiter} "{name}"')

    def do_examine(self, tag: str, said: str) -> str | None:
        name = said.split(" ", 1)[1].strip('"')
        self.folder = self.server.folders[name]
        if self.folder.refused:
            return self.folder.refused
        self.say(f"* {len(self.folder.shown)} EXISTS")
        self.say(f"* OK [UIDVALIDITY {self.folder.validity}] valid")
        if self.server.tells_uidnext:
            following = max(self.folder.mails, default=0) + 1
            self.say(f"* OK [UIDNEXT {following}] next")
        return "OK [READ-ONLY] done"

    def do_search(self, tag: str, said: str) -> None:
        found = set(self.folder.shown)
        if numbers := re.search(r"UID (\d+):(\d+|\*)", said):
            low, last = int(numbers[1]), max(found, default=0)
            high = last if numbers[2] == "*" else int(numbers[2])
            # As RFC 3501 has it: a range is the same in either order.
            low, high = min(low, high), max(low, high)
            found = {uid for uid in found if low <= uid <= high}
        for word, is_in in (("SINCE", True), ("BEFORE", False)):
            if day := re.search(rf"{word} (\S+)", said):
                border = datetime.strptime(day[1], "%d-%b-%Y").date()
                found = {
                    uid
                    for uid in found
                    if (self.folder.mails[uid].at.date() >= border) is is_in
                }
        self.say(f"* SEARCH {' '.join(map(str, sorted(found)))}".rstrip())

    def do_fetch(self, tag: str, said: str) -> str | None:
        _, _, numbers, asked = said.split(" ", 3)
        for order, (uid, mail) in enumerate(self.folder.shown.items(), 1):
            if not _holds(numbers, uid):
                continue
            if mail.broken is not None and "BODY.PEEK[]" in asked:
                return mail.broken
            if self.server.unasked:
                self.say(self.server.unasked)
            parts = [f"UID {uid}".encode()]
            if "FLAGS" in asked:
                size = len(mail.raw) if mail.size is None else mail.size
                day = mail.at.strftime("%d-%b-%Y %H:%M:%S +0000")
                parts.append(f"FLAGS ({mail.flags}) RFC822.SIZE {size}".encode())
                parts.append(f'INTERNALDATE "{day}"'.encode())
            if "X-GM" in asked:
                parts.append(f"X-GM-THRID {uid + 1000}".encode())
                parts.append(f"X-GM-LABELS ({mail.labels})".encode())
            if fields := re.search(r"HEADER.FIELDS \(([^)]*)\)\]<0.(\d+)>", asked):
                head = _header(mail.raw, fields[1].split())[: int(fields[2])]
                parts.append(b"BODY[HEADER.FIELDS (X)]<0> " + _literal(head))
            if chunk := re.search(r"BODY.PEEK\[\]<(\d+).(\d+)>", asked):
                self.server.fetched.append(uid)
                start, size = int(chunk[1]), int(chunk[2])
                piece = mail.raw[start : start + size]
                parts.append(f"BODY[]<{start}> ".encode() + _literal(piece))
            answer = f"* {order} FETCH (".encode() + b" ".join(parts) + b")\r\n"
            # In pieces that mean nothing.
            for at in range(0, len(answer), 70_001):
                self.client.sendall(answer[at : at + 70_001])
        return None


def _holds(numbers: str, uid: int) -> bool:
    for part in numbers.split(","):
        low, _, high = part.partition(":")
        if int(low) <= uid <= int(high or low):
            return True
    return False


def _header(raw: bytes, names: list[str]) -> bytes:
    told = BytesHeaderParser().parsebytes(raw)
    lines = [f"{name}: {value}" for name in names for value in told.get_all(name, [])]
    return "\r\n".join([*lines, "", ""]).encode()


def _literal(value: bytes) -> bytes:
    return f"{{{len(value)}}}\r\n".encode() + value
