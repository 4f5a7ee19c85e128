"""What most providers sign in the same way: HMAC-SHA256 over the bytes as they came."""

import hashlib
import hmac
import time

from app.channels.base import Account
from app.channels.webhook import NoSecret
from app.errors import AccessDenied

#: Seconds. A redelivery may carry the first timestamp, so only the future is refused.
_MAX_SKEW = 300
#: Seconds until it is worth calling again.
_MISSING = 60.0


def secret_of(account: Account | None, name: str) -> bytes:
    """Return what an account and its provider both know.

    Raises NoSecret where the address names no account, or nobody has entered the secret.
    """
    if account is None:
        raise NoSecret("the address has to name the account", _MISSING)
    secret = account.credentials.get(name)
    if not isinstance(secret, str) or not secret:
        raise NoSecret(f"the account has no {name}", _MISSING)
    return secret.encode("utf-8", "replace")


def check_hmac(given: str, secret: bytes, *signed: bytes) -> None:
    """Compare a hexadecimal HMAC-SHA256 over `signed`, with or without `sha256=` before it.

    Raises AccessDenied.
    """
    digest = hmac.new(secret, b"".join(signed), hashlib.sha256).hexdigest()
    told = given.strip().lower().removeprefix("sha256=")
    if not hmac.compare_digest(digest.encode(), told.encode("utf-8", "replace")):
        raise AccessDenied("the signature is not the provider's")


def check_time(timestamp: str) -> None:
    """Look at the seconds since 1970 that were signed along; do so after the signature.

    Raises AccessDenied.
    """
    told = timestamp[:20]
    if not told.isdecimal() or int(told) > time.time() + _MAX_SKEW:
        raise AccessDenied("the time of the signature lies in the future")
