"""Whose messages are: customers by all that proves to be theirs, merged where that is one person."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from app import store
from app.domain.identity import rule_of
from app.domain.ids import new_id
from app.errors import RetryableError
from app.runtime import Runtime
from app.services.merging import unite
from app.services.pipeline.changes import is_change
from app.services.pipeline.placement import Arrived, Identifier
from app.store.customers import IdentityKey, Owner
from app.store.transaction import Transaction

#: How often others may change who is who between our linking people and our storing what they say.
LINKING_ROUNDS = 5

#: Who merges where no person does.
ACTOR = "pipeline"


class Unlinked(RetryableError):
    """Customers are one person and not merged yet, which takes a lock of its own."""

    def __init__(self, batch: Sequence[Arrived]) -> None:
        super().__init__("the customers of this batch are being merged")
        self.batch = batch


def find_customers(
    tx: Transaction, batch: Sequence[Arrived], changes: Sequence[Arrived] = ()
) -> dict[IdentityKey, Owner]:
    """Find or make the customer of each message. The creation locks are held.

    What changes tell of people who are known is learnt too: that a message to a phone was read under
    a user id. Who is one with whom stays as it is until the transaction ends. Raises Unlinked.
    """
    named = [one for one in batch if one.identifiers]
    telling = [*named, *(one for one in changes if len(one.identifiers) > 1)]
    if not telling:
        return {}
    store.locks.lock_people(tx, telling[0].event.workspace_id, to_merge=False)
    people = _People(tx, telling)
    for one in telling:
        if people.place(one):
            raise Unlinked(telling)
    people.save()
    store.customers.name_the_nameless(tx, list(people.names(named)))
    return people.owners


def keep_apart(
    batch: Sequence[Arrived], owners: dict[IdentityKey, Owner]
) -> list[Arrived]:
    """Let a message lead to no conversation that is named by what is not its customer's.

    A chat is named by each of a person's identifiers, of which some may be another's: merely said, or
    parted by somebody who knows better.
    """
    return [_without_others(one, owners) for one in batch]


def link_people(runtime: Runtime, workspace_id: UUID, batch: Sequence[Arrived]) -> None:
    """Merge the customers that messages prove to be one person. Safe to repeat."""
    # A transaction for each: so that all rows of one merge are locked at once, in a fixed order.
    while _link_next(runtime, workspace_id, batch):
        pass


def _without_others(one: Arrived, owners: dict[IdentityKey, Owner]) -> Arrived:
    theirs = {
        each.original
        for each in one.identifiers
        if owners[each.key].id == owners[one.identifiers[0].key].id
    }
    others = {
        key.value
        for key in one.threading.keys
        if key.evidence == "identity" and key.value not in theirs
    }
    if not others:
        return one
    threading = replace(
        one.threading,
        keys=tuple(key for key in one.threading.keys if key.value not in others),
        claims=frozenset(
            claim for claim in one.threading.claims if claim.key not in others
        ),
    )
    return replace(one, threading=threading)


def _link_next(runtime: Runtime, workspace_id: UUID, batch: Sequence[Arrived]) -> bool:
    """Do the first merge that is due; False where there is none."""
    with runtime.transaction(workspace_id) as tx:
        keys = [key for one in batch for key in one.identity_locks]
        store.locks.lock_creation(tx, workspace_id, keys)
        store.locks.lock_people(tx, workspace_id, to_merge=True)
        people = _People(tx, batch)
        for one in batch:
            if found := people.place(one):
                people.save()
                return _merge(tx, one, *found)
        people.save()
    return False


def _merge(
    tx: Transaction,
    one: Arrived,
    first: tuple[IdentityKey, Owner],
    second: tuple[IdentityKey, Owner],
) -> bool:
    # The first one is what people have seen and quoted longest.
    kept, lost = sorted((first, second), key=lambda found: found[1].id)
    is_alias = kept[0] in lost[0].forms
    merge = unite(
        tx,
        kept[1].home_id,
        lost[1].home_id,
        rule="phone_alias" if is_alias else rule_of(one.message),
        details={
            "event_id": str(one.event.id),
            "identifiers": [_told(kept[0]), _told(lost[0])],
        },
        actor=ACTOR,
    )
    return merge is not None


class _People:
    """The customers of a batch: those who are known, and those who are new."""

    def __init__(self, tx: Transaction, batch: Sequence[Arrived]) -> None:
        self._tx = tx
        self.owners = store.customers.by_identity(
            tx,
            {
                form
                for one in batch
                for each in one.identifiers
                for form in each.key.forms
            },
        )
        self._met_before = set(self.owners)
        self._apart: dict[frozenset[UUID], bool] = {}
        self._customers: list[dict[str, Any]] = []
        self._identities: list[dict[str, Any]] = []

    def place(
        self, one: Arrived
    ) -> tuple[tuple[IdentityKey, Owner], tuple[IdentityKey, Owner]] | None:
        """Give what is new in a message to whom the rest of it belongs.

        Returns two of its identifiers that lead to different customers, where those are to be merged
        first. Whom somebody has parted is not; the message is whose its first identifier is.
        """
        known = list(self._known(one))
        for number, (key, owner) in enumerate(known):
            for other in known[:number]:
                if owner.id != other[1].id and not self._are_kept_apart(
                    owner.id, other[1].id
                ):
                    return other, (key, owner)
        new = [each for each in one.identifiers if each.key not in self.owners]
        # What is told of a message makes nobody a customer.
        if not new or (not known and is_change(one)):
            return None
        by, owner = known[0] if known else (None, self._add_customer(one))
        for each in new:
            self._add_identity(one, each, by, owner)
            by = by or each.key
        return None

    def save(self) -> None:
        """Insert what is new."""
        store.customers.add(self._tx, self._customers, self._identities)

    def names(self, batch: Sequence[Arrived]) -> Iterator[dict[str, Any]]:
        """What people that were met before are called in their messages."""
        for one in batch:
            person = one.identified.person
            if person and person.name and one.identity in self._met_before:
                owner = self.owners[one.identity]
                yield {
                    "id": owner.home_id,
                    "survivor_id": owner.id,
                    "name": person.name,
                }

    def _known(self, one: Arrived) -> Iterator[tuple[IdentityKey, Owner]]:
        for each in one.identifiers:
            for form in each.key.forms:
                if owner := self.owners.get(form):
                    yield form, owner

    def _are_kept_apart(self, one: UUID, other: UUID) -> bool:
        pair = frozenset({one, other})
        if pair not in self._apart:
            ones = store.merges.group_of(self._tx, [one])
            others = store.merges.group_of(self._tx, [other])
            self._apart[pair] = store.merges.are_kept_apart(
                self._tx, list(ones), list(others)
            )
        return self._apart[pair]

    def _add_customer(self, one: Arrived) -> Owner:
        person = one.identified.person
        customer_id = new_id()
        self._customers.append(
            {
                "id": customer_id,
                "workspace_id": one.event.workspace_id,
                "name": person.name if person else None,
                "first_seen_at": one.occurred_at,
            }
        )
        return Owner(customer_id, customer_id)

    def _add_identity(
        self, one: Arrived, new: Identifier, by: IdentityKey | None, owner: Owner
    ) -> None:
        form = next((key for key in new.key.forms if key in self.owners), None)
        consent = {"opted_out_at": None, "consent_at": None}
        rule = rule_of(one.message)
        if form is not None:
            # Whoever said stop in one form of their number is not written to in the other.
            by, owner, rule = form, self.owners[form], "phone_alias"
            consent = {name: getattr(owner, name) for name in consent}
        evidence = {"rule": rule, "event_id": str(one.event.id)}
        self._identities.append(
            {
                "id": new_id(),
                "workspace_id": one.event.workspace_id,
                **owner.columns,
                "config_id": new.key.config_id,
                "kind": new.key.kind,
                "value": new.key.value,
                "original": new.original,
                **consent,
                "evidence": evidence | {"by": _told(by)} if by else None,
            }
        )
        self.owners[new.key] = Owner(owner.id, owner.home_id, **consent)


def _told(key: IdentityKey) -> dict[str, str]:
    return {"kind": key.kind, "value": key.value}
