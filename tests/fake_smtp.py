"""A real SMTP server on loopback that takes mail, or does what it is told to do instead."""

import base64
import socket
import ssl
import threading
from dataclasses import dataclass, field


@dataclass
class Taken:
    """A mail that the server has read to its end."""

    sender: str
    recipients: list[str] = field(default_factory=list)
    content: bytes = b""


class FakeSMTP:
    """Change its attributes to make it behave.

    `answers` gives another answer to a command (`MAIL`, `RCPT`, `DATA`, `END` for the dot, `GREETING`);
    None hangs up instead, and a number waits so many seconds first.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        features: tuple[str, ...] = ("SIZE 1000000", "AUTH PLAIN LOGIN"),
    ) -> None:
        self.features = features
        self.answers: dict[str, str | float | None] = {}
        self.commands: list[str] = []
        self.mails: list[Taken] = []
        self.logins: list[str] = []
        self._tls, self._implicit = tls, implicit
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in list(self._connections):
            _hang_up(connection)
        for thread in self._threads:
            thread.join()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=[connection])
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._implicit and self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self._connections.add(connection)
            _Talk(self, connection, self._tls).run()
        except (OSError, ValueError):
            pass
        finally:
            self._connections.discard(connection)
            _hang_up(connection)
            connection.close()


class _HungUp(OSError):
    pass


class _Talk:
    def __init__(
        self, server: FakeSMTP, connection: socket.socket, tls: ssl.SSLContext | None
    ) -> None:
        self._server, self._connection, self._tls = server, connection, tls
        self._file = connection.makefile("rb")
        self._mail = Taken("")
        self._has_tls = server._implicit

    def run(self) -> None:
        try:
            self._say("GREETING", "220 mx.example ESMTP")
            while line := self._line():
                self._server.commands.append(line)
                self._answer(line)
        finally:
            self._file.close()
            if self._has_tls:
                self._connection.close()

    def _answer(self, line: str) -> None:
        verb = line.partition(" ")[0].upper()
        match verb:
            case "EHLO":
                self._greet()
            case "STARTTLS":
                self._secure()
            case "AUTH":
                self._authenticate(line)
            case "MAIL":
                self._mail = Taken(line.partition("<")[2].partition(">")[0])
                self._say(verb, "250 2.1.0 ok")
            case "RCPT":
                self._mail.recipients.append(line.partition("<")[2].partition(">")[0])
                self._say(verb, "250 2.1.5 ok")
            case "DATA":
                if self._say(verb, "354 go on") == "354 go on":
                    self._read_mail()
            case "QUIT":
                self._say(verb, "221 bye")
            case _:
                self._say(verb, "502 what?")

    def _greet(self) -> None:
        offered = list(self._server.features)
        if self._tls and not self._has_tls:
            offered.append("STARTTLS")
        lines = ["mx.example", *offered]
        for line in lines[:-1]:
            self._write(f"250-{line}")
        self._say("EHLO", f"250 {lines[-1]}")

    def _secure(self) -> None:
        assert self._tls is not None
        self._say("STARTTLS", "220 go on")
        self._file.close()
        self._server._connections.discard(self._connection)
        self._connection = self._tls.wrap_socket(self._connection, server_side=True)
        self._server._connections.add(self._connection)
        self._has_tls = True
        self._file = self._connection.makefile("rb")

    def _authenticate(self, line: str) -> None:
        _, mechanism, *given = line.split()
        told = given[0] if given else ""
        if mechanism == "LOGIN":
            parts = []
            for question in ("VXNlcm5hbWU6", "UGFzc3dvcmQ6"):
                self._write(f"334 {question}")
                parts.append(base64.b64decode(self._line()).decode())
            self._server.logins.append("/".join(parts))
        else:
            self._server.logins.append(base64.b64decode(told).decode())
        if self._say("AUTH", "235 2.7.0 welcome").startswith("334"):
            self._line()
            self._write("535 5.7.8 no")

    def _read_mail(self) -> None:
        lines = []
        while (line := self._file.readline()) != b".\r\n":
            if not line:
                raise _HungUp
            lines.append(line.removeprefix(b"."))
        self._mail.content = b"".join(lines)
        self._server.mails.append(self._mail)
        self._say("END", "250 2.0.0 queued")

    def _say(self, verb: str, ordinary: str) -> str:
        answer = self._server.answers.get(verb, ordinary)
        if answer is None:
            raise _HungUp
        if isinstance(answer, float):
            # Until the other side has had enough.
            self._connection.settimeout(answer)
            self._file.read(1)
            raise _HungUp
        self._write(answer)
        return answer

    def _write(self, line: str) -> None:
        self._connection.sendall(line.encode() + b"\r\n")

    def _line(self) -> str:
        return self._file.readline().decode().rstrip("\r\n")


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
