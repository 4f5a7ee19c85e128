"""Hands a mail to an SMTP server, and knows up to where it was certainly not taken.

A server takes a mail when it has read the dot at its end. What fails before leaves it with nothing;
what fails after, without an answer, leaves us not knowing.
"""

import binascii
import smtplib
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from typing import Any, cast

from app.channels.imap.letter import Letter
from app.channels.imap.login import TLS, Login
from app.channels.imap.smtp_errors import Step, refusal
from app.errors import (
    AuthError,
    BizzyBeeError,
    OutcomeUnknown,
    RetryableError,
)

#: To connect, and between two pieces of an answer.
TIMEOUT = 30.0
#: For everything. Servers look at a mail before they say that they have it.
DEADLINE = 90.0

#: Ours is nobody's business, and to find it out may take a while.
_OUR_NAME = "[127.0.0.1]"
_MOST_LINES = 200
_LONGEST_LINE = 8_192
_FAULTS = (smtplib.SMTPException, OSError, ValueError)


def deliver(
    login: Login,
    letter: Letter,
    *,
    timeout: float = TIMEOUT,
    deadline: float = DEADLINE,
) -> None:
    """Send a mail; raises as `Sender.send` does."""
    context = login.context()
    where = f"{login.host}:{login.port}"
    until = time.monotonic() + deadline
    with _not_taken(where):
        connection = _connect(login, context, timeout, until)
    try:
        with _not_taken(where):
            _log_in(connection, login, where, context)
            _address(connection, letter, where)
            _expect(connection.docmd("DATA"), 354, where, Step.CONTENT)
            connection.send(_stuffed(letter.content))
        try:
            code, said = connection.end()
        except _FAULTS as exc:
            raise OutcomeUnknown(
                f"smtp: {where}: no answer to the mail ({type(exc).__name__})"
            ) from None
        if 400 <= code < 600:
            raise refusal(where, Step.CONTENT, code, said)
        if not 200 <= code < 300:
            raise OutcomeUnknown(f"smtp: {where}: no answer that can be read")
    finally:
        connection.close()


class _Connection(smtplib.SMTP):
    """Reads answers piece by piece, so that clock and size are looked at in between."""

    def __init__(self, host: str, port: int, *, until: float, **options: Any) -> None:
        self._until = until
        super().__init__(host, port, local_hostname=_OUR_NAME, **options)

    def getreply(self) -> tuple[int, bytes]:
        try:
            return self._answer()
        except BaseException:
            self.close()
            raise

    def _answer(self) -> tuple[int, bytes]:
        said: list[bytes] = []
        while len(said) < _MOST_LINES:
            line = self._line()
            said.append(line[4:].strip())
            if line[3:4] != b"-":
                code = int(line[:3]) if line[:3].isdigit() else -1
                return code, b"\n".join(said)
        raise smtplib.SMTPServerDisconnected("an answer without an end")

    def end(self) -> tuple[int, bytes]:
        """Put the dot at the end of a mail, and take leave where that is answered."""
        assert self.sock is not None
        # A filter may look at the mail for longer than anything else takes.
        self.sock.settimeout(max(1.0, self._until - time.monotonic()))
        self.send(b".\r\n")
        answer = self.getreply()
        # Whatever comes of this is of no consequence any more.
        with suppress(*_FAULTS):
            self.send(b"QUIT\r\n")
        return answer

    def _line(self) -> bytes:
        if self.file is None:
            assert self.sock is not None
            self.file = self.sock.makefile("rb")
        file = cast(BufferedReader, self.file)
        line = bytearray()
        while not line.endswith(b"\n"):
            if time.monotonic() > self._until:
                raise smtplib.SMTPServerDisconnected("out of time")
            seen = file.peek(1)
            if not seen:
                raise smtplib.SMTPServerDisconnected("the connection was closed")
            line += file.read(seen.find(b"\n") + 1 or len(seen))
            if len(line) > _LONGEST_LINE:
                raise smtplib.SMTPServerDisconnected("a line without an end")
        return bytes(line)


