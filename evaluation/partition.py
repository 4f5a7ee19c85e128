"""How one way of grouping agrees with another, counted in pairs that stand together."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import comb

from evaluation.measures import Match

Groups = Mapping[str, Hashable]
"""Member → its group."""


@dataclass(frozen=True)
class Mixed:
    """A group that the other grouping takes apart."""

    parts: list[list[str]]
    """Its members by their group in the other grouping, the largest part first."""

    @property
    def pairs(self) -> int:
        """Pairs that stand together here and not there."""
        sizes = [len(part) for part in self.parts]
        return comb(sum(sizes), 2) - sum(comb(size, 2) for size in sizes)


def match_pairs(found: Groups, true: Groups) -> Match:
    """Compare the pairs of members that stand together; only members of both count."""
    shared = found.keys() & true.keys()
    return Match(
        both=_pairs(Counter((found[one], true[one]) for one in shared)),
        found=_pairs(Counter(found[one] for one in shared)),
        true=_pairs(Counter(true[one] for one in shared)),
    )


def differing_pairs(one: Groups, other: Groups) -> int:
    """How many pairs stand together in one grouping and not in the other."""
    match = match_pairs(one, other)
    return match.found + match.true - 2 * match.both


def mixed(groups: Groups, other: Groups) -> list[Mixed]:
    """The groups that `other` takes apart, the worst first; only members of both count."""
    parts: dict[Hashable, dict[Hashable, list[str]]] = defaultdict(dict)
    for member in sorted(groups.keys() & other.keys()):
        group = parts[groups[member]]
        group.setdefault(other[member], []).append(member)
    torn = [
        Mixed(sorted(group.values(), key=lambda part: (-len(part), part)))
        for group in parts.values()
        if len(group) > 1
    ]
    return sorted(torn, key=lambda one: (-one.pairs, one.parts))


def exact(found: Groups, true: Groups) -> int:
    """How many true groups were found whole and with nothing added."""
    shared = found.keys() & true.keys()
    found_sizes = Counter(found[one] for one in shared)
    true_sizes = Counter(true[one] for one in shared)
    overlap = Counter((found[one], true[one]) for one in shared)
    return sum(
        size == found_sizes[one] == true_sizes[other]
        for (one, other), size in overlap.items()
    )


def _pairs(sizes: Counter[Hashable]) -> int:
    return sum(comb(size, 2) for size in sizes.values())
