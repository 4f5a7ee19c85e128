"""Named points between claim, call, write and publish, at which a failure test may kill the process.

Without such a test a checkpoint does nothing.
"""

import os
import random
import signal
from collections.abc import Callable, Sequence

from app.errors import ConfigurationError
from app.jobs.publishing import Publishable, Publisher

Checkpoint = Callable[[str], None]


def no_checkpoint(_point: str) -> None:
    """Go on."""


def killing(plan: str) -> Checkpoint:
    """Kill the process at the points of a plan: `materialize.claimed=0.1,publish=0.05`.

    `*` stands for every point. Raises ConfigurationError for a plan that cannot be read.
    """
    try:
        chances = {
            point.strip(): float(chance)
            for point, _, chance in (part.partition("=") for part in plan.split(","))
        }
    except ValueError:
        raise ConfigurationError(
            f"BB_KILL_AT is not point=probability,…: {plan}"
        ) from None

    def reached(point: str) -> None:
        if random.random() < chances.get(point, chances.get("*", 0.0)):
            # Whoever counts the kills reads it in the log.
            os.write(2, f"killed at {point}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


class CheckpointedPublisher:
    """Passes the checkpoint `publish` between every commit and its jobs."""

    def __init__(self, publisher: Publisher, checkpoint: Checkpoint) -> None:
        self._publisher = publisher
        self._checkpoint = checkpoint
        self.waiting = publisher.waiting

    def publish(self, jobs: Sequence[Publishable]) -> int:
        """See `app.jobs.publishing.Publisher`."""
        self._checkpoint("publish")
        return self._publisher.publish(jobs)
