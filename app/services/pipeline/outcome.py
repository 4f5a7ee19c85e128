"""What a stage says of a job."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.jobs.contracts import Job


@dataclass(frozen=True)
class Outcome:
    """How many events went which way, and the jobs of the next stage."""

    counts: dict[str, int] = field(default_factory=dict)
    """`decided`, `superseded`, `put_off`, … → number of events. Empty: nothing was due."""
    next_jobs: list[Job] = field(default_factory=list)

    @classmethod
    def of(cls, outcomes: Iterable[str], next_jobs: Iterable[Job] = ()) -> "Outcome":
        return cls(dict(Counter(outcomes)), list(next_jobs))
