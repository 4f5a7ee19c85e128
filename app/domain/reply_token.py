"""Our signature on a conversation, for the Message-ID or the plus-address of mail that we send.

A reply quotes it even where a mailer drops or rewrites the other ids. It proves which conversation
was meant and not who writes, so it lets nobody in who takes no part in that conversation.
"""

import base64
import hashlib
import hmac
import re
from uuid import UUID

_SIGNATURE_BYTES = 10
_PREFIX = "bb-"
_TOKEN = re.compile(r"(?<![a-z0-9])bb-([a-z2-7]{42})(?![a-z0-9])", re.IGNORECASE)
#: Of one header or address; a hash is computed for each.
_MAX_TOKENS = 8
_MAX_TEXT = 2_000


def workspace_key(secret: bytes, workspace_id: UUID) -> bytes:
    """Derive the key that signs for one workspace."""
    return hmac.digest(secret, b"reply token:" + workspace_id.bytes, hashlib.sha256)


def make(key: bytes, conversation_id: UUID) -> str:
    """Return the token of a conversation: letters and digits in one case, as local parts may be."""
    signed = conversation_id.bytes + _signature(key, conversation_id)
    return _PREFIX + base64.b32encode(signed).decode().rstrip("=").lower()


def verify(key: bytes, token: str) -> UUID | None:
    """Return the conversation that a token names, or None where we did not sign it."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    signed = base64.b32decode(match[1].upper() + "======")
    conversation_id = UUID(bytes=signed[:16])
    expected = _signature(key, conversation_id)
    # In constant time: how long a guess takes must not tell how good it was.
    return conversation_id if hmac.compare_digest(signed[16:], expected) else None


def conversations_in(key: bytes, text: str) -> list[UUID]:
    """Return the conversations whose tokens stand in an address or a Message-ID."""
    tokens = [match[0] for match in _TOKEN.finditer(text[:_MAX_TEXT])][:_MAX_TOKENS]
    return [found for token in tokens if (found := verify(key, token))]


def plus_address(token: str, address: str) -> str:
    """Return the form of one of our addresses whose answers carry the token."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{token}@{domain}"


def _signature(key: bytes, conversation_id: UUID) -> bytes:
    return hmac.digest(key, conversation_id.bytes, hashlib.sha256)[:_SIGNATURE_BYTES]
