"""Which conversations belong together, as a function of the set of messages alone.

Trees grow into one where a claim of one is let in by the other. Who is let in depends on who takes
part, and a tree that grows has more who do: so a claim that was refused is looked at again whenever
either side grows. Growing never refuses what was let in before, hence the end is the same in
whatever order the messages come.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.threading import ANYBODY, Claim, ClaimKind

#: How long after a mail an answer without ids is taken to be one.
SUBJECT_WINDOW = timedelta(days=14)
#: Clocks differ.
_BEFORE = timedelta(hours=1)

_Held = tuple[UUID, Claim]


@dataclass(frozen=True)
class Joint:
    """Where two trees grew together, and by which claim."""

    one: UUID
    other: UUID
    claim: Claim


class Forest:
    """Messages and conversations as nodes; those of one tree belong together."""

    def __init__(self) -> None:
        self.joints: list[Joint] = []
        self._parents: dict[UUID, UUID] = {}
        self._nodes: dict[UUID, list[UUID]] = {}
        self._participants: dict[UUID, set[str]] = {}
        self._keys: dict[UUID, set[str]] = {}
        self._holders: dict[str, dict[_Held, None]] = defaultdict(dict)
        self._unsettled: dict[str, None] = {}

    def add(
        self,
        node: UUID,
        claims: Iterable[Claim] = (),
        participants: Collection[str] = (),
    ) -> None:
        """Add a node, or tell more of one."""
        if node not in self._parents:
            self._parents[node] = node
            self._nodes[node] = [node]
            self._participants[node] = set()
            self._keys[node] = set()
        root = self.root(node)
        for claim in claims:
            if (node, claim) not in self._holders[claim.key]:
                self._holders[claim.key][node, claim] = None
                self._keys[root].add(claim.key)
                self._unsettled[claim.key] = None
        if not self._participants[root].issuperset(participants):
            self._participants[root].update(participants)
            self._unsettled.update(dict.fromkeys(self._keys[root]))

    def root(self, node: UUID) -> UUID:
        """The node that stands for a tree; another one when it has grown."""
        while (parent := self._parents[node]) != node:
            self._parents[node] = node = self._parents[parent]
        return node

    def tree(self, node: UUID) -> list[UUID]:
        """The nodes that belong together with one."""
        return self._nodes[self.root(node)]

    def trees(self) -> list[list[UUID]]:
        return list(self._nodes.values())

    def participants(self, node: UUID) -> set[str]:
        """Who takes part in the tree of a node."""
        return self._participants[self.root(node)]

    def holders(self, key: str) -> Iterable[_Held]:
        """The nodes that hold a key, each with its claim."""
        return self._holders.get(key, ())

    def holds(self, node: UUID, claim: Claim) -> bool:
        """Whether a node is known to hold this very claim."""
        return (node, claim) in self._holders.get(claim.key, {})

    def unite(self, one: UUID, other: UUID, claim: Claim) -> None:
        """Let two trees grow into one; the claim says why."""
        root, loser = self.root(one), self.root(other)
        if root == loser:
            return
        if len(self._nodes[root]) < len(self._nodes[loser]):
            root, loser = loser, root
        self.joints.append(Joint(one, other, claim))
        self._parents[loser] = root
        self._nodes[root] += self._nodes.pop(loser)
        self._participants[root] |= self._participants.pop(loser)
        self._keys[root] |= self._keys.pop(loser)
        self._unsettled.update(dict.fromkeys(self._keys[root]))

    def settle(self) -> None:
        """Unite all that belongs together by what is known."""
        while self._unsettled:
            key, _ = self._unsettled.popitem()
            for one, other, claim in list(self._links(list(self._holders[key]))):
                self.unite(one, other, claim)

    def _links(self, held: list[_Held]) -> Iterator[tuple[UUID, UUID, Claim]]:
        if len(held) < 2:
            return
        kinds: dict[ClaimKind, list[_Held]] = defaultdict(list)
        for node, claim in held:
            kinds[claim.kind].append((node, claim))
        bearing = kinds[ClaimKind.BEARS] + kinds[ClaimKind.REPEATS]
        yield from _chained(kinds[ClaimKind.PROVES])
        yield from _chained(bearing)
        yield from self._to_the_bearer(kinds[ClaimKind.POINTS], bearing)
        yield from self._among_pointers(kinds[ClaimKind.POINTS])
        yield from _answered(kinds[ClaimKind.ASKS], kinds[ClaimKind.SAYS])

    def _to_the_bearer(
        self, pointing: list[_Held], bearing: list[_Held]
    ) -> Iterator[tuple[UUID, UUID, Claim]]:
        """Whoever points is let in where he takes part.

        An id that was another mail's before may have been borrowed to catch the answers to that: its
        author has to take part where the pointer comes from, too.
        """
        for bearer, borne in bearing:
            tree = self.root(bearer)
            inside = self._participants[tree]
            for pointer, claim in pointing:
                if self.root(pointer) == tree or not _may_meet(claim, borne):
                    continue
                if claim.claimant != ANYBODY and claim.claimant not in inside:
                    continue
                author = borne.claimant.partition(" ")[0]
                if (
                    borne.kind is ClaimKind.BEARS
                    or author in self._participants[self.root(pointer)]
                ):
                    yield pointer, bearer, claim

    def _among_pointers(
        self, pointing: list[_Held]
    ) -> Iterator[tuple[UUID, UUID, Claim]]:
        """Two that point to what nobody has seen: each has to take part with the other.

        Else a stranger who copies somebody in would be joined by that person's own mail.
        """
        if len(pointing) < 2:
            return
        by_tree: dict[UUID, list[_Held]] = defaultdict(list)
        for node, claim in pointing:
            by_tree[self.root(node)].append((node, claim))
        if len(by_tree) < 2:
            return
        hosts: dict[str, list[UUID]] = defaultdict(list)
        for claimant in {claim.claimant for _, claim in pointing}:
            hosts[claimant] = [
                tree
                for tree in by_tree
                if claimant == ANYBODY or claimant in self._participants[tree]
            ]
        for tree, own in by_tree.items():
            inside = self._participants[tree]
            for node, claim in own:
                for host in hosts[claim.claimant]:
                    if host == tree:
                        continue
                    for other, theirs in by_tree[host]:
                        is_let_in = theirs.claimant in inside
                        if (is_let_in or theirs.claimant == ANYBODY) and _may_meet(
                            claim, theirs
                        ):
                            yield node, other, claim
                            break


def answers(asked: str, said: str) -> bool:
    """Whether an answer without ids came soon enough after a mail of the same subject."""
    after = datetime.fromisoformat(asked) - datetime.fromisoformat(said)
    return -_BEFORE <= after <= SUBJECT_WINDOW


def _may_meet(one: Claim, other: Claim) -> bool:
    """Where the provider says that two mails are of different threads, headers do not count."""
    return not one.scope or not other.scope or one.scope == other.scope


def _chained(held: list[_Held]) -> Iterator[tuple[UUID, UUID, Claim]]:
    """Those that hold the very same claim."""
    first: dict[str, UUID] = {}
    for node, claim in held:
        known = first.setdefault(claim.claimant, node)
        if known != node:
            yield known, node, claim


def _answered(
    asking: list[_Held], saying: list[_Held]
) -> Iterator[tuple[UUID, UUID, Claim]]:
    for node, claim in asking:
        for other, theirs in saying + asking:
            if other != node and answers(claim.claimant, theirs.claimant):
                yield node, other, claim
