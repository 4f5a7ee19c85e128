"""`customer_merges`: who was found to be one person, and what went over with them."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, insert, or_, select, text, update

from app.domain.merging import Tie
from app.models import Customer, CustomerMerge
from app.store.bulk import execute_with_rows
from app.store.transaction import Transaction

#: All that belongs to a customer: `customer_id` says to whom now, `home_customer_id` to whom by itself.
FOLLOWERS = ("customer_identities", "conversations", "messages", "orders")


def group_of(tx: Transaction, customer_ids: Collection[UUID]) -> dict[UUID, Any]:
    """All customers that are one with these: `id, survivor_id, name, name_from, first_seen_at`."""
    survivor_id = func.coalesce(Customer.merged_into, Customer.id)
    survivors = tx.session.scalars(
        select(survivor_id).where(Customer.id.in_(customer_ids))
    ).all()
    rows = tx.session.execute(
        select(
            Customer.id,
            survivor_id.label("survivor_id"),
            Customer.name,
            Customer.name_from,
            Customer.first_seen_at,
        )
        .where(or_(Customer.id.in_(survivors), Customer.merged_into.in_(survivors)))
        .order_by(Customer.id)
    )
    return {row.id: row for row in rows}


def ties_of(tx: Transaction, customer_ids: Collection[UUID]) -> list[Tie]:
    """The ties that hold among these customers, in the order they were drawn."""
    rows = tx.session.execute(
        select(CustomerMerge.survivor_home_id, CustomerMerge.loser_home_id)
        .where(
            CustomerMerge.survivor_home_id.in_(customer_ids),
            CustomerMerge.undone_at.is_(None),
        )
        .order_by(CustomerMerge.number)
    )
    return [Tie(kept=row.survivor_home_id, lost=row.loser_home_id) for row in rows]


def are_kept_apart(
    tx: Transaction, ones: Collection[UUID], others: Collection[UUID]
) -> bool:
    """Whether somebody has undone a merge between two groups of customers."""
    kept, lost = CustomerMerge.survivor_home_id, CustomerMerge.loser_home_id
    found = tx.session.scalar(
        select(CustomerMerge.id)
        .where(
            CustomerMerge.undone_at.is_not(None),
            or_(
                and_(kept.in_(ones), lost.in_(others)),
                and_(kept.in_(others), lost.in_(ones)),
            ),
        )
        .limit(1)
    )
    return found is not None


def add(tx: Transaction, values: dict[str, Any]) -> CustomerMerge:
    """Write a merge down, after all others. The caller may merge (`locks.lock_people`)."""
    number = (
        select(func.coalesce(func.max(CustomerMerge.number), 0) + 1)
        .where(CustomerMerge.workspace_id == values["workspace_id"])
        .scalar_subquery()
    )
    return tx.session.scalars(
        insert(CustomerMerge)
        .values(number=number, created_at=tx.now, **values)
        .returning(CustomerMerge)
    ).one()


def undo(tx: Transaction, merge_id: UUID, *, actor: str) -> CustomerMerge | None:
    """Note that a merge holds no longer; None where it held no more, or there is none."""
    return tx.session.scalar(
        update(CustomerMerge)
        .where(CustomerMerge.id == merge_id, CustomerMerge.undone_at.is_(None))
        .values(undone_at=tx.now, undone_by=actor)
        .returning(CustomerMerge)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


def get(tx: Transaction, merge_id: UUID) -> CustomerMerge | None:
    return tx.session.get(CustomerMerge, merge_id)


def about(tx: Transaction, customer_ids: Collection[UUID]) -> Sequence[CustomerMerge]:
    """The merges in which these customers had a part, undone ones too, in their order."""
    return tx.session.scalars(
        select(CustomerMerge)
        .where(
            or_(
                CustomerMerge.survivor_home_id.in_(customer_ids),
                CustomerMerge.loser_home_id.in_(customer_ids),
                CustomerMerge.survivor_id.in_(customer_ids),
                CustomerMerge.loser_id.in_(customer_ids),
            )
        )
        .order_by(CustomerMerge.number)
    ).all()


def weigh(tx: Transaction, customer_id: UUID) -> dict[str, int]:
    """How many rows of each table a customer owns."""
    return {
        table: tx.session.scalar(
            text(f"SELECT count(*) FROM {table} WHERE customer_id = :customer_id"),
            {"customer_id": customer_id},
        )
        or 0
        for table in FOLLOWERS
    }


def follow(tx: Transaction, rows: Sequence[dict[str, UUID]]) -> dict[str, int]:
    """Give what is by itself a customer's to who stands for them now; returns how much of each table.

    Rows: `home_id, from_id, to_id`. Safe to repeat.
    """
    # In the order in which all lock them; nobody waits for us who holds one of them.
    execute_with_rows(tx, _LOCK_CONVERSATIONS, rows)
    moved = {}
    for table in FOLLOWERS:
        found = execute_with_rows(tx, _FOLLOW.format(table=table), rows)
        moved[table] = found[0].moved if found else 0
    return moved


_LOCK_CONVERSATIONS = """
    SELECT c.id FROM conversations c
    WHERE c.customer_id IN (
        SELECT from_id FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (from_id uuid))
    ORDER BY c.id
    FOR NO KEY UPDATE
"""
_FOLLOW = """
    WITH moved AS (
        UPDATE {table} t
        SET customer_id = r.to_id,
            home_customer_id = NULLIF(coalesce(t.home_customer_id, t.customer_id), r.to_id)
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            home_id uuid, from_id uuid, to_id uuid)
        WHERE t.customer_id = r.from_id
          AND coalesce(t.home_customer_id, t.customer_id) = r.home_id
        RETURNING 1
    )
    SELECT count(*) AS moved FROM moved
"""


def stand_for(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Say of customers who stands for them, and what they are called.

    Rows: `id, merged_into, name, name_from`.
    """
    execute_with_rows(
        tx,
        """
        UPDATE customers c
        SET merged_into = r.merged_into, name = r.name, name_from = r.name_from,
            updated_at = :now
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            id uuid, merged_into uuid, name text, name_from uuid)
        WHERE c.id = r.id
        """,
        rows,
        now=tx.now,
    )
