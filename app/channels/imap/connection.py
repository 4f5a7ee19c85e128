"""A connection that is bounded in time and in what it takes in, whatever the server sends."""

import imaplib
import socket
import time
from io import BufferedReader
from typing import Any, cast

from imapclient import IMAPClient, SocketTimeout
from imapclient.imap4 import IMAP4WithTimeout
from imapclient.tls import IMAP4_TLS

from app.channels.imap.login import TLS, Login

#: To connect, and between two pieces of an answer.
TIMEOUT = SocketTimeout(connect=10.0, read=30.0)

#: Of all that one command is answered with.
MAX_ANSWER = 160 * 1024 * 1024
#: The numbers of a million mails stand in one line.
MAX_LINE = 16 * 1024 * 1024


class _Bounded(imaplib.IMAP4):
    """Reads piece by piece, so that clock and size are looked at in between."""

    def __init__(self, *args: Any, until: float, **options: Any) -> None:
        self._until = until
        self._room = MAX_ANSWER
        super().__init__(*args, **options)

    def send(self, data: Any) -> None:
        self._room = MAX_ANSWER
        super().send(data)

    def readline(self) -> bytes:
        line = bytearray()
        while not line.endswith(b"\n"):
            seen = self._seen()
            if not seen:
                break
            end = seen.find(b"\n") + 1
            line += self._take(end or len(seen))
            if len(line) > MAX_LINE:
                raise self.abort("socket error: a line without an end")
        return bytes(line)

    def read(self, size: int) -> bytes:
        literal = bytearray()
        while len(literal) < size:
            seen = self._seen()
            if not seen:
                raise self.abort("socket error: EOF in a literal")
            literal += self._take(min(size - len(literal), len(seen)))
        return bytes(literal)

    def _seen(self) -> bytes:
        """What has come and was not taken; waits for at most one piece."""
        if time.monotonic() > self._until:
            raise self.abort("socket error: out of time")
        return self._buffer.peek(1)

    def _take(self, size: int) -> bytes:
        self._room -= size
        if self._room < 0:
            raise self.abort("socket error: an answer without an end")
        return self._buffer.read(size)

    @property
    def _buffer(self) -> BufferedReader:
        return cast(BufferedReader, self.file)


class _Plain(_Bounded, IMAP4WithTimeout):  # type: ignore[misc]
    """Begins without TLS."""


class _Secure(_Bounded, IMAP4_TLS):  # type: ignore[misc]
    """Begins with TLS."""


class Connection(IMAPClient):  # type: ignore[misc]
    """A connection to the server of a login, which is over at `until` (monotonic) at the latest."""

    def __init__(self, login: Login, until: float) -> None:
        self._until = until
        context = login.context()
        secure = login.tls is TLS.IMPLICIT
        super().__init__(
            login.host,
            login.port,
            ssl=secure,
            ssl_context=context if secure else None,
            timeout=TIMEOUT,
        )
        # A command goes out in pieces: else each would wait for the one before to be acknowledged.
        self.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            # Folder names that are no modified UTF-7 must not make the list unreadable.
            self.folder_encode = False
            if login.tls is TLS.STARTTLS:
                self.starttls(context)
        except BaseException:
            self.drop()
            raise

    def drop(self) -> None:
        """Close the socket, as it is."""
        try:
            self.shutdown()
        except (OSError, ValueError):
            return

    def answers(self, command: str, *arguments: str) -> list[Any]:
        """The untagged answers to a command, as they came."""
        spoken = [argument.encode("ascii") for argument in arguments]
        answers = self._raw_command_untagged(
            command.encode(), spoken, uid=command in {"FETCH", "SEARCH"}
        )
        return [answer for answer in answers if answer is not None]

    def folders_with_use(self) -> list[Any]:
        """The folders again, with what each is for; not every server tells without being asked."""
        listed = self.answers("LIST", '""', '"*"', "RETURN", "(SPECIAL-USE)")
        return list(self._proc_folder_list(listed))

    def _create_IMAP4(self) -> imaplib.IMAP4:
        if self.ssl:
            return _Secure(
                self.host,
                self.port,
                self.ssl_context,
                TIMEOUT.connect,
                until=self._until,
            )
        return _Plain(self.host, self.port, TIMEOUT.connect, until=self._until)


#: What the library raises: refusals, sockets, and its parser when it is given nonsense.
FAULTS = (
    imaplib.IMAP4.error,
    OSError,
    socket.gaierror,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    RecursionError,
)
