"""`message_changes`: what is told of messages after they were sent, and what it makes of them."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.domain.status import DraftStatus, EventStatus
from app.domain.unified_message import Direction
from app.models import Conversation, Draft, Message, MessageChange, MessageEvent
from app.store.transaction import Transaction


def add_new(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Keep changes; one per event, so a replay adds nothing."""
    if rows:
        tx.session.execute(
            insert(MessageChange)
            .values(list(rows))
            .on_conflict_do_nothing(index_elements=["event_id"])
        )


def tie(
    tx: Transaction, config_ids: Collection[UUID], external_ids: Collection[str]
) -> set[UUID]:
    """Tie changes of these messages to them, where both are there by now; returns the messages.

    Either may be the one that has just come: the ids must be locked, or neither would see the other.
    """
    rows = tx.session.execute(
        update(MessageChange)
        .where(
            MessageChange.message_id.is_(None),
            MessageChange.config_id.in_(config_ids),
            MessageChange.target_external_id.in_(external_ids),
            MessageChange.target_external_id == Message.external_id,
            Message.config_id == MessageChange.config_id,
            Message.workspace_id == MessageChange.workspace_id,
        )
        .values(message_id=Message.id)
        .returning(MessageChange.message_id)
        .execution_options(synchronize_session=False)
    )
    return {row.message_id for row in rows}


def covered(
    tx: Transaction, config_ids: Collection[UUID], message_ids: Collection[UUID]
) -> dict[UUID, list[MessageChange]]:
    """Watermarks by the messages of ours that they cover.

    Only of `message_ids`, or of all messages where the watermark itself is new: pass what is new.
    """
    rows = tx.session.execute(
        select(Message.id, MessageChange)
        .join(
            MessageChange,
            and_(
                MessageChange.config_id == Message.config_id,
                MessageChange.external_thread_id == Message.external_thread_id,
                MessageChange.target_external_id.is_(None),
                MessageChange.occurred_at >= Message.occurred_at,
            ),
        )
        .where(
            Message.config_id.in_(config_ids),
            Message.id.in_(message_ids),
            Message.direction == Direction.OUTBOUND,
        )
    )
    found: dict[UUID, list[MessageChange]] = {}
    for message_id, change in rows:
        found.setdefault(message_id, []).append(change)
    return found


def sent_in(tx: Transaction, config_id: UUID, threads: Collection[str]) -> set[UUID]:
    """Our messages in these threads of the provider."""
    if not threads:
        return set()
    return set(
        tx.session.scalars(
            select(Message.id).where(
                Message.config_id == config_id,
                Message.external_thread_id.in_(threads),
                Message.direction == Direction.OUTBOUND,
            )
        )
    )


def of_messages(
    tx: Transaction, message_ids: Collection[UUID]
) -> dict[UUID, list[MessageChange]]:
    """All that was told of these messages."""
    found: dict[UUID, list[MessageChange]] = {one: [] for one in message_ids}
    if message_ids:
        for change in tx.session.scalars(
            select(MessageChange).where(MessageChange.message_id.in_(message_ids))
        ):
            assert change.message_id is not None
            found[change.message_id].append(change)
    return found


def reshape(tx: Transaction, message_id: UUID, values: dict[str, Any]) -> None:
    """Write what its changes make of a message."""
    tx.session.execute(
        update(Message)
        .where(Message.id == message_id)
        .values(values)
        .execution_options(synchronize_session=False)
    )


def retire_drafts(tx: Transaction, message_ids: Collection[UUID]) -> None:
    """Take back the drafts that answer what is no longer said. The conversations are locked."""
    if not message_ids:
        return
    tx.session.execute(
        update(Draft)
        .where(
            Draft.target_message_id.in_(message_ids), Draft.status == DraftStatus.LIVE
        )
        .values(status=DraftStatus.STALE, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )
    tx.session.execute(
        update(Conversation)
        .where(Conversation.last_draft_message_id.in_(message_ids))
        .values(
            ai_draft_response=None,
            last_draft_message_id=None,
            last_draft_enqueued_message_id=None,
            updated_at=tx.now,
        )
        .execution_options(synchronize_session=False)
    )


def decide_again(tx: Transaction, message_ids: Collection[UUID]) -> list[Any]:
    """Put the events of messages that still wait for their answer back before their decision.

    Also where somebody works on one right now: its lease is taken away, so that what is written with
    the old text in mind is refused. Returns the events.
    """
    values = {
        "status": EventStatus.MATERIALIZED,
        "reason": None,
        "classified_at": None,
        "decided_at": None,
        "drafted_at": None,
        "finished_at": None,
        "attempts": 0,
        "rung_at": tx.now,
    }
    events = _end_or_reset(tx, message_ids, values)
    if events:
        open_again = [event.message_id for event in events]
        tx.session.execute(
            update(Conversation)
            .where(Conversation.last_classified_message_id.in_(open_again))
            .values(last_classified_message_id=None, updated_at=tx.now)
            .execution_options(synchronize_session=False)
        )
    return events


def end_deleted(tx: Transaction, message_ids: Collection[UUID]) -> None:
    """End the events of messages that were taken back before they were answered."""
    values = {
        "status": EventStatus.DECIDED,
        "reason": "deleted",
        "decided_at": tx.now,
        "finished_at": tx.now,
    }
    _end_or_reset(tx, message_ids, values)


def _end_or_reset(
    tx: Transaction, message_ids: Collection[UUID], values: dict[str, Any]
) -> list[Any]:
    if not message_ids:
        return []
    return list(
        tx.session.execute(
            update(MessageEvent)
            .where(
                MessageEvent.message_id.in_(message_ids),
                MessageEvent.status.in_(
                    (
                        EventStatus.MATERIALIZED,
                        EventStatus.DECIDED,
                        EventStatus.DRAFTED,
                    )
                ),
                Conversation.last_inbound_message_id == MessageEvent.message_id,
                func.coalesce(
                    Conversation.last_outbound_message_at
                    < Conversation.last_inbound_message_at,
                    True,
                ),
            )
            .values(
                lease_token=None,
                lease_expires_at=None,
                next_attempt_at=None,
                updated_at=tx.now,
                **values,
            )
            .returning(MessageEvent.id, MessageEvent.message_id)
            .execution_options(synchronize_session=False)
        )
    )
