"""What a view may ask: the runtime of the application, and who is calling."""

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from flask import current_app, g

from app.errors import AccessDenied
from app.runtime import Runtime

EXTENSION = "bizzybee"


@dataclass(frozen=True)
class Caller:
    """Who is calling, as the key or token proved."""

    actor: str
    """For the audit log."""
    workspace_id: UUID | None
    """None for an operator, who sees every workspace."""


def runtime() -> Runtime:
    """The runtime that the application was created with."""
    return cast(Runtime, current_app.extensions[EXTENSION])


def caller() -> Caller:
    """Who is calling."""
    return cast(Caller, g.caller)


def workspace_id() -> UUID:
    """The workspace whose key was shown."""
    known = caller().workspace_id
    if known is None:
        raise AccessDenied("a key of a workspace is needed here", known=True)
    return known
