"""`message_events`: arrival, claims, and what became of each event."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.domain.status import EventStatus
from app.models import MessageEvent
from app.store.bulk import execute_with_rows
from app.store.claims import is_due
from app.store.transaction import Transaction

#: Of one conversation. Who is overtaken further back names the one that was the newest then.
_MOST_COVERED = 50


def add_new(tx: Transaction, rows: Sequence[dict[str, Any]]) -> dict[str, UUID]:
    """Insert the events that are not there yet; returns external id → id of the new ones.

    The unique keys (workspace, channel, config, external id) and (config, fingerprint) decide; a
    replay adds nothing.
    """
    if not rows:
        return {}
    statement = (
        insert(MessageEvent)
        .on_conflict_do_nothing()
        .returning(MessageEvent.external_id, MessageEvent.id)
    )
    return {row.external_id: row.id for row in tx.session.execute(statement, rows)}


def known(
    tx: Transaction, *, channel: str, config_id: UUID, external_ids: Collection[str]
) -> dict[str, Any]:
    """The events that carry these provider ids, by them.

    Each with `id`, `content_digest`, and what a look at its header tells: `subject`, `sent_at`.
    """
    if not external_ids:
        return {}
    rows = tx.session.execute(
        select(
            MessageEvent.external_id,
            MessageEvent.id,
            MessageEvent.content_digest,
            MessageEvent.payload["subject"].astext.label("subject"),
            MessageEvent.payload["sent_at"].astext.label("sent_at"),
        ).where(
            MessageEvent.workspace_id == tx.workspace_id,
            MessageEvent.channel == channel,
            MessageEvent.config_id == config_id,
            MessageEvent.external_id.in_(external_ids),
        )
    )
    return {row.external_id: row for row in rows}


def known_by_fingerprint(
    tx: Transaction, *, config_id: UUID, fingerprints: Collection[str]
) -> dict[str, UUID]:
    """The events of an account with these fingerprints: fingerprint → id."""
    if not fingerprints:
        return {}
    rows = tx.session.execute(
        select(MessageEvent.fingerprint, MessageEvent.id).where(
            MessageEvent.config_id == config_id,
            MessageEvent.fingerprint.in_(fingerprints),
        )
    )
    return {row.fingerprint: row.id for row in rows if row.fingerprint}


def get(tx: Transaction, event_id: UUID) -> MessageEvent | None:
    """One event, whole."""
    return tx.session.get(MessageEvent, event_id)


def mime_of(tx: Transaction, event_id: UUID) -> str | None:
    """The mail that an event brought, in base64; None where it brought none."""
    return tx.session.scalar(
        select(MessageEvent.raw["mime"].astext).where(MessageEvent.id == event_id)
    )


def of_message(tx: Transaction, message_id: UUID) -> UUID | None:
    """The event that brought a message."""
    return tx.session.scalar(
        select(MessageEvent.id).where(MessageEvent.message_id == message_id)
    )


def supersede_older(tx: Transaction, conversation_ids: Collection[UUID]) -> list[UUID]:
    """End the open events of these conversations that no longer carry the newest message.

    Those that they had ended before them name the newest too. The conversations must be locked.
    Returns the ids of the ended events.
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
    ended = [row.id for row in rows]
    execute_with_rows(
        tx,
        """
        UPDATE message_events e SET superseded_by = ended.superseded_by, updated_at = :now
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id uuid)
        JOIN message_events ended ON ended.id = r.id
        CROSS JOIN LATERAL (
            SELECT m.event_id FROM messages m
            WHERE m.conversation_id = ended.conversation_id
            ORDER BY m.occurred_at DESC, m.id
            LIMIT :most
        ) near
        WHERE e.id = near.event_id AND e.superseded_by = ended.id
        """,
        [{"id": event_id} for event_id in ended],
        most=_MOST_COVERED,
        now=tx.now,
    )
    return ended


def wait_for_quiet(tx: Transaction, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """Let the newest messages of locked conversations wait; returns the ids of their events.

    What somebody works on, or what waits after a failure, is left alone. Rows: `id, until`.
    """
    found = execute_with_rows(
        tx,
        """
        UPDATE message_events e
        SET next_attempt_at = greatest(e.next_attempt_at, r.until), updated_at = :now
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id uuid, until timestamptz)
        JOIN conversations c ON c.id = r.id
        WHERE e.message_id = c.last_inbound_message_id AND e.conversation_id = c.id
          AND e.status = 'materialized' AND e.finished_at IS NULL
          AND e.lease_token IS NULL AND e.attempts = 0
        RETURNING e.id
        """,
        rows,
        now=tx.now,
    )
    return {row.id for row in found}


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
            is_due(),
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
            MessageEvent.attempts,
            MessageEvent.lease_token,
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
