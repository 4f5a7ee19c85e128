"""Customers as a person sees them, makes one of two, and two of one again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app import store
from app.errors import Conflict, InvalidInput, NotFound
from app.models import Customer, CustomerIdentity, CustomerMerge
from app.runtime import Runtime
from app.services.merging import part, unite
from app.store.transaction import Transaction

#: The rule by which a person merges: that they say so.
PERSON = "person"


@dataclass(frozen=True)
class OneCustomer:
    """A customer, and how they came to be who they are."""

    customer: Customer
    first_seen_at: datetime
    """Of all that are merged here."""
    identities: Sequence[CustomerIdentity]
    merged: Sequence[UUID]
    """The ids for which this customer stands beside their own."""
    merges: Sequence[CustomerMerge]
    """All in which any of these had a part, undone ones too."""


@dataclass(frozen=True)
class Merging:
    """What a merge would do, or did."""

    survivor_id: UUID
    loser_id: UUID
    moves: Mapping[str, int]
    """How many rows of each table go over."""
    merge: CustomerMerge | None
    """None where it was only asked what would happen."""


def workspace_of_customer(runtime: Runtime, customer_id: UUID) -> UUID:
    """Whose customer it is, for operators, who see every workspace.

    Raises NotFound.
    """
    with runtime.system_transaction() as tx:
        return _require(tx, customer_id).workspace_id


def workspace_of_merge(runtime: Runtime, merge_id: UUID) -> UUID:
    """In which workspace a merge was made, for operators.

    Raises NotFound.
    """
    with runtime.system_transaction() as tx:
        return _require_merge(tx, merge_id).workspace_id


def get_customer(
    runtime: Runtime, workspace_id: UUID, customer_id: UUID
) -> OneCustomer:
    """A customer and all that they are known by; of a merged one, who stands for them.

    Raises NotFound.
    """
    with runtime.transaction(workspace_id) as tx:
        return _one(tx, customer_id)


def merge_customers(
    runtime: Runtime,
    workspace_id: UUID,
    kept_id: UUID,
    lost_id: UUID,
    *,
    actor: str,
    dry_run: bool = False,
) -> Merging:
    """Make one customer of two; the first one stays. With `dry_run` nothing changes.

    Raises NotFound, InvalidInput where both are the same, Conflict where they are one already.
    """
    if kept_id == lost_id:
        raise InvalidInput("a customer is not merged with themselves")
    with runtime.transaction(workspace_id) as tx:
        store.locks.lock_people(tx, workspace_id, to_merge=not dry_run)
        kept, lost = _require(tx, kept_id), _require(tx, lost_id)
        if kept.id == lost.id:
            raise Conflict(f"{kept_id} and {lost_id} are one customer already")
        if dry_run:
            return Merging(kept.id, lost.id, store.merges.weigh(tx, lost.id), None)
        merge = unite(tx, kept_id, lost_id, rule=PERSON, details={}, actor=actor)
        assert merge is not None  # they differ, and nobody else merges meanwhile
        store.tenants.record_audit(
            tx,
            workspace_id=workspace_id,
            actor=actor,
            action="customer.merge",
            subject=str(merge.id),
            details={
                "survivor_id": str(kept.id),
                "loser_id": str(lost.id),
                "moved": merge.moved,
            },
        )
        return Merging(kept.id, lost.id, merge.moved, merge)


def undo_merge(
    runtime: Runtime, workspace_id: UUID, merge_id: UUID, *, actor: str
) -> CustomerMerge:
    """Part two customers again; no proof merges them a second time unless a person does.

    Raises NotFound, and Conflict where it was undone before.
    """
    with runtime.transaction(workspace_id) as tx:
        store.locks.lock_people(tx, workspace_id, to_merge=True)
        _require_merge(tx, merge_id)
        merge = part(tx, merge_id, actor=actor)
        if merge is None:
            raise Conflict(f"merge {merge_id} is undone already")
        store.tenants.record_audit(
            tx,
            workspace_id=workspace_id,
            actor=actor,
            action="customer.unmerge",
            subject=str(merge.id),
            details={
                "survivor_id": str(merge.survivor_id),
                "loser_id": str(merge.loser_id),
            },
        )
        return merge


def _one(tx: Transaction, customer_id: UUID) -> OneCustomer:
    customer = _require(tx, customer_id)
    group = store.merges.group_of(tx, [customer.id])
    return OneCustomer(
        customer=customer,
        first_seen_at=min(row.first_seen_at for row in group.values()),
        identities=store.customers.identities_of(tx, customer.id),
        merged=[one for one in group if one != customer.id],
        merges=store.merges.about(tx, list(group)),
    )


def _require(tx: Transaction, customer_id: UUID) -> Customer:
    customer = store.customers.get(tx, customer_id)
    if customer is None:
        raise NotFound(f"no customer {customer_id}")
    return customer


def _require_merge(tx: Transaction, merge_id: UUID) -> CustomerMerge:
    merge = store.merges.get(tx, merge_id)
    if merge is None:
        raise NotFound(f"no merge {merge_id}")
    return merge
