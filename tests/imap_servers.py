"""Real IMAP servers on loopback, each mailbox a new one; and a wire to them that can be cut."""

import grp
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from imapclient import IMAPClient
from pysasl.hashing import BuiltinHash

PASSWORD = "secret"
DOVECOT = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

_numbers = count(1)


@dataclass
class Server:
    """A server that is up."""

    name: str
    port: int
    home: Path
    process: subprocess.Popen[bytes]

    def mailbox(self) -> "Mailbox":
        """A mailbox that nobody has used."""
        user = f"user{next(_numbers)}"
        if self.name == "pymap":
            # It reads these files at every log-in.
            hashed = BuiltinHash(rounds=1).hash(PASSWORD)
            _add(self.home / "pymap-etc-passwd", f"{user}:x::::{user}:")
            _add(self.home / "pymap-etc-shadow", f"{user}:{hashed}::::::")
        return Mailbox(self, user)


class Mailbox:
    """A mailbox, and the phone of its owner."""

    def __init__(self, server: Server, user: str) -> None:
        self.server = server
        self.user = user
        self.phone = IMAPClient("127.0.0.1", server.port, ssl=False, timeout=10)
        self.phone.login(user, PASSWORD)

    def credentials(self, port: int | None = None) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": port or self.server.port,
            "tls": "none",
            "username": self.user,
            "password": PASSWORD,
        }

    def add(self, mail: bytes, folder: str = "INBOX", *, flags=(), at=None) -> None:
        if not self.phone.folder_exists(folder):
            self.phone.create_folder(folder)
        self.phone.append(folder, mail, flags, at)

    def move(self, subject: str, to: str, folder: str = "INBOX") -> None:
        self.phone.select_folder(folder)
        self.phone.move(self.phone.search(["SUBJECT", subject]), to)

    def mark(self, subject: str, flag: bytes, folder: str = "INBOX") -> None:
        self.phone.select_folder(folder)
        self.phone.add_flags(self.phone.search(["SUBJECT", subject]), [flag])

    def flags(self, folder: str = "INBOX") -> set[bytes]:
        self.phone.select_folder(folder, readonly=True)
        found = self.phone.get_flags(self.phone.search("ALL"))
        return {flag for flags in found.values() for flag in flags} - {b"\\Recent"}

    def number_anew(self) -> None:
        """Lose what the server remembers of UIDs, as a restored backup does."""
        self.phone.logout()
        for file in (self.server.home / self.user).glob("dovecot*"):
            file.unlink()
        # UIDVALIDITY is made of the second.
        time.sleep(1.1)
        self.phone = IMAPClient("127.0.0.1", self.server.port, ssl=False, timeout=10)
        self.phone.login(self.user, PASSWORD)


class Wire:
    """Carries bytes between a client and a server until it is told to break."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.carried = 0
        """Bytes from the server."""
        self.breaks_after: int | None = None
        """Of the bytes of one connection."""
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._to), 10)
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for pair in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, to: socket.socket, counted: bool) -> None:
        left = self.breaks_after if counted else None
        with suppress(OSError):
            while piece := source.recv(4096):
                if counted:
                    self.carried += len(piece)
                if left is not None:
                    piece, left = piece[:left], left - len(piece)
                to.sendall(piece)
                if left is not None and left <= 0:
                    break
        for end in (source, to):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def pymap() -> Iterator[Server]:
    """The server in Python."""
    with _home() as home:
        for file in ("passwd", "shadow"):
            (home / f"pymap-etc-{file}").touch()
        port = _free_port()
        command = [
            *(sys.executable, "-c", "from pymap.main import main; main()"),
            *("--host", "127.0.0.1", "--port", str(port), "--no-tls"),
            *("maildir", str(home)),
        ]
        with _running("pymap", command, port, home) as server:
            yield server


@contextmanager
def dovecot() -> Iterator[Server]:
    """The server that most hosting companies run."""
    assert DOVECOT
    with _home() as home:
        port = _free_port()
        config = home / "dovecot.conf"
        config.write_text(_dovecot_config(home, port))
        with _running("dovecot", [DOVECOT, "-F", "-c", str(config)], port, home) as up:
            yield up


def _dovecot_config(home: Path, port: int) -> str:
    # As root it wants to run as somebody else; as anybody else it can only be that one.
    own = pwd.getpwuid(os.getuid())
    user, login = ("dovecot", "dovenull") if own.pw_uid == 0 else (own.pw_name,) * 2
    runs_as = pwd.getpwnam(user)
    os.chown(home, runs_as.pw_uid, runs_as.pw_gid)
    return f"""
base_dir = {home}/run
state_dir = {home}/run
log_path = {home}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
default_internal_user = {user}
default_login_user = {login}
default_internal_group = {grp.getgrgid(runs_as.pw_gid).gr_name}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{home}/%u
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={runs_as.pw_uid} gid={runs_as.pw_gid} home={home}/%u allow_all_users=yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
  # It would make everybody wait after a wrong password.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    special_use = \\Sent
  }}
  mailbox Drafts {{
    special_use = \\Drafts
  }}
}}
"""


@contextmanager
def _running(name: str, command: list[str], port: int, home: Path) -> Iterator[Server]:
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield Server(name, port, home, process)
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def _home() -> Iterator[Path]:
    # Not below pytest's own: a server that runs as somebody else could not reach it.
    with tempfile.TemporaryDirectory(prefix="imap", ignore_cleanup_errors=True) as path:
        Path(path).chmod(0o755)
        yield Path(path)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, f"{process.args} did not start"
            assert time.monotonic() < until, f"{process.args} does not listen"
            time.sleep(0.05)
        else:
            return


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _add(file: Path, line: str) -> None:
    with file.open("a") as opened:
        opened.write(line + "\n")
