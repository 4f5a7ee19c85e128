"""The port through which jobs reach the broker."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from app.jobs.contracts import DeadLetterNotice, Job

Publishable = Job | DeadLetterNotice


class Publisher(Protocol):
    """Rings the doorbells."""

    def publish(self, jobs: Sequence[Publishable]) -> int:
        """Hand jobs to the broker; returns how many it took.

        Never raises because of the broker: what is not taken is found by the sweep.
        """

    def waiting(self) -> Mapping[str, int]:
        """Messages that wait per queue; nothing where the broker cannot tell."""


class NoPublisher:
    """For commands that leave the ringing to the sweep."""

    def publish(self, jobs: Sequence[Publishable]) -> int:
        return 0

    def waiting(self) -> Mapping[str, int]:
        return {}
