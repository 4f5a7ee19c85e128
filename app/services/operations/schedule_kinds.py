"""The kinds of recurring work: what each does, and how often unless told otherwise."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.domain.schedule import Progress
from app.errors import Conflict, InvalidInput
from app.runtime import Runtime
from app.services.operations.archive import archive_old


@dataclass(frozen=True)
class Kind:
    """Work that comes again and again, for each workspace."""

    work: Callable[[Runtime, UUID], Progress]
    """Takes seconds, not minutes, and says whether there is more; safe to repeat."""
    every: timedelta


KINDS: dict[str, Kind] = {
    "retention": Kind(archive_old, every=timedelta(days=1)),
}

#: Every kind that operators know by name, whether anything carries it out yet or not.
NAMES = (
    "chatwoot_sync",
    "embeddings_run",
    "signals_extraction",
    "health_scoring",
    "campaign_scheduler",
    "analytics_aggregates",
    "insights",
    "retention",
    "reconciliation",
)


def require_kind(name: str) -> Kind:
    """The kind of this name.

    Raises InvalidInput for one that nobody knows, Conflict for one that nothing carries out yet.
    """
    if name in KINDS:
        return KINDS[name]
    if name in NAMES:
        raise Conflict(
            f"{name} is not available: nothing in this version carries it out"
        )
    raise InvalidInput(
        f"no kind of scheduled job is named {name!r}; there are: {', '.join(NAMES)}"
    )


def not_available() -> list[str]:
    """The kinds that nothing carries out yet."""
    return [name for name in NAMES if name not in KINDS]
