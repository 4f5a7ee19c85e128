"""What an account's credentials say, or in which words they are wrong."""

import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from app.errors import AuthError
from app.transport import is_loopback

_FIELDS = frozenset(
    {"host", "port", "tls", "username", "password", "access_token", "certificates"}
)


class TLS(StrEnum):
    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"
    """Only for a server on this machine."""


@dataclass(frozen=True)
class Login:
    """Where to log in, and as whom."""

    host: str
    port: int
    tls: TLS
    username: str
    password: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)
    certificates: str | None = field(default=None, repr=False)
    """PEM: who vouches for the server, where that is nobody whom everybody knows."""

    @classmethod
    def read(cls, credentials: dict[str, Any]) -> Self:
        """Raises AuthError that says what is wrong, and never what the secrets are."""
        if unknown := sorted(set(credentials) - _FIELDS):
            raise _wrong(f"there is no {unknown[0][:40]!r}")
        tls = credentials.get("tls", TLS.IMPLICIT)
        if tls not in list(TLS):
            raise _wrong("`tls` is one of: implicit, starttls, none")
        host = _text(credentials, "host")
        if not host or any(mark in host for mark in "/@ ") or not _is_name(host):
            raise _wrong("`host` is a bare name, such as imap.example.com")
        # In brackets an IPv6 address, which the port would be read from else.
        url = f"imap://[{host}]" if ":" in host else f"imap://{host}"
        if tls == TLS.NONE and not is_loopback(url):
            raise _wrong("without TLS only a server on this machine is talked to")
        port = credentials.get("port", 993 if tls == TLS.IMPLICIT else 143)
        if not isinstance(port, int) or not 0 < port < 65536:
            raise _wrong("`port` is a number from 1 to 65535")
        username = _text(credentials, "username")
        password = _text(credentials, "password")
        token = _text(credentials, "access_token")
        if username is None or (password is None) == (token is None):
            raise _wrong(
                "`username` is needed, and one of `password` and `access_token`"
            )
        certificates = _text(credentials, "certificates", several_lines=True)
        return cls(host, port, TLS(tls), username, password, token, certificates)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be quoted."""
        known = (self.password, self.access_token, self.username)
        return tuple(one for one in known if one)

    def context(self) -> ssl.SSLContext:
        """Raises AuthError where the certificates cannot be read."""
        try:
            return ssl.create_default_context(cadata=self.certificates)
        except (ssl.SSLError, ValueError):
            raise _wrong("`certificates` is text in PEM form") from None


def _text(
    credentials: dict[str, Any], name: str, *, several_lines: bool = False
) -> str | None:
    value = credentials.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise _wrong(f"`{name}` is a text")
    # A line break in a password would be another command.
    if not several_lines and any(ord(character) < 32 for character in value):
        raise _wrong(f"`{name}` holds a control character")
    return value


def _is_name(host: str) -> bool:
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def _wrong(fault: str) -> AuthError:
    return AuthError(f"imap: the account's credentials are not usable: {fault}")
