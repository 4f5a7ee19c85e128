"""Numbers about numbers: shares with their uncertainty, percentiles, F1."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: Of the normal distribution: 95 % lie within.
_Z = 1.959964


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    count: int
    of: int

    @property
    def value(self) -> float:
        return self.count / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval (Wilson): fit for small numbers and for shares near 0 and 1."""
        if not self.of:
            return 0.0, 1.0
        spread = _Z * _Z / self.of
        middle = (self.value + spread / 2) / (1 + spread)
        width = math.sqrt(self.value * (1 - self.value) * spread + spread**2 / 4)
        width /= 1 + spread
        return max(0.0, middle - width), min(1.0, middle + width)

    def record(self) -> dict[str, float | list[float]]:
        low, high = self.interval
        return {
            "count": self.count,
            "of": self.of,
            "share": round(self.value, 6),
            "interval_95": [round(low, 6), round(high, 6)],
        }

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.count} of {self.of} = {percent(self.value)} ({percent(low)} to {percent(high)})"


@dataclass(frozen=True)
class Match:
    """How what was found agrees with what is true."""

    both: int
    found: int
    true: int

    @property
    def precision(self) -> float:
        """1 where nothing was found: then nothing of it is wrong."""
        return self.both / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.both / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        total = self.found + self.true
        return 2 * self.both / total if total else 1.0

    def __add__(self, other: "Match") -> "Match":
        return Match(
            self.both + other.both, self.found + other.found, self.true + other.true
        )

    def record(self) -> dict[str, float]:
        return {
            "precision": round(self.precision, 6),
            "recall": round(self.recall, 6),
            "f1": round(self.f1, 6),
        }


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed; 0 where there are none."""
    if not ordered:
        return 0.0
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def percent(share: float) -> str:
    return f"{100 * share:.2f} %"
