"""Tokens that say where a client has got to; opaque to it, read back here."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any


def packed(*position: int | str) -> str:
    """The token for a position."""
    return urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def unpacked(token: str, *kinds: type) -> list[Any] | None:
    """The position in a token, or None where it does not hold just such values."""
    try:
        position = json.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(position, list) or [type(each) for each in position] != [*kinds]:
        return None
    return position
