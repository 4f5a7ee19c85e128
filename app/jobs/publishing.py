"""The port through which jobs reach the broker."""

from collections.abc import Sequence
from typing import Protocol

from app.jobs.contracts import Job


class Publisher(Protocol):
    """Rings the doorbells."""

    def publish(self, jobs: Sequence[Job]) -> int:
        """Hand jobs to the broker; returns how many it took.

        Never raises because of the broker: what is not taken is found by the sweep.
        """


class NoPublisher:
    """For commands that leave the ringing to the sweep."""

    def publish(self, jobs: Sequence[Job]) -> int:
        return 0