class _Secure(_Connection, smtplib.SMTP_SSL):
    """Begins with TLS."""


def _connect(
    login: Login, context: ssl.SSLContext, timeout: float, until: float
) -> _Connection:
    options: dict[str, Any] = {"timeout": timeout, "until": until}
    if login.tls is TLS.IMPLICIT:
        return _Secure(login.host, login.port, context=context, **options)
    return _Connection(login.host, login.port, **options)


def _log_in(
    connection: _Connection, login: Login, where: str, context: ssl.SSLContext
) -> None:
    _expect(connection.ehlo(), 250, where, Step.GREETING)
    if login.tls is TLS.STARTTLS:
        if not connection.has_extn("starttls"):
            raise AuthError(
                f"smtp: {where} offers no STARTTLS: should `tls` be another?"
            )
        _expect(connection.starttls(context=context), 220, where, Step.GREETING)
        _expect(connection.ehlo(), 250, where, Step.GREETING)
    offered = connection.esmtp_features.get("auth", "").upper().split()
    if not offered:
        return  # whoever may not send here is told so when it comes to the sender
    _expect(_authenticated(connection, login, offered, where), 235, where, Step.LOGIN)


def _authenticated(
    connection: _Connection, login: Login, offered: list[str], where: str
) -> tuple[int, bytes]:
    if login.access_token is not None:
        bearer = f"user={login.username}\1auth=Bearer {login.access_token}\1\1"
        answer = connection.docmd("AUTH", f"XOAUTH2 {_base64(bearer)}")
        # A refusal comes as a challenge that has to be answered by nothing.
        return connection.docmd("") if answer[0] == 334 else answer
    password = login.password or ""
    if "PLAIN" in offered:
        secret = _base64(f"\0{login.username}\0{password}")
        return connection.docmd("AUTH", f"PLAIN {secret}")
    if "LOGIN" in offered:
        _expect(connection.docmd("AUTH", "LOGIN"), 334, where, Step.LOGIN)
        _expect(connection.docmd(_base64(login.username)), 334, where, Step.LOGIN)
        return connection.docmd(_base64(password))
    raise AuthError(f"smtp: {where} offers no log-in by password that we know")


def _address(connection: _Connection, letter: Letter, where: str) -> None:
    options = [f"SIZE={len(letter.content)}"] if connection.has_extn("size") else []
    _expect(connection.mail(letter.sender, options), 250, where, Step.SENDER)
    code, said = connection.rcpt(letter.recipient)
    if not 250 <= code <= 252:  # taken too: for somebody who has moved, or unseen
        raise refusal(where, Step.RECIPIENT, code, said)


def _expect(answer: tuple[int, bytes], code: int, where: str, step: Step) -> None:
    if answer[0] != code:
        raise refusal(where, step, *answer)


@contextmanager
def _not_taken(where: str) -> Iterator[None]:
    """Up to here whatever fails leaves the server without the mail."""
    try:
        yield
    except BizzyBeeError:
        raise
    except smtplib.SMTPResponseException as exc:
        said = exc.smtp_error
        words = said.encode() if isinstance(said, str) else said
        raise refusal(where, Step.GREETING, exc.smtp_code, words) from None
    except ssl.SSLCertVerificationError as exc:
        raise RetryableError(
            f"smtp: {where}: the server's certificate is not valid: {exc.verify_message}"
        ) from None
    except _FAULTS as exc:
        # The library's own texts quote what was said, so they are not chained.
        raise RetryableError(
            f"smtp: {where}: no answer ({type(exc).__name__})"
        ) from None


def _stuffed(content: bytes) -> bytes:
    """The mail with its dots doubled at the beginning of lines, and a line's end at its end."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    stuffed = b"." + stuffed if stuffed.startswith(b".") else stuffed
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"


def _base64(text: str) -> str:
    return binascii.b2a_base64(text.encode(), newline=False).decode()
