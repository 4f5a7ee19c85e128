"""Slows down who tries keys: so many failures in a while, then a wait.

Counted by each web process for itself. Keys cannot be guessed; this only keeps the database from
being asked for nothing.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from threading import Lock

LIMIT = 20
WINDOW_SECONDS = 60.0
#: Callers that are remembered; beyond, the one that failed longest ago is forgotten.
MOST_CALLERS = 10_000


class Attempts:
    """Failures per caller."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}
        self._lock = Lock()

    def wait(self, who: str) -> int:
        """Seconds until this caller may try again; 0 means now."""
        with self._lock:
            failures = self._failures.get(who)
            if failures is None or len(failures) < LIMIT:
                return 0
            return max(0, math.ceil(failures[0] + WINDOW_SECONDS - self._clock()))

    def failed(self, who: str) -> None:
        """Count a failure."""
        with self._lock:
            failures = self._failures.pop(who, deque(maxlen=LIMIT))
            failures.append(self._clock())
            self._failures[who] = failures
            if len(self._failures) > MOST_CALLERS:
                del self._failures[next(iter(self._failures))]
