"""Who is one person once ties between customers are drawn, and once one of them is cut again.

What stands follows from the ties that hold, in the order they were drawn, and from nothing else: so
cutting one leaves what there would be had it never been drawn, whatever came after it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Tie:
    """Two customers are one person."""

    kept: UUID
    """Whoever this one is by then goes on to stand for both."""
    lost: UUID


def survivors(ties: Iterable[Tie]) -> dict[UUID, UUID]:
    """Return who stands for each tied customer; the ties in the order they were drawn."""
    stands_for: dict[UUID, UUID] = {}
    groups: dict[UUID, list[UUID]] = {}
    for tie in ties:
        kept, lost = (stands_for.setdefault(end, end) for end in (tie.kept, tie.lost))
        if kept == lost:
            continue
        members = groups.pop(lost, [lost])
        groups.setdefault(kept, [kept]).extend(members)
        for member in members:
            stands_for[member] = kept
    return stands_for


@dataclass(frozen=True)
class Named:
    """A customer of a group, and what they are called."""

    id: UUID
    name: str | None
    name_from: UUID | None
    """Of whom the name was taken; None where it is their own."""
    stood: bool
    """Whether they stood for somebody until now."""


def name_of(survivor: Named, group: Sequence[Named]) -> tuple[str | None, UUID | None]:
    """Return what a survivor is called, and after whom.

    A name is kept; only the nameless take that of somebody in their group, and lose it with them.
    """
    members = {one.id for one in group}
    ordered = sorted(group, key=lambda one: (not one.stood, one.id))
    for one in (survivor, *ordered):
        origin = one.name_from or one.id
        if one.name is not None and origin in members:
            return one.name, None if origin == survivor.id else origin
    return None, None
