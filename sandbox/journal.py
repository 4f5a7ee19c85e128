"""The requests that the sandbox has seen, for tests and for a look at the traffic."""

import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

_KEPT = 10_000
#: Bodies are kept of the newest requests only, so that a long bench needs no memory.
_WITH_BODY = 1_000
_LONGEST_BODY = 10_000


@dataclass
class Seen:
    """One request and how it was answered."""

    time: str
    method: str
    provider: str
    path: str
    query: str
    status: int | None
    """None where the connection was dropped."""
    duration_ms: int
    body: str | None
    """None where it is longer than what is kept, or old."""


class Journal:
    """The last requests, and counts of all. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: deque[Seen] = deque(maxlen=_KEPT)
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, seen: Seen, route: str) -> None:
        """Note a request; `route` is its path with the ids left open."""
        if seen.body is not None and len(seen.body) > _LONGEST_BODY:
            seen.body = None
        with self._lock:
            self._seen.append(seen)
            self._counts[seen.provider, route] += 1
            if len(self._seen) > _WITH_BODY:
                self._seen[-_WITH_BODY - 1].body = None

    def requests(self) -> list[dict[str, Any]]:
        """The requests that are still known, oldest first."""
        with self._lock:
            return [asdict(seen) for seen in self._seen]

    def counts(self) -> dict[str, dict[str, int]]:
        """How often each path of each provider was asked."""
        with self._lock:
            counted = sorted(self._counts.items())
        counts: dict[str, dict[str, int]] = {}
        for (provider, route), count in counted:
            counts.setdefault(provider, {})[route] = count
        return counts

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._seen.clear()
            self._counts.clear()
