"""Reads single fields: any may be absent, or of another type than documented."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.domain.scrub import scrub_text
from app.domain.unified_message import Moment

_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
#: As seconds this is the year 5138, as milliseconds 1973.
_SECONDS_END = 100_000_000_000
_LONGEST_NUMBER = 20


def text(value: Any) -> str:
    """The text, or nothing where it is none."""
    return value if isinstance(value, str) else ""


def identifier(value: Any) -> str:
    """An id as text; numbers are ids as well."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return scrub_text(text(value)).strip()


def record(value: Any) -> dict[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def records(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of a list."""
    for one in value if isinstance(value, list) else []:
        if isinstance(one, dict):
            yield one


def number(value: Any) -> str:
    """A number as people read it, or nothing."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.10g}"
    return text(value).strip()


def moment_of_stamp(value: Any) -> datetime | None:
    """The moment of a Unix time in milliseconds or in seconds, as number or as text.

    Webhooks of Messenger and Instagram carry milliseconds, those of WhatsApp and of the dashboard's
    test button seconds.
    """
    digits = identifier(value)
    if not digits.isdecimal() or len(digits) > _LONGEST_NUMBER:
        return None
    stamp = int(digits)
    seconds = stamp if stamp < _SECONDS_END else stamp / 1000
    try:
        return _MOMENT.validate_python(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def moment_of_iso(value: Any) -> datetime | None:
    """The moment that Graph writes as `2026-09-03T08:15:30+0000`."""
    try:
        return _MOMENT.validate_python(datetime.fromisoformat(text(value).strip()))
    except (ValueError, ValidationError, OverflowError):
        return None


def digest_of(value: Any) -> str:
    """An id for what has none: the same for the same content, however it was written."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def kept(**facts: Any) -> dict[str, Any]:
    """The facts that there are."""
    return {name: fact for name, fact in facts.items() if fact not in (None, "", [])}
