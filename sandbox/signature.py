"""Aurinko's signature of what it posts to others."""

import hashlib
import hmac


def headers(secret: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The two headers by which a receiver knows that Aurinko wrote this."""
    signed = f"v0:{timestamp}:".encode() + body
    signature = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return {
        "X-Aurinko-Request-Timestamp": str(timestamp),
        "X-Aurinko-Signature": signature,
    }
