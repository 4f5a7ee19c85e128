"""Makes one order of several, whose scores cannot be compared."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

#: How little the first place counts for more than the second; the usual number.
_EVENNESS = 60


def fused(*rankings: Sequence[Key]) -> dict[Key, float]:
    """Return what any of the rankings names, the best first, with its score (reciprocal ranks)."""
    scores: dict[Key, float] = defaultdict(float)
    for ranking in rankings:
        for place, key in enumerate(ranking, start=1):
            scores[key] += 1 / (_EVENNESS + place)
    return dict(sorted(scores.items(), key=lambda one: -one[1]))
