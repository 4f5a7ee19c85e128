"""When a job that comes again and again is due, and what a run of it came to."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class Progress:
    """What one run of a scheduled job has done."""

    counts: dict[str, int] = field(default_factory=dict)
    more: bool = False
    """There is more to do than one run may take: the next one follows at once."""


def next_on_plan(anchor: datetime, every: timedelta, *, after: datetime) -> datetime:
    """The first moment of the plan `anchor`, `anchor + every`, … that lies after another moment.

    A late run does not move the plan, and any number of missed moments is one. Periods are elapsed
    time: clocks that are set forward or back for the summer shift nothing.
    """
    # Between moments of one zone Python counts what the wall clock shows.
    start = anchor.astimezone(UTC)
    return start + ((after.astimezone(UTC) - start) // every + 1) * every
