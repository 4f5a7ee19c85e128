"""`thread_owners`: who has a thread of a provider, and `conversations.handed_over_to`."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.domain.handover import HANDED_OVER
from app.models import Conversation, MessageEvent
from app.store.bulk import execute_with_rows
from app.store.transaction import Transaction


def keep(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Note who has threads; what is older than what is known changes nothing, in any order.

    Rows: `config_id, external_thread_id, owner, occurred_at, event_id`. The threads are locked.
    """
    execute_with_rows(
        tx,
        """
        INSERT INTO thread_owners (workspace_id, config_id, external_thread_id, owner, occurred_at,
            event_id)
        SELECT DISTINCT ON (r.config_id, r.external_thread_id)
            CAST(:workspace_id AS uuid), r.config_id, r.external_thread_id, r.owner, r.occurred_at,
            r.event_id
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            config_id uuid, external_thread_id text, owner text, occurred_at timestamptz, event_id uuid)
        ORDER BY r.config_id, r.external_thread_id, r.occurred_at DESC, r.event_id DESC
        ON CONFLICT (workspace_id, config_id, external_thread_id) DO UPDATE
        SET owner = excluded.owner, occurred_at = excluded.occurred_at, event_id = excluded.event_id
        WHERE (excluded.occurred_at, excluded.event_id)
            > (thread_owners.occurred_at, thread_owners.event_id)
        """,
        rows,
        workspace_id=tx.workspace_id,
    )


def show(tx: Transaction, conversation_ids: Collection[UUID]) -> set[UUID]:
    """Say of locked conversations to whom they are handed over, by what was said last of any thread.

    Returns those that have come back to us.
    """
    changed = execute_with_rows(
        tx,
        """
        UPDATE conversations c SET handed_over_to = last.owner, updated_at = :now
        FROM (
            SELECT DISTINCT ON (f.conversation_id) f.conversation_id, o.owner
            FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id uuid)
            JOIN conversation_refs f ON f.conversation_id = r.id
            JOIN thread_owners o ON o.workspace_id = f.workspace_id AND o.config_id = f.config_id
                AND o.external_thread_id = f.external_thread_id
            ORDER BY f.conversation_id, o.occurred_at DESC, o.event_id DESC
        ) last
        WHERE c.id = last.conversation_id AND c.handed_over_to IS DISTINCT FROM last.owner
        RETURNING c.id, c.handed_over_to
        """,
        [{"id": conversation_id} for conversation_id in conversation_ids],
        now=tx.now,
    )
    return {row.id for row in changed if row.handed_over_to is None}


def left_alone(tx: Transaction, conversation_ids: Collection[UUID]) -> set[UUID]:
    """The newest inbound messages of these conversations that were not answered for it."""
    if not conversation_ids:
        return set()
    return set(
        tx.session.scalars(
            select(Conversation.last_inbound_message_id)
            .join(
                MessageEvent,
                MessageEvent.message_id == Conversation.last_inbound_message_id,
            )
            .where(
                Conversation.id.in_(conversation_ids),
                MessageEvent.reason == HANDED_OVER,
            )
        )
    )
