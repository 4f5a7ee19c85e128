"""Time-ordered identifiers."""

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """A version 7 UUID."""
    return uuid_utils.compat.uuid7()
