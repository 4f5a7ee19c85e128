"""`webhook_receipts` and `event_repeats`: how messages reached us."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.domain.status import Source
from app.models import EventRepeat, WebhookReceipt
from app.store.transaction import Transaction


def add(tx: Transaction, row: dict[str, Any]) -> None:
    """Keep a request as it came."""
    tx.session.execute(insert(WebhookReceipt).values(row))


def add_repeats(
    tx: Transaction,
    event_ids: Collection[UUID],
    *,
    source: Source,
    receipt_id: UUID | None,
    run_id: UUID | None,
) -> None:
    """Note that events came again; one row per event and way, which counts."""
    if not event_ids:
        return
    offered = insert(EventRepeat).values(
        [
            {
                "workspace_id": tx.workspace_id,
                "event_id": event_id,
                "source": source,
                "receipt_id": receipt_id,
                "run_id": run_id,
            }
            for event_id in sorted(event_ids)
        ]
    )
    tx.session.execute(
        offered.on_conflict_do_update(
            index_elements=["event_id", "source"],
            set_={
                "count": EventRepeat.count + 1,
                "last_at": tx.now,
                "receipt_id": offered.excluded.receipt_id,
                "run_id": offered.excluded.run_id,
            },
        )
    )


def repeats_of(tx: Transaction, event_id: UUID) -> Sequence[EventRepeat]:
    """How an event came again, the earliest way first."""
    return tx.session.scalars(
        select(EventRepeat)
        .where(EventRepeat.event_id == event_id)
        .order_by(EventRepeat.first_at)
    ).all()


def get(tx: Transaction, receipt_id: UUID) -> WebhookReceipt | None:
    return tx.session.get(WebhookReceipt, receipt_id)
