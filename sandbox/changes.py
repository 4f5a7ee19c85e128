"""What has happened in a mailbox, counted: each change has the next number."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["created", "updated", "deleted"]


@dataclass(frozen=True, slots=True)
class Change:
    """What a watcher is told of: which mail changed, and how."""

    kind: Kind
    id: str
    thread_id: str
    is_draft: bool


@dataclass(frozen=True, slots=True)
class Deleted:
    """What is left of a mail that is gone from under its id."""

    change: int
    id: str
    folder: str
    internet_message_id: str
    time: int


class Changes:
    """Which mail each change was made to; a mail of the file counts as one change."""

    def __init__(self, mails: int) -> None:
        self._numbers = list(range(1, mails + 1))
        """The number of the mail; 0 for a deletion, after which nothing is left."""
        self._deleted: list[Deleted] = []

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, number: int) -> None:
        """Count a change of the mail of this number."""
        self._numbers.append(number)

    def add_deletion(self, deleted: Deleted) -> None:
        """Count a deletion."""
        self._numbers.append(0)
        self._deleted.append(deleted)

    def after(self, since: int) -> Iterator[tuple[int, int]]:
        """The later changes with the numbers of their mails, the oldest first."""
        for change in range(since + 1, len(self._numbers) + 1):
            if number := self._numbers[change - 1]:
                yield change, number

    def deletions_after(self, since: int, limit: int) -> tuple[list[Deleted], bool]:
        """The next deletions, and whether there are more."""
        start = bisect_right(self._deleted, since, key=lambda each: each.change)
        end = start + limit
        return self._deleted[start:end], end < len(self._deleted)
