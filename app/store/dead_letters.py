"""`dead_letters`: what is not tried again unless somebody says so."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.domain.status import DeadLetterStatus
from app.jobs.contracts import DeadLetterNotice
from app.models import DeadLetter
from app.store.transaction import Transaction


def add(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Keep dead letters, and give notice of them once they are committed.

    One whose fingerprint is there already is not kept twice. The rows belong to one workspace.
    """
    if not rows:
        return
    added = tx.session.scalars(
        insert(DeadLetter).on_conflict_do_nothing().returning(DeadLetter.id),
        # In one order everywhere: two batches with the same items must not wait in a circle.
        sorted(rows, key=lambda row: row.get("fingerprint") or ""),
    ).all()
    if added:
        owner = rows[0].get("workspace_id")
        tx.publish_after_commit(
            DeadLetterNotice(workspace_id=owner, letter_ids=tuple(added))
        )


def get(tx: Transaction, letter_id: UUID) -> DeadLetter | None:
    return tx.session.get(DeadLetter, letter_id)


def find(
    tx: Transaction,
    *,
    status: DeadLetterStatus | None = DeadLetterStatus.OPEN,
    job_type: str | None = None,
    limit: int = 100,
) -> Sequence[DeadLetter]:
    """Dead letters, newest first."""
    statement = select(DeadLetter).order_by(DeadLetter.created_at.desc()).limit(limit)
    if status is not None:
        statement = statement.where(DeadLetter.status == status)
    if job_type is not None:
        statement = statement.where(DeadLetter.job_type == job_type)
    return tx.session.scalars(statement).all()


def count_open(tx: Transaction) -> int:
    """How many dead letters wait for somebody."""
    statement = select(func.count()).where(DeadLetter.status == DeadLetterStatus.OPEN)
    return tx.session.scalar(statement) or 0


def settle(
    tx: Transaction, letter_ids: Collection[UUID], status: DeadLetterStatus
) -> list[DeadLetter]:
    """Move open letters to another state; returns those that were open."""
    return list(
        tx.session.scalars(
            update(DeadLetter)
            .where(
                DeadLetter.id.in_(letter_ids),
                DeadLetter.status == DeadLetterStatus.OPEN,
            )
            .values(status=status, updated_at=tx.now)
            .returning(DeadLetter)
            .execution_options(synchronize_session=False)
        )
    )
