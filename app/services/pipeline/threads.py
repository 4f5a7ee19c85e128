"""Which conversation a message belongs to, and which conversations turn out to be one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app import store
from app.domain.forest import SUBJECT_WINDOW, Forest
from app.domain.ids import new_id
from app.domain.threading import (
    Claim,
    ClaimKind,
    ThreadKey,
    conversation_of,
    moment_text,
    token_key_of,
)
from app.domain.unified_message import Direction
from app.services.pipeline.joining import united
from app.services.pipeline.placement import Arrived
from app.store.customers import NOBODY, IdentityKey, Owner
from app.store.transaction import Transaction

_BEARING = frozenset({ClaimKind.BEARS, ClaimKind.REPEATS})
#: What leads to a conversation by itself is a reference; the rest is only looked at together.
_NO_REFERENCE = frozenset({"reply_token"})


@dataclass(frozen=True)
class Places:
    """Where the messages of a batch belong."""

    by_event: dict[UUID, tuple[UUID, str]] = field(default_factory=dict)
    """The conversation of each event, and the evidence that led there."""
    copies: dict[UUID, UUID] = field(default_factory=dict)
    """Mails of ours that came back another way: event → the message that is stored."""
    claims: dict[UUID, list[dict[str, Any]]] = field(default_factory=dict)
    """What is to be remembered once the messages are stored, by account."""
    participants: list[dict[str, Any]] = field(default_factory=list)
    joined: set[UUID] = field(default_factory=set)
    """Conversations that others were merged into."""


def find_conversations(
    tx: Transaction,
    batch: Sequence[Arrived],
    customers: dict[IdentityKey, Owner],
) -> Places:
    """Find or make the conversation of each message; the creation locks are held.

    The place is a function of the set of messages, whatever the order of arrival: where a message
    shows that two conversations are one, they are joined here. All keys are remembered, those of
    parents not seen yet too.
    """
    places = Places()
    accounts: dict[tuple[UUID, str], list[Arrived]] = {}
    for one in batch:
        account = (one.event.config_id, one.event.channel)
        accounts.setdefault(account, []).append(one)
    for (config_id, channel), arrived in accounts.items():
        _Account(tx, config_id, channel, arrived).place(customers, places)
    return places


def remember(tx: Transaction, places: Places) -> None:
    """Keep what the messages claim and who takes part, for those that come later."""
    for config_id, rows in places.claims.items():
        store.threads.remember_claims(tx, config_id, rows)
    store.threads.remember_participants(tx, places.participants)


class _Account:
    """The messages of a batch that came through one account, and what they touch."""

    def __init__(
        self, tx: Transaction, config_id: UUID, channel: str, arrived: list[Arrived]
    ) -> None:
        self._tx = tx
        self._config_id = config_id
        self._channel = channel
        self._arrived = arrived
        self._forest = Forest()
        self._known: dict[UUID, set[str]] = {}
        """The conversations in the forest, with those of whom the database knows."""
        self._events = {one.event.id: one for one in arrived}

    def place(self, customers: dict[IdentityKey, Owner], places: Places) -> None:
        refs = self._plant()
        self._grow()
        survivors = self._join(places)
        self._open(customers, survivors)
        before = set(self._known)
        for one in self._arrived:
            conversation_id = survivors[self._forest.root(one.event.id)]
            places.by_event[one.event.id] = (
                conversation_id,
                self._evidence(one, before),
            )
            before.add(one.event.id)
        places.copies.update(self._copies())
        places.claims[self._config_id] = list(self._new_claims(survivors))
        places.participants.extend(self._new_participants(survivors))
        self._refer(refs, survivors)

    def _plant(self) -> dict[str, UUID]:
        """Put the batch into the forest, and what its keys lead to; returns where those lead."""
        forest = self._forest
        for one in self._arrived:
            forest.add(one.event.id, one.threading.claims, one.threading.participants)
        refs = store.conversations.by_thread(
            self._tx,
            channel=self._channel,
            config_id=self._config_id,
            threads={key.value for key in self._references()},
        )
        proven = {
            claim
            for one in self._arrived
            for claim in one.threading.claims
            if claim.kind is ClaimKind.PROVES
        }
        self._see({refs[claim.key] for claim in proven if claim.key in refs})
        for claim in proven:
            if claim.key in refs:
                forest.add(refs[claim.key], [claim])
        self._return()
        self._name()
        claims = [claim for one in self._arrived for claim in one.threading.claims]
        people = {who for one in self._arrived for who in one.threading.participants}
        self._load(
            {claim.key for claim in claims},
            {claim.key for claim in claims if claim.kind is ClaimKind.POINTS},
            people | {claim.claimant for claim in claims if claim.kind in _BEARING},
            asked=self._asked_subjects(),
        )
        return refs

    def _return(self) -> None:
        """What was placed before, or was sent from here, stays where its message is."""
        before = {
            one.event.id: place
            for one in self._arrived
            if (place := one.met_in or one.event.conversation_id)
        }
        now = store.conversations.current(self._tx, set(before.values()))
        self._see(set(now.values()))
        for event_id, conversation_id in before.items():
            if place := now.get(conversation_id):
                mark = Claim("", ClaimKind.PROVES, evidence="message_id")
                self._forest.unite(place, event_id, mark)

    def _name(self) -> None:
        """Our signed tokens name conversations of this account."""
        named = {
            conversation_of(key.value)
            for one in self._arrived
            for key in one.threading.keys
            if key.evidence == "reply_token"
        }
        if not named:
            return
        found = store.conversations.of_ids(self._tx, named)
        ours = {
            named_id: conversation.id
            for named_id, conversation in found.items()
            if conversation.config_id == self._config_id
        }
        self._see(set(ours.values()))
        for named_id, conversation_id in ours.items():
            claim = Claim(
                token_key_of(named_id), ClaimKind.BEARS, evidence="reply_token"
            )
            self._forest.add(conversation_id, [claim])

    def _asked_subjects(self) -> list[dict[str, Any]]:
        return [
            {
                "key": claim.key,
                "since": moment_text(one.occurred_at - SUBJECT_WINDOW),
                "until": moment_text(one.occurred_at + SUBJECT_WINDOW),
            }
            for one in self._arrived
            for claim in one.threading.claims
            if claim.kind is ClaimKind.ASKS
        ]

    def _see(self, conversation_ids: Iterable[UUID]) -> None:
        """Add conversations with all who take part in them."""
        new = {one for one in conversation_ids if one not in self._known}
        found = store.threads.participants_of(self._tx, new)
        for conversation_id, participants in found.items():
            self._known[conversation_id] = set(participants)
            self._forest.add(conversation_id, (), participants)

    def _load(
        self,
        keys: set[str],
        pointed: set[str],
        claimants: set[str],
        asked: Iterable[dict[str, Any]] = (),
    ) -> None:
        """Add the conversations that hold these keys, as far as they could be let in."""
        found = store.threads.claims_on(
            self._tx,
            self._config_id,
            keys=keys,
            pointed=pointed,
            claimants=claimants,
            asked=asked,
        )
        self._see({conversation_id for conversation_id, _ in found})
        for conversation_id, claim in found:
            self._forest.add(conversation_id, [claim])

    def _grow(self) -> None:
        """Unite what belongs together, until nothing that has grown lets anybody else in."""
        forest = self._forest
        asked: dict[UUID, set[str]] = {
            node: set(known) for node, known in self._known.items()
        }
        loaded = {who for one in self._arrived for who in one.threading.participants}
        while True:
            forest.settle()
            rows: list[dict[str, Any]] = []
            for tree in forest.trees():
                inside = forest.participants(tree[0])
                places = {node for node in tree if node in self._known}
                for node in tree:
                    before = asked.setdefault(
                        node, self._known.get(node, loaded).copy()
                    )
                    if not (new := inside - before):
                        continue
                    before |= new
                    held = list(self._held(node, places))
                    if held:
                        rows += held
                        rows += [{"node": node, "token": token} for token in new]
            keys = store.threads.contested(self._tx, self._config_id, rows)
            if not keys:
                return
            everybody = {
                who for tree in forest.trees() for who in forest.participants(tree[0])
            }
            self._load(keys, keys, everybody)

    def _held(self, node: UUID, places: set[UUID]) -> Iterator[dict[str, Any]]:
        """The keys of a node by which somebody else may have a claim on it."""
        if node in self._known:
            yield {"node": node, "conversation_id": node}
            return
        for key in {
            claim.key
            for claim in self._events[node].threading.claims
            if not self._is_said(claim, places)
        }:
            yield {"node": node, "key": key}

    def _is_said(self, claim: Claim, places: set[UUID]) -> bool:
        """Whether all that a claim could let in is asked for with what these places hold."""
        return any(
            holder in places
            and theirs.scope == claim.scope
            and (theirs.kind is ClaimKind.BEARS or theirs == claim)
            for holder, theirs in self._forest.holders(claim.key)
        )

    def _join(self, places: Places) -> dict[UUID, UUID]:
        """Join conversations that are one; returns the conversation of each tree that has one."""
        forest = self._forest
        survivors: dict[UUID, UUID] = {}
        touched: set[UUID] = set()
        rows: list[dict[str, Any]] = []
        for tree in forest.trees():
            # The first one is what people have seen and quoted longest.
            known = sorted(node for node in tree if node in self._known)
            if not known:
                continue
            survivors[forest.root(known[0])] = known[0]
            rows += [self._joining(known[0], loser) for loser in known[1:]]
            if len(tree) > 1:
                touched.update(known)
        if rows:
            # All that this batch will write to, at once: locks are taken in a fixed order.
            heads = store.conversations.lock(self._tx, touched)
            store.conversations.take_over(self._tx, list(united(rows, heads)))
            store.threads.join(self._tx, rows)
            places.joined.update(row["survivor_id"] for row in rows)
        return survivors

    def _joining(self, survivor: UUID, loser: UUID) -> dict[str, Any]:
        joint = next(
            joint
            for joint in reversed(self._forest.joints)
            if loser in (joint.one, joint.other)
        )
        return {
            "survivor_id": survivor,
            "loser_id": loser,
            "evidence": joint.claim.evidence,
            "key": joint.claim.key,
            "message_id": joint.claim.message_id,
        }

    def _open(
        self, customers: dict[IdentityKey, Owner], survivors: dict[UUID, UUID]
    ) -> None:
        """Make the conversations that there are none of yet."""
        rows = []
        for one in self._arrived:
            root = self._forest.root(one.event.id)
            if root in survivors:
                continue
            survivors[root] = new_id()
            rows.append(
                {
                    "id": survivors[root],
                    "workspace_id": one.event.workspace_id,
                    "channel": self._channel,
                    "config_id": self._config_id,
                    **(customers[one.identity].columns if one.identity else NOBODY),
                    "subject": one.message.subject,
                }
            )
        store.conversations.add(self._tx, rows)

    def _evidence(self, one: Arrived, before: set[UUID]) -> str:
        """The strongest key of a message that it shares with what was there before it."""
        forest = self._forest
        root = forest.root(one.event.id)
        subjects = (
            ThreadKey(claim.key, claim.evidence)
            for claim in one.threading.claims
            if claim.evidence == "subject"
        )
        for key in (*one.threading.keys, *subjects):
            for holder, _ in forest.holders(key.value):
                if holder in before and forest.root(holder) == root:
                    return key.evidence
        return "new"

    def _copies(self) -> Iterator[tuple[UUID, UUID]]:
        """Mails of ours that are stored already: the Sent folder, the list and the copy to oneself
        all bring the same one."""
        first: dict[tuple[str, str], UUID] = {}
        for one in self._arrived:
            if one.message.direction is not Direction.OUTBOUND:
                continue
            for claim in one.threading.claims:
                if claim.kind not in _BEARING or one.message.sent_at is None:
                    continue
                stored = next(
                    (
                        other.message_id
                        for holder, other in self._forest.holders(claim.key)
                        if holder in self._known
                        and other.kind in _BEARING
                        and other.claimant == claim.claimant
                        and other.message_id
                    ),
                    None,
                )
                mail = (claim.key, claim.claimant)
                message_id = stored or first.setdefault(mail, one.message_id)
                if message_id != one.message_id:
                    yield one.event.id, message_id

    def _new_claims(self, survivors: dict[UUID, UUID]) -> Iterator[dict[str, Any]]:
        forest = self._forest
        for tree in forest.trees():
            conversation_id = survivors[forest.root(tree[0])]
            for node in tree:
                claims = (
                    self._events[node].threading.claims if node in self._events else ()
                )
                for claim in claims:
                    # What is proven stands in `conversation_refs`: it leads to one place only.
                    if claim.kind is not ClaimKind.PROVES and not forest.holds(
                        conversation_id, claim
                    ):
                        yield _claim_row(conversation_id, claim)
        for named_id, claim in self._named_by_tokens():
            yield _claim_row(survivors[forest.root(named_id)], claim)

    def _named_by_tokens(self) -> Iterator[tuple[UUID, Claim]]:
        keys = {
            key.value
            for one in self._arrived
            for key in one.threading.keys
            if key.evidence == "reply_token"
        }
        for key in keys:
            for holder, claim in self._forest.holders(key):
                if claim.kind is ClaimKind.BEARS and holder in self._known:
                    yield holder, claim

    def _new_participants(
        self, survivors: dict[UUID, UUID]
    ) -> Iterator[dict[str, Any]]:
        for root, conversation_id in survivors.items():
            inside = self._forest.participants(root)
            for token in inside - self._known.get(conversation_id, set()):
                yield {"conversation_id": conversation_id, "token": token}

    def _references(self) -> list[ThreadKey]:
        return [
            key
            for one in self._arrived
            for key in one.threading.keys
            if key.evidence not in _NO_REFERENCE
        ]

    def _refer(self, refs: dict[str, UUID], survivors: dict[UUID, UUID]) -> None:
        """Let each key lead to a conversation: an id to that of the mail that bears it."""
        leads = {
            key: survivors[self._forest.root(place)] if place in self._known else place
            for key, place in refs.items()
        }
        added: dict[str, dict[str, Any]] = {}
        moved: dict[str, dict[str, Any]] = {}
        for one in self._arrived:
            place = survivors[self._forest.root(one.event.id)]
            for key in one.threading.keys:
                if key.evidence in _NO_REFERENCE:
                    continue
                if key.value not in leads:
                    leads[key.value] = place
                    added[key.value] = {
                        "id": new_id(),
                        "key": key.value,
                        "evidence": key.evidence,
                        "conversation_id": place,
                    }
                elif (
                    key.evidence == "message_id"
                    and not one.event.id_collision
                    and leads[key.value] != place
                ):
                    leads[key.value] = place
                    row = {"conversation_id": place, "evidence": key.evidence}
                    if key.value in added:
                        added[key.value] |= row
                    else:
                        moved[key.value] = {"key": key.value, **row}
        for write, rows in (
            (store.conversations.add_refs, added),
            (store.conversations.move_refs, moved),
        ):
            write(
                self._tx,
                list(rows.values()),
                channel=self._channel,
                config_id=self._config_id,
            )


def _claim_row(conversation_id: UUID, claim: Claim) -> dict[str, Any]:
    return {
        "conversation_id": conversation_id,
        "key": claim.key,
        "kind": claim.kind,
        "claimant": claim.claimant,
        "scope": claim.scope,
        "evidence": claim.evidence,
        "message_id": claim.message_id,
    }
