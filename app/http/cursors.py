"""Cursors: where a page ended, in a form that callers hand back and do not read."""

import base64
from datetime import datetime
from uuid import UUID

from app.errors import InvalidInput


def encode(moment: datetime, row_id: UUID) -> str:
    """The cursor after a row that is ordered by (moment, id)."""
    place = f"{moment.isoformat()} {row_id}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def decode(cursor: str) -> tuple[datetime, UUID]:
    """The place a cursor names.

    Raises InvalidInput.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        moment, _, row_id = base64.urlsafe_b64decode(padded).decode().partition(" ")
        place = datetime.fromisoformat(moment), UUID(row_id)
    except ValueError as exc:
        raise _unusable() from exc
    if place[0].tzinfo is None:
        raise _unusable()
    return place


def _unusable() -> InvalidInput:
    return InvalidInput(
        "the parameters are not valid",
        [{"loc": ["cursor"], "msg": "is not a cursor of this list"}],
    )
