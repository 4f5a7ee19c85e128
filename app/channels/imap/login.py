"""What an account's credentials say, or in which words they are wrong."""

import ssl
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from app.errors import AuthError, PermanentError
from app.transport import is_loopback

_FIELDS = frozenset(
    {"host", "port", "tls", "username", "password", "access_token", "certificates"}
)
#: What the sending server takes over from the reading one where it has none of its own.
_SHARED = ("username", "certificates")
_SECRETS = ("password", "access_token")
_SMTP = "smtp"
_SUBMISSION_PORT = 587


class TLS(StrEnum):
    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"
    """Only for a server on this machine."""


_IMAP_PORTS = {TLS.IMPLICIT: 993, TLS.STARTTLS: 143, TLS.NONE: 143}
_SMTP_PORTS = {TLS.IMPLICIT: 465, TLS.STARTTLS: _SUBMISSION_PORT, TLS.NONE: 25}


class _Wrong(ValueError):
    """What is wrong with credentials."""


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
    protocol: str = "imap"

    @classmethod
    def read(cls, credentials: dict[str, Any]) -> Self:
        """Raises AuthError that says what is wrong, and never what the secrets are."""
        told = {name: one for name, one in credentials.items() if name != _SMTP}
        try:
            return cls._read(told, _IMAP_PORTS)
        except _Wrong as exc:
            raise _unusable("imap", exc) from None

    @classmethod
    def read_smtp(cls, credentials: dict[str, Any]) -> Self:
        """Where mail is sent: `smtp`, in the form of the rest, with the same user where it names none.

        Raises PermanentError where there is no `smtp`, and AuthError as `read` does.
        """
        told = credentials.get(_SMTP)
        if not isinstance(told, dict) or not told:
            raise PermanentError(
                "the account cannot send: its credentials have no `smtp` with a `host`"
            )
        names = _SHARED if any(one in told for one in _SECRETS) else _SHARED + _SECRETS
        shared = {name: credentials[name] for name in names if name in credentials}
        whole = shared | told
        if "tls" not in whole and whole.get("port") == _SUBMISSION_PORT:
            whole["tls"] = TLS.STARTTLS
        try:
            return replace(cls._read(whole, _SMTP_PORTS), protocol=_SMTP)
        except _Wrong as exc:
            raise _unusable(_SMTP, exc) from None

    @classmethod
    def _read(cls, credentials: dict[str, Any], ports: dict[TLS, int]) -> Self:
        if unknown := sorted(set(credentials) - _FIELDS):
            raise _Wrong(f"there is no {unknown[0][:40]!r}")
        tls = credentials.get("tls", TLS.IMPLICIT)
        if tls not in list(TLS):
            raise _Wrong("`tls` is one of: implicit, starttls, none")
        host = _text(credentials, "host")
        if not host or any(mark in host for mark in "/@ ") or not _is_name(host):
            raise _Wrong("`host` is a bare name, such as imap.example.com")
        # In brackets an IPv6 address, which the port would be read from else.
        url = f"imap://[{host}]" if ":" in host else f"imap://{host}"
        if tls == TLS.NONE and not is_loopback(url):
            raise _Wrong("without TLS only a server on this machine is talked to")
        port = credentials.get("port", ports[TLS(tls)])
        if not isinstance(port, int) or not 0 < port < 65536:
            raise _Wrong("`port` is a number from 1 to 65535")
        username = _text(credentials, "username")
        password = _text(credentials, "password")
        token = _text(credentials, "access_token")
        if username is None or (password is None) == (token is None):
            raise _Wrong(
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
            fault = _Wrong("`certificates` is text in PEM form")
            raise _unusable(self.protocol, fault) from None


def _text(
    credentials: dict[str, Any], name: str, *, several_lines: bool = False
) -> str | None:
    value = credentials.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise _Wrong(f"`{name}` is a text")
    # A line break in a password would be another command.
    if not several_lines and any(ord(character) < 32 for character in value):
        raise _Wrong(f"`{name}` holds a control character")
    return value


def _is_name(host: str) -> bool:
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def _unusable(protocol: str, fault: _Wrong) -> AuthError:
    return AuthError(f"{protocol}: the account's credentials are not usable: {fault}")
