"""What follows from an IMAP server's refusals.

Response codes (RFC 5530) decide. Words are looked at only where a provider that many use gives
no code: Gmail and Microsoft 365 tell that they throttle in words alone.
"""

import imaplib
import re
import ssl

from app.errors import AuthError, BizzyBeeError, RateLimited, RetryableError

#: How long a server is left alone that says "too many" and nothing else.
PAUSE = 60.0

_LONGEST = 200
_LOOKED_AT = 2000
_CODE = re.compile(r"\[([A-Z][A-Z0-9-]*)\b")
_COMMAND = re.compile(r"^(?:command: \w+ => |[\w ]+ failed: |\w+ command error: )+")
_WRAPPED = re.compile(r"""^(?:BAD )?\[?b(['"])(.*)\1\]?$""", re.DOTALL)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")
_BACKOFF = re.compile(r"backoff time: ?(\d{1,9}) milliseconds", re.IGNORECASE)
_TOO_FAST = re.compile(
    r"too many (?:\w+ )?(?:connections|sessions|requests|commands)"
    r"|throttled|rate.?limit|exceeded (?:\w+ )*(?:bandwidth|rate|command)",
    re.IGNORECASE,
)
_TEMPORARY = re.compile(r"temporar|try again|not connected", re.IGNORECASE)
_OWN_FAULT = re.compile(r"\[SERVERBUG\]|internal (?:server )?error", re.IGNORECASE)
_SLOW_DOWN = frozenset({"LIMIT", "THROTTLED", "RATELIMIT"})
_LATER = frozenset({"UNAVAILABLE", "INUSE", "EXPUNGEISSUED"})
_NO_ENTRY = frozenset(
    {
        "AUTHENTICATIONFAILED",
        "AUTHORIZATIONFAILED",
        "EXPIRED",
        "PRIVACYREQUIRED",
        "CONTACTADMIN",
        "WEBALERT",
    }
)


class Refused(RetryableError):
    """The server said no to this command and goes on talking; nothing says that it is in trouble."""


class Failed(RetryableError):
    """The server says that the fault is its own. Of one mail that may never change."""


def failure(
    what: str, exc: Exception, *, secrets: tuple[str, ...], at_login: bool = False
) -> BizzyBeeError:
    """Name what follows from an error of the library, in words that hold no mail and no secret."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return RetryableError(
            f"imap: {what}: the server's certificate is not valid: {exc.verify_message}"
        )
    if isinstance(exc, ssl.SSLError):
        return RetryableError(
            f"imap: {what}: no TLS to be had here ({exc.reason or 'broken off'}): "
            "is it the port, or should `tls` be another?"
        )
    if isinstance(exc, OSError):
        return RetryableError(f"imap: {what}: no answer ({type(exc).__name__})")
    if not isinstance(exc, imaplib.IMAP4.error):
        return RetryableError(f"imap: {what}: the answer cannot be read")
    return _refusal(what, exc, secrets, at_login)


def _refusal(
    what: str, exc: imaplib.IMAP4.error, secrets: tuple[str, ...], at_login: bool
) -> BizzyBeeError:
    said = _said(exc)
    codes = set(_CODE.findall(said.upper()))
    # A failed log-in hides what it failed from.
    broken = isinstance(exc, imaplib.IMAP4.abort) or isinstance(
        exc.__context__, imaplib.IMAP4.abort
    )
    if broken and said.startswith(("socket error", "unexpected")):
        # The library quotes what it read, and that is somebody's mail.
        return RetryableError(f"imap: {what}: the connection broke")
    detail = f"imap: {what} was refused: {_shown(said, secrets)}"
    if codes & _NO_ENTRY:
        return AuthError(detail)
    if backoff := _BACKOFF.search(said):
        return RateLimited(detail, int(backoff[1]) / 1000)
    if codes & _SLOW_DOWN or _TOO_FAST.search(said):
        return RateLimited(detail, PAUSE)
    if broken or codes & _LATER or _TEMPORARY.search(said):
        return RetryableError(detail, PAUSE if "INUSE" in codes else None)
    if _OWN_FAULT.search(said):
        return Failed(detail)
    return AuthError(detail) if at_login else Refused(detail)


def _said(exc: imaplib.IMAP4.error) -> str:
    """What the server said, without what the libraries put around it."""
    said = exc.args[0] if exc.args else ""
    text = said.decode("ascii", "replace") if isinstance(said, bytes) else str(said)
    text = _COMMAND.sub("", text[:_LOOKED_AT])
    wrapped = _WRAPPED.match(text)
    return wrapped[2] if wrapped else text


def _shown(said: str, secrets: tuple[str, ...]) -> str:
    for secret in filter(None, secrets):
        said = said.replace(secret, "***")
    shown = _UNPRINTABLE.sub(" ", said).strip()
    return shown[:_LONGEST] or "without a reason"
