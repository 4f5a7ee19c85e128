"""`sender_rules`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app.models import SenderRule
from app.store.transaction import Transaction


def all_rules(tx: Transaction) -> Sequence[SenderRule]:
    """The rules of the workspace, in the order they were made."""
    return tx.session.scalars(
        select(SenderRule)
        .where(SenderRule.workspace_id == tx.workspace_id)
        .order_by(SenderRule.id)
    ).all()


def put(tx: Transaction, row: dict[str, Any]) -> SenderRule:
    """Add a rule, or change the one for the same field and pattern to a next version."""
    offered = insert(SenderRule).values(row)
    statement = offered.on_conflict_do_update(
        index_elements=["workspace_id", "field", "pattern"],
        set_={
            "category": offered.excluded.category,
            "decision": offered.excluded.decision,
            "version": SenderRule.version + 1,
            "updated_at": tx.now,
        },
    ).returning(SenderRule)
    return tx.session.scalars(
        statement, execution_options={"populate_existing": True}
    ).one()


def remove(tx: Transaction, rule_id: UUID) -> bool:
    """Delete a rule; decisions that it made keep naming it."""
    removed = tx.session.execute(
        delete(SenderRule).where(SenderRule.id == rule_id).returning(SenderRule.id)
    )
    return removed.first() is not None
