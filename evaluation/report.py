"""What a scoring hands back: sheets for people, a record for machines, floors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Progress = Callable[[int, int], None]
"""Told after each batch how many mails are done, and how far the file has been read."""


def no_progress(mails: int, position: int) -> None:
    """For who watches nothing."""


@dataclass(frozen=True)
class Sheet:
    """A table."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Floor:
    """A number that must not be missed: not below `limit`, or with `at_most` not above it."""

    name: str
    value: float
    limit: float
    at_most: bool = False

    @property
    def holds(self) -> bool:
        if self.at_most:
            return self.value <= self.limit
        return self.value >= self.limit

    def record(self) -> dict[str, Any]:
        bound = "at_most" if self.at_most else "at_least"
        return {
            "name": self.name,
            "value": round(self.value, 6),
            bound: self.limit,
            "holds": self.holds,
        }


@dataclass(frozen=True)
class Report:
    """What one scoring of one corpus came to."""

    scoring: str
    corpus: str
    sheets: list[Sheet]
    record: dict[str, Any]
    floors: list[Floor] = field(default_factory=list)
