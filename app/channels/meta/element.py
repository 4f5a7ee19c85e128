"""Reads one element of a batch so that whatever is wrong with it stays with it."""

import json
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from app.channels.base import Item
from app.domain.faults import faults_of, in_words
from app.domain.scrub import MAX_DEPTH, is_storable, scrub
from app.domain.unified_message import UnifiedMessage
from app.errors import InvalidPayload

_UNSTORABLE = f"nested more than {MAX_DEPTH} levels deep"


def read_element(
    raw: Any,
    read: Callable[[dict[str, Any]], UnifiedMessage],
    *,
    external_id: str | None = None,
) -> Item:
    """Read an element by `read`; one that cannot be read comes back with what is wrong.

    `read` gets it scrubbed, and raises InvalidPayload or ValidationError.
    """
    if not is_storable(raw):
        return broken(raw, _UNSTORABLE)
    raw = scrub(raw)
    if not isinstance(raw, dict):
        return broken(raw, "not an object")
    external_id = scrub(external_id) or None
    try:
        message = read(raw)
    except InvalidPayload as exc:
        return Item(raw, None, str(exc), external_id)
    except ValidationError as exc:
        return Item(raw, None, in_words(faults_of(exc), of="message"), external_id)
    return Item(raw, message, external_id=message.external_id)


def broken(raw: Any, error: str) -> Item:
    """The item of what cannot be read, with as much of it as can be kept."""
    if not is_storable(raw):
        return Item({"json": _as_text(raw)}, None, error)
    return Item(scrub(raw if isinstance(raw, dict) else {"value": raw}), None, error)


def _as_text(raw: Any) -> str:
    try:
        return json.dumps(raw)
    except RecursionError:
        return ""
