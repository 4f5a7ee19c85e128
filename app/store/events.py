"""`message_events`: arrival, claims, and what became of each event."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.domain.ids import new_id
from app.domain.status import EventStatus
from app.models import Conversation, Message, MessageEvent
from app.store.bulk import execute_with_rows
from app.store.transaction import Transaction

PROVIDER_KEY = ["workspace_id", "channel", "config_id", "external_id"]


@dataclass(frozen=True)
class Claim:
    """Events that one worker holds until the lease lapses.

    Later writes name the token, so a worker that was too slow cannot overwrite its successor.
    """

    token: UUID
    events: list[Any]
    """Rows of `message_events`, the columns that stages need."""

    @property
    def ids(self) -> list[UUID]:
        return [event.id for event in self.events]


def add_new(tx: Transaction, rows: Sequence[dict[str, Any]]) -> dict[str, UUID]:
    """Insert the events that are not there yet; returns external id → id of the new ones.

    The unique key (workspace, channel, config, external id) decides; a replay adds nothing.
    """
    if not rows:
        return {}
    statement = (
        insert(MessageEvent)
        .on_conflict_do_nothing(index_elements=PROVIDER_KEY)
        .returning(MessageEvent.external_id, MessageEvent.id)
    )
    return {row.external_id: row.id for row in tx.session.execute(statement, rows)}


def known(
    tx: Transaction, *, channel: str, config_id: UUID, external_ids: Collection[str]
) -> dict[str, Any]:
    """The events that carry these provider ids: `id` and `content_digest` by external id."""
    if not external_ids:
        return {}
    rows = tx.session.execute(
        select(
            MessageEvent.external_id, MessageEvent.id, MessageEvent.content_digest
        ).where(
            MessageEvent.workspace_id == tx.workspace_id,
            MessageEvent.channel == channel,
            MessageEvent.config_id == config_id,
            MessageEvent.external_id.in_(external_ids),
        )
    )
    return {row.external_id: row for row in rows}


def get(tx: Transaction, event_id: UUID) -> MessageEvent | None:
    """One event, whole."""
    return tx.session.get(MessageEvent, event_id)


def of_message(tx: Transaction, message_id: UUID) -> UUID | None:
    """The event that brought a message."""
    return tx.session.scalar(
        select(MessageEvent.id).where(MessageEvent.message_id == message_id)
    )


def claim(
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
            _claimable(),
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
    return Claim(token, sorted(rows, key=lambda row: row.id))


def lock_claimed(tx: Transaction, claim: Claim) -> set[UUID]:
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

    Rows: `id, status, reason, finished, conversation_id, message_id, superseded_by`.
    """
    execute_with_rows(
        tx,
        """
        UPDATE message_events e
        SET status = r.status, reason = r.reason, conversation_id = r.conversation_id,
            message_id = r.message_id, superseded_by = r.superseded_by,
            materialized_at = :now, finished_at = CASE WHEN r.finished THEN :now END,
            attempts = 0, lease_token = NULL, lease_expires_at = NULL, next_attempt_at = NULL,
            last_error = NULL, rung_at = :now, updated_at = :now
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            id uuid, status text, reason text, finished boolean,
            conversation_id uuid, message_id uuid, superseded_by uuid)
        WHERE e.id = r.id AND e.lease_token = :token
        """,
        rows,
        token=claim.token,
        now=tx.now,
    )


def supersede_older(tx: Transaction, conversation_ids: Collection[UUID]) -> list[UUID]:
    """End the open events of these conversations that no longer carry the newest message.

    The conversations must be locked. Returns the ids of the ended events.
    """
    rows = execute_with_rows(
        tx,
        """
        UPDATE message_events e
        SET status = 'superseded', reason = 'newer_message', superseded_by = newest.event_id,
            finished_at = :now, lease_token = NULL, lease_expires_at = NULL,
            next_attempt_at = NULL, updated_at = :now
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id uuid)
        JOIN conversations c ON c.id = r.id
        JOIN messages newest ON newest.id = c.last_inbound_message_id
        WHERE e.conversation_id = c.id AND e.finished_at IS NULL
          AND e.message_id IS DISTINCT FROM c.last_inbound_message_id
        RETURNING e.id
        """,
        [{"id": conversation_id} for conversation_id in conversation_ids],
        now=tx.now,
    )
    return [row.id for row in rows]


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


def take_overdue(
    tx: Transaction,
    *,
    statuses: Collection[EventStatus],
    grace: timedelta,
    limit: int,
) -> Sequence[Any]:
    """Mark unfinished events that nobody works on as rung now, and return them.

    Left out is what a job was published for less than `grace` ago: it may still be on its way.
    """
    overdue = (
        select(MessageEvent.id)
        .where(
            # A live message is not left behind an import.
            or_(MessageEvent.status.in_(statuses), MessageEvent.run_id.is_(None)),
            _claimable(),
            or_(
                MessageEvent.rung_at.is_(None),
                MessageEvent.rung_at < tx.now - grace,
                # Its back-off ended after it was last rung.
                MessageEvent.next_attempt_at > MessageEvent.rung_at,
            ),
        )
        .order_by(MessageEvent.received_at)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
        .cte("overdue")
    )
    return tx.session.execute(
        update(MessageEvent)
        .where(MessageEvent.id == overdue.c.id)
        .values(rung_at=tx.now)
        .returning(
            MessageEvent.id,
            MessageEvent.workspace_id,
            MessageEvent.channel,
            MessageEvent.config_id,
            MessageEvent.run_id,
            MessageEvent.status,
        )
        .execution_options(synchronize_session=False)
    ).all()


def reset(
    tx: Transaction, event_ids: Collection[UUID], *, status: EventStatus
) -> list[UUID]:
    """Put events back before a stage, as if they had just come there; returns their ids.

    Events that somebody works on right now are left alone.
    """
    rows = tx.session.execute(
        update(MessageEvent)
        .where(
            MessageEvent.id.in_(event_ids),
            or_(
                MessageEvent.lease_expires_at.is_(None),
                MessageEvent.lease_expires_at < func.now(),
            ),
        )
        .values(
            status=status,
            reason=None,
            superseded_by=None,
            **dict.fromkeys(_REACHED_AFTER[status]),
            attempts=0,
            next_attempt_at=None,
            # A worker whose lease has lapsed may still write; its token must not fit any more.
            lease_token=None,
            lease_expires_at=None,
            finished_at=None,
            rung_at=tx.now,
            updated_at=tx.now,
        )
        .returning(MessageEvent.id)
        .execution_options(synchronize_session=False)
    )
    return list(rows.scalars())


_REACHED_AFTER = {
    EventStatus.RECEIVED: (
        "materialized_at",
        "classified_at",
        "decided_at",
        "drafted_at",
    ),
    EventStatus.MATERIALIZED: ("classified_at", "decided_at", "drafted_at"),
    EventStatus.DECIDED: ("drafted_at",),
}


def find(
    tx: Transaction,
    *,
    run_id: UUID | None = None,
    status: EventStatus | None = None,
    limit: int = 10_000,
) -> Sequence[MessageEvent]:
    """Events of a run or in a state, oldest first."""
    statement = (
        select(MessageEvent)
        .order_by(MessageEvent.received_at, MessageEvent.id)
        .limit(limit)
    )
    if run_id is not None:
        statement = statement.where(MessageEvent.run_id == run_id)
    if status is not None:
        statement = statement.where(MessageEvent.status == status)
    return tx.session.scalars(statement).all()


def _claimable() -> ColumnElement[bool]:
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
