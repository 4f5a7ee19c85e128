"""Claims on `message_events`: who works on what, and what became of it.

Every write names the claim's token, so a worker that was too slow cannot overwrite its successor.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from app.domain.ids import new_id
from app.domain.status import EventStatus
from app.models import Conversation, Message, MessageEvent
from app.store.bulk import execute_with_rows
from app.store.transaction import Transaction


@dataclass(frozen=True)
class Claim:
    """Events that one worker holds until the lease lapses.

    Later writes name the token, so a worker that was too slow cannot overwrite its successor.
    """

    token: UUID
    taken_at: datetime
    events: list[Any]
    """Rows of `message_events`, the columns that stages need."""

    @property
    def ids(self) -> list[UUID]:
        return [event.id for event in self.events]


def take(
    tx: Transaction,
    event_ids: Collection[UUID],
    *,
    status: EventStatus,
    lease: timedelta,
) -> Claim:
    """Take the events that are due in this state; counts an attempt before any work starts.

    What another worker holds, what waits for its time and what has moved on is left out: that is
    how a doorbell rung twice does nothing twice.
    """
    token = new_id()
    due = (
        select(MessageEvent.id)
        .where(
            MessageEvent.id.in_(event_ids),
            MessageEvent.status == status,
            is_due(),
        )
        .order_by(MessageEvent.id)
        .with_for_update(skip_locked=True, key_share=True)
        .cte("due")
    )
    rows = tx.session.execute(
        update(MessageEvent)
        .where(MessageEvent.id == due.c.id)
        .values(
            attempts=MessageEvent.attempts + 1,
            lease_token=token,
            lease_expires_at=func.now() + lease,
            updated_at=func.now(),
        )
        .returning(
            MessageEvent.id,
            MessageEvent.workspace_id,
            MessageEvent.channel,
            MessageEvent.config_id,
            MessageEvent.external_id,
            MessageEvent.run_id,
            MessageEvent.attempts,
            MessageEvent.payload,
            MessageEvent.id_collision,
            MessageEvent.conversation_id,
            MessageEvent.message_id,
            MessageEvent.received_at,
        )
    )
    return Claim(token, tx.now, sorted(rows, key=lambda row: row.id))


def lock(tx: Transaction, claim: Claim) -> set[UUID]:
    """Lock those of the claim that are still ours, in a fixed order; returns their ids."""
    return set(
        tx.session.scalars(
            select(MessageEvent.id)
            .where(
                MessageEvent.id.in_(claim.ids), MessageEvent.lease_token == claim.token
            )
            .order_by(MessageEvent.id)
            .with_for_update(key_share=True)
        )
    )


def save_materialized(
    tx: Transaction, claim: Claim, rows: Sequence[dict[str, Any]]
) -> None:
    """Record where each event ended up.

    Rows: `id, status, reason, finished, decision, conversation_id, message_id, superseded_by`.
    """
    execute_with_rows(
        tx,
        """
        UPDATE message_events e
        SET status = r.status, reason = r.reason, conversation_id = r.conversation_id,
            message_id = r.message_id, superseded_by = r.superseded_by,
            decision = coalesce(r.decision, e.decision),
            decided_at = CASE WHEN r.status = 'decided' THEN :now ELSE e.decided_at END,
            materialized_at = :now, finished_at = CASE WHEN r.finished THEN :now END,
            attempts = 0, lease_token = NULL, lease_expires_at = NULL, next_attempt_at = NULL,
            last_error = NULL, rung_at = :now, updated_at = :now
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            id uuid, status text, reason text, finished boolean, decision jsonb,
            conversation_id uuid, message_id uuid, superseded_by uuid)
        WHERE e.id = r.id AND e.lease_token = :token
        """,
        rows,
        token=claim.token,
        now=tx.now,
    )


def save_decided(tx: Transaction, claim: Claim, rows: Sequence[dict[str, Any]]) -> None:
    """Record decisions. Rows: `id, decision, reason, finished`.

    An event that is not finished waits for its draft.
    """
    execute_with_rows(
        tx,
        """
        UPDATE message_events e
        SET status = 'decided', decision = r.decision, reason = r.reason,
            classified_at = :now, decided_at = :now,
            finished_at = CASE WHEN r.finished THEN :now END,
            attempts = 0, lease_token = NULL, lease_expires_at = NULL, next_attempt_at = NULL,
            last_error = NULL, rung_at = :now, updated_at = :now
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            id uuid, decision jsonb, reason text, finished boolean)
        WHERE e.id = r.id AND e.lease_token = :token
        """,
        rows,
        token=claim.token,
        now=tx.now,
    )


def finish(
    tx: Transaction,
    claim: Claim,
    event_ids: Collection[UUID],
    *,
    status: EventStatus,
    reason: str | None,
) -> None:
    """End events of the claim in a terminal state."""
    if not event_ids:
        return
    values: dict[str, Any] = {
        "status": status,
        "reason": reason,
        "finished_at": tx.now,
        "lease_token": None,
        "lease_expires_at": None,
        "next_attempt_at": None,
        "updated_at": tx.now,
    }
    if status is EventStatus.DRAFTED:
        values |= {"drafted_at": tx.now, "last_error": None}
    if status is EventStatus.SUPERSEDED:
        values["superseded_by"] = (
            select(Message.event_id)
            .join(Conversation, Conversation.last_inbound_message_id == Message.id)
            .where(Conversation.id == MessageEvent.conversation_id)
            .scalar_subquery()
        )
    tx.session.execute(
        update(MessageEvent)
        .where(MessageEvent.id.in_(event_ids), MessageEvent.lease_token == claim.token)
        .values(values)
        .execution_options(synchronize_session=False)
    )


def put_off(
    tx: Transaction,
    claim: Claim,
    event_id: UUID,
    *,
    until: datetime,
    error: str,
    counted: bool,
) -> None:
    """Give an event back until its time comes. `counted` False takes the attempt back."""
    tx.session.execute(
        update(MessageEvent)
        .where(MessageEvent.id == event_id, MessageEvent.lease_token == claim.token)
        .values(
            attempts=MessageEvent.attempts - (0 if counted else 1),
            next_attempt_at=until,
            last_error=error,
            lease_token=None,
            lease_expires_at=None,
            updated_at=tx.now,
        )
        .execution_options(synchronize_session=False)
    )


def fail(tx: Transaction, claim: Claim, event_id: UUID, error: str) -> bool:
    """End an event as failed; False where it is no longer ours."""
    result = tx.session.execute(
        update(MessageEvent)
        .where(MessageEvent.id == event_id, MessageEvent.lease_token == claim.token)
        .values(
            status=EventStatus.FAILED,
            reason="dead_lettered",
            last_error=error,
            finished_at=tx.now,
            lease_token=None,
            lease_expires_at=None,
            next_attempt_at=None,
            updated_at=tx.now,
        )
        .returning(MessageEvent.id)
        .execution_options(synchronize_session=False)
    )
    return result.first() is not None


def is_due() -> ColumnElement[bool]:
    """Unfinished, held by nobody, and not waiting for its time."""
    return and_(
        MessageEvent.finished_at.is_(None),
        or_(
            MessageEvent.lease_expires_at.is_(None),
            MessageEvent.lease_expires_at < func.now(),
        ),
        or_(
            MessageEvent.next_attempt_at.is_(None),
            MessageEvent.next_attempt_at <= func.now(),
        ),
    )
