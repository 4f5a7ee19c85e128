"""The mark in the header of mail that we send.

Whoever reads "automatic" there does not answer automatically, ours or another installation's: a
forged one only keeps its forger from being answered by a program. What the mark proves, that a
mail is one of ours, it proves by its signature alone.
"""

import hashlib
import hmac
from uuid import UUID

#: In lower case, as headers are looked up.
HEADER = "x-bizzybee-mark"
NAME = "X-BizzyBee-Mark"

_AUTOMATIC = "automatic"
_BY_HAND = "by-hand"
_SIGNATURE_BYTES = 10
_LONGEST = 200


def make(key: bytes, message_id: UUID, *, automatic: bool) -> str:
    """Return the mark of a message of ours; `key` is the workspace's (`workspace_key`)."""
    kind = _AUTOMATIC if automatic else _BY_HAND
    return f"{kind}; id={message_id}; sig={_signature(key, kind, message_id)}"


def is_automatic(mark: str) -> bool:
    """Whether a mark, signed by whomever, says that a program answered."""
    return mark.strip().lower().startswith(_AUTOMATIC)


def verify(key: bytes, mark: str) -> UUID | None:
    """Return the message of ours that a mark names, or None where we did not sign it."""
    if len(mark) > _LONGEST:
        return None
    kind, *named = (one.strip() for one in mark.lower().split(";"))
    told = dict(one.partition("=")[::2] for one in named)
    try:
        message_id = UUID(told.get("id", ""))
    except ValueError:
        return None
    expected = _signature(key, kind, message_id).encode()
    # In constant time: how long a guess takes must not tell how good it was.
    given = told.get("sig", "").encode("utf-8", "replace")
    return message_id if hmac.compare_digest(given, expected) else None


def _signature(key: bytes, kind: str, message_id: UUID) -> str:
    signed = b"loop mark:" + kind.encode("utf-8", "replace") + message_id.bytes
    return hmac.digest(key, signed, hashlib.sha256)[:_SIGNATURE_BYTES].hex()
