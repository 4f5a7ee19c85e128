"""The updates of bots that are to be asked for, until they are confirmed."""

import threading
from typing import Any

Update = dict[str, Any]


class Updates:
    """By bot, the oldest first. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Update]] = {}

    def add(self, bot: str, update: Update) -> None:
        with self._lock:
            self._waiting.setdefault(bot, []).append(update)

    def from_(self, bot: str, offset: int) -> list[Update]:
        """Those from an id on; a negative one counts from the end."""
        with self._lock:
            waiting = self._waiting.get(bot, [])
            if offset < 0:
                return waiting[offset:]
            return [one for one in waiting if one["update_id"] >= offset]

    def confirm(self, bot: str, offset: int) -> None:
        """Forget those before an id."""
        kept = self.from_(bot, offset)
        with self._lock:
            self._waiting[bot] = kept

    def pop_all(self, bot: str) -> list[Update]:
        """Take all that wait."""
        with self._lock:
            return self._waiting.pop(bot, [])
