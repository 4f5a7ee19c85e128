"""`mail_reports`: what became of our mails, linked to them in any order of arrival."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.domain.changes import RANKS
from app.domain.status import DeliveryStatus
from app.domain.unified_message import Direction
from app.models import CustomerIdentity, MailReport, Message
from app.store.transaction import Transaction


def add_new(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Insert reports; one per message, so a replay adds nothing."""
    if rows:
        tx.session.execute(
            insert(MailReport)
            .values(list(rows))
            .on_conflict_do_nothing(index_elements=["message_id"])
        )


def link(
    tx: Transaction,
    *,
    config_ids: Collection[UUID],
    report_ids: Collection[UUID],
    outbound_ids: Collection[UUID],
) -> Sequence[Any]:
    """Tie reports to the mails of ours that they name; returns the new ties.

    Either may be the one that has just come: its Message-ID must be locked, or neither would see
    the other.
    """
    if not report_ids and not outbound_ids:
        return []
    return tx.session.execute(
        update(MailReport)
        .where(
            MailReport.config_id.in_(config_ids),
            MailReport.about_message_id.is_(None),
            Message.config_id == MailReport.config_id,
            Message.mail_id == MailReport.about_mail_id,
            Message.direction == Direction.OUTBOUND,
            or_(
                MailReport.message_id.in_(report_ids),
                Message.id.in_(outbound_ids),
            ),
        )
        .values(about_message_id=Message.id, updated_at=tx.now)
        .returning(
            MailReport.message_id,
            MailReport.kind,
            MailReport.details,
            MailReport.about_message_id,
        )
        .execution_options(synchronize_session=False)
    ).all()


def raise_delivery(
    tx: Transaction, message_id: UUID, status: DeliveryStatus, reason: str | None
) -> bool:
    """Move the delivery status of a mail forward; False where it is as far already."""
    raised = tx.session.execute(
        update(Message)
        .where(Message.id == message_id, _rank_of_stored() < RANKS[status])
        .values(delivery_status=status, delivery_reason=reason)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    return raised.first() is not None


def mark_undeliverable(
    tx: Transaction, values: Collection[str], reason: str | None
) -> None:
    """Note which addresses of customers cannot be reached, and since when."""
    if values:
        tx.session.execute(
            update(CustomerIdentity)
            .where(
                CustomerIdentity.kind == "email",
                CustomerIdentity.value.in_(values),
                CustomerIdentity.undeliverable_at.is_(None),
            )
            .values(undeliverable_at=tx.now, undeliverable_reason=reason)
            .execution_options(synchronize_session=False)
        )


def of_message(tx: Transaction, message_id: UUID) -> MailReport | None:
    """What a message reports."""
    return tx.session.get(MailReport, message_id)


def of_or_about(tx: Transaction, message_id: UUID) -> Sequence[MailReport]:
    """What a message reports, and what was reported on it, the earliest first."""
    return tx.session.scalars(
        select(MailReport)
        .where(
            or_(
                MailReport.message_id == message_id,
                MailReport.about_message_id == message_id,
            )
        )
        .order_by(MailReport.created_at)
    ).all()


def _rank_of_stored() -> ColumnElement[int]:
    return case(
        *((Message.delivery_status == status, rank) for status, rank in RANKS.items()),
        else_=0,
    )
