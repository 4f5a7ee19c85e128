"""Why a group was torn or mixed up: what the headers of its mails say of each other."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from evaluation.partition import Mixed

NAMED = "a mail of one part names a mail of the other"
SHARED = "both parts name a mail that is not there"
NOTHING = "no header ties the parts"

Ancestors = Mapping[str, frozenset[str]]
"""Message-ID → the ids that the mail names."""


def causes(groups: Iterable[Mixed], ancestors: Ancestors) -> Counter[str]:
    """Pairs by the weakest tie that is needed to hold the parts of their group together."""
    counted: Counter[str] = Counter()
    for group in groups:
        counted[cause(group.parts, ancestors)] += group.pairs
    return counted


def cause(parts: Sequence[Sequence[str]], ancestors: Ancestors) -> str:
    """The weakest tie that is needed to hold these parts together."""
    place = {one: number for number, part in enumerate(parts) for one in part}
    by_name: list[set[int]] = []
    absent: dict[str, set[int]] = defaultdict(set)
    for one, number in place.items():
        for other in ancestors.get(one, ()):
            if other in place:
                by_name.append({number, place[other]})
            else:
                absent[other].add(number)
    if _connect(len(parts), by_name):
        return NAMED
    if _connect(len(parts), [*by_name, *absent.values()]):
        return SHARED
    return NOTHING


def _connect(count: int, ties: Iterable[set[int]]) -> bool:
    """Whether these ties join all of `count` parts."""
    leader = list(range(count))

    def lead(one: int) -> int:
        while leader[one] != one:
            leader[one] = leader[leader[one]]
            one = leader[one]
        return one

    for tied in ties:
        first, *others = tied
        for other in others:
            leader[lead(other)] = lead(first)
    return len({lead(one) for one in range(count)}) <= 1
