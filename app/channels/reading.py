"""Reads what a provider sent: every field may be absent or of another type than documented."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.channels.base import Item
from app.domain.scrub import scrub
from app.domain.text_fingerprint import TextFingerprint
from app.domain.unified_message import Moment, UnifiedMessage
from app.errors import InvalidPayload
from app.transport import decoded

#: In `metadata`: no reason to begin a conversation. What has one of that thread belongs to it.
NO_CONVERSATION = {"no_conversation": True}

_LONGEST_ID = 500
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


def read_json(provider: str, body: bytes) -> dict[str, Any]:
    """Return the object that a body holds.

    Raises InvalidPayload where it holds none.
    """
    try:
        told = decoded(body)
    except (ValueError, RecursionError):
        raise InvalidPayload(f"{provider}: the body is not JSON") from None
    if not isinstance(told, dict):
        raise InvalidPayload(f"{provider}: the body is no JSON object")
    return told


def read_item(
    provider: str,
    original: dict[str, Any],
    read: Callable[[dict[str, Any]], UnifiedMessage],
    *,
    external_id: str | None = None,
    fingerprint: TextFingerprint | None = None,
) -> Item:
    """Read one thing of a request; what cannot be understood comes back with what is wrong.

    `external_id` names it where it cannot be read, `fingerprint` where the provider gives no id.
    `read` may raise InvalidPayload.
    """
    raw: dict[str, Any] = {}
    try:
        raw = scrub(original)
        message = read(raw)
        return Item(
            raw,
            message,
            external_id=message.external_id,
            fingerprint=fingerprint.own if fingerprint else None,
            near=fingerprint.near if fingerprint else frozenset(),
        )
    except RecursionError:
        raw = {}  # nested as deep as that it could not be stored either
        fault = "nested too deep"
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        fault = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except InvalidPayload as exc:
        fault = str(exc)
    return Item(raw, None, f"{provider}: unreadable: {fault}", external_id)


def text_of(value: Any) -> str:
    """Return a text as it is, or nothing."""
    return value if isinstance(value, str) else ""


def word_of(value: Any) -> str:
    """Return a text without blanks around it, or nothing."""
    return text_of(value).strip()


def id_of(value: Any) -> str:
    """Return an id, whether it is written as a number or as text, or nothing."""
    if isinstance(value, int) and not isinstance(value, bool):
        # Python refuses to write out numbers of thousands of digits.
        return str(value) if value.bit_length() <= 64 else ""
    text = word_of(value)
    return text if len(text) <= _LONGEST_ID else ""


def object_of(value: Any) -> dict[str, Any]:
    """Return an object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects_of(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list."""
    for item in value if isinstance(value, list) else []:
        if isinstance(item, dict):
            yield item


def count_of(value: Any) -> int | None:
    """Return a number that counts something, also where it is written as text."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= 18:
        return int(value)
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return value if is_count and 0 <= value < 2**63 else None


def number_of(value: Any) -> float | None:
    """Return a number, also where it is written as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def moment_of(value: Any) -> datetime | None:
    """Return a moment that is given in seconds since 1970 or as ISO 8601; None for none."""
    try:
        if isinstance(value, str) and not value.strip().replace(".", "", 1).isdecimal():
            return _MOMENT.validate_python(datetime.fromisoformat(value.strip()))
        seconds = number_of(value)
        if not seconds:  # Telegram writes 0 where it does not tell
            return None
        return _MOMENT.validate_python(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def filled(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts that there are."""
    return {
        name: fact for name, fact in facts.items() if fact not in (None, "", [], {})
    }
