"""`conversations` and `conversation_refs`: threads, triage state, the live draft."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, insert, select, update
from sqlalchemy.orm import aliased

from app.domain.status import EventStatus
from app.errors import NotFound
from app.models import Conversation, ConversationRef, Message, MessageEvent
from app.store.bulk import execute_with_rows
from app.store.transaction import Transaction


def by_thread(
    tx: Transaction, *, channel: str, config_id: UUID, threads: Collection[str]
) -> dict[str, UUID]:
    """The conversations that these thread keys of one account lead to."""
    if not threads:
        return {}
    rows = tx.session.execute(
        select(
            ConversationRef.external_thread_id, ConversationRef.conversation_id
        ).where(
            ConversationRef.workspace_id == tx.workspace_id,
            ConversationRef.channel == channel,
            ConversationRef.config_id == config_id,
            ConversationRef.external_thread_id.in_(threads),
        )
    )
    return {row.external_thread_id: row.conversation_id for row in rows}


def add(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Insert conversations. The caller holds the creation locks of their threads."""
    if rows:
        tx.session.execute(insert(Conversation), rows)


def add_refs(
    tx: Transaction,
    rows: Sequence[dict[str, Any]],
    *,
    channel: str,
    config_id: UUID,
) -> None:
    """Remember thread keys; one that is known keeps leading where it led.

    Rows: `id, key, evidence, conversation_id`.
    """
    execute_with_rows(
        tx,
        """
        INSERT INTO conversation_refs (id, workspace_id, channel, config_id, external_thread_id,
            evidence, conversation_id)
        SELECT r.id, :workspace_id, :channel, :config_id, r.key, r.evidence, r.conversation_id
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            id uuid, key text, evidence text, conversation_id uuid)
        ON CONFLICT DO NOTHING
        """,
        rows,
        workspace_id=tx.workspace_id,
        channel=channel,
        config_id=config_id,
    )


def move_refs(
    tx: Transaction,
    rows: Sequence[dict[str, Any]],
    *,
    channel: str,
    config_id: UUID,
) -> None:
    """Let keys lead elsewhere: to whom they belong. Rows: `key, evidence, conversation_id`."""
    execute_with_rows(
        tx,
        """
        UPDATE conversation_refs f
        SET conversation_id = r.conversation_id, evidence = r.evidence, updated_at = :now
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            key text, evidence text, conversation_id uuid)
        WHERE f.workspace_id = :workspace_id AND f.channel = :channel
          AND f.config_id = :config_id AND f.external_thread_id = r.key
        """,
        rows,
        now=tx.now,
        workspace_id=tx.workspace_id,
        channel=channel,
        config_id=config_id,
    )


def current(tx: Transaction, conversation_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The conversations that these are now: themselves, or what they were merged into."""
    if not conversation_ids:
        return {}
    rows = tx.session.execute(
        select(
            Conversation.id, func.coalesce(Conversation.merged_into, Conversation.id)
        ).where(Conversation.id.in_(conversation_ids))
    )
    return dict(rows.all())


def lock_current(
    tx: Transaction, conversation_ids: Collection[UUID]
) -> dict[UUID, UUID]:
    """Lock conversations in a fixed order and say what they are now, as `current` does.

    What is merged while we wait is let go and sought anew: locked on top of the others, it would be
    out of order.
    """
    while True:
        wanted = current(tx, conversation_ids)
        attempt = tx.session.begin_nested()
        lock(tx, set(wanted.values()))
        if current(tx, conversation_ids) == wanted:
            attempt.commit()
            return wanted
        attempt.rollback()


def lock(tx: Transaction, conversation_ids: Collection[UUID]) -> dict[UUID, Any]:
    """Lock conversations in a fixed order and return what triage needs of them."""
    if not conversation_ids:
        return {}
    tx.session.execute(
        select(Conversation.id)
        .where(Conversation.id.in_(conversation_ids))
        .order_by(Conversation.id)
        # Storing a message of a conversation shares its key, in no order; that must not wait.
        .with_for_update(key_share=True)
    )
    # Read apart: joined to what we may have waited for, a row keeps the message it had before.
    rows = tx.session.execute(
        select(
            Conversation.id,
            Conversation.last_inbound_message_id,
            Conversation.last_inbound_message_at,
            Conversation.last_outbound_message_at,
            Conversation.last_message_at,
            Conversation.first_message_at,
            Conversation.subject,
            Conversation.customer_id,
            Conversation.home_customer_id,
            Conversation.status,
            Conversation.ai_enabled,
            func.coalesce(Message.is_automatic, False).label(
                "last_inbound_is_automatic"
            ),
            and_(
                MessageEvent.id.is_not(None), MessageEvent.finished_at.is_(None)
            ).label("last_inbound_is_open"),
            func.coalesce(MessageEvent.status == EventStatus.STORED, False).label(
                "last_inbound_is_kept"
            ),
        )
        .outerjoin(Message, Message.id == Conversation.last_inbound_message_id)
        .outerjoin(MessageEvent, MessageEvent.id == Message.event_id)
        .where(Conversation.id.in_(conversation_ids))
    )
    return {row.id: row for row in rows}


def save_newest(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Record the newest messages of locked conversations.

    A newer inbound message makes the draft stale and asks for attention again. Rows: `id,
    subject, first_message_at, last_message_at, last_inbound_message_id, last_inbound_message_at,
    last_outbound_message_at`.
    """
    execute_with_rows(
        tx,
        """
        UPDATE conversations c
        SET subject = r.subject, first_message_at = r.first_message_at,
            last_message_at = r.last_message_at,
            last_outbound_message_at = r.last_outbound_message_at,
            last_inbound_message_at = r.last_inbound_message_at,
            last_inbound_message_id = r.last_inbound_message_id,
            ai_draft_response = CASE WHEN c.last_draft_message_id = r.last_inbound_message_id
                                     THEN c.ai_draft_response END,
            status = CASE WHEN c.status = 'closed'
                               AND c.last_inbound_message_id IS DISTINCT FROM r.last_inbound_message_id
                          THEN 'open' ELSE c.status END,
            updated_at = :now
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            id uuid, subject text, first_message_at timestamptz, last_message_at timestamptz,
            last_outbound_message_at timestamptz, last_inbound_message_at timestamptz,
            last_inbound_message_id uuid)
        WHERE c.id = r.id
        """,
        rows,
        now=tx.now,
    )


def take_over(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Let survivors say of themselves what they and their losers together are; all are locked.

    Whose newest inbound message is the newest, its judgement and draft are the survivor's. Rows:
    `id, head_id, subject, first_message_at, last_message_at, last_outbound_message_at, customer_id,
    home_customer_id, status, ai_enabled`.
    """
    execute_with_rows(
        tx,
        """
        UPDATE conversations c
        SET subject = r.subject, customer_id = r.customer_id,
            home_customer_id = r.home_customer_id, status = r.status,
            ai_enabled = r.ai_enabled, first_message_at = r.first_message_at,
            last_message_at = r.last_message_at,
            last_outbound_message_at = r.last_outbound_message_at,
            decision = head.decision, category = head.category, confidence = head.confidence,
            decision_reason = head.decision_reason,
            last_inbound_message_id = head.last_inbound_message_id,
            last_inbound_message_at = head.last_inbound_message_at,
            last_classified_message_id = head.last_classified_message_id,
            last_classify_enqueued_message_id = head.last_classify_enqueued_message_id,
            last_draft_message_id = head.last_draft_message_id,
            last_draft_enqueued_message_id = head.last_draft_enqueued_message_id,
            ai_draft_response = head.ai_draft_response,
            updated_at = :now
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            id uuid, head_id uuid, subject text, first_message_at timestamptz,
            last_message_at timestamptz, last_outbound_message_at timestamptz,
            customer_id uuid, home_customer_id uuid, status text, ai_enabled boolean)
        JOIN conversations head ON head.id = r.head_id
        WHERE c.id = r.id
        """,
        rows,
        now=tx.now,
    )


def mark_enqueued(
    tx: Transaction, *, stage: str, pairs: Collection[tuple[UUID, UUID]]
) -> None:
    """Note that a `classify` or `draft` job is on its way for (conversation, message) pairs.

    For people who look; the event's row, not this, is what says that work is due.
    """
    column = {
        "classify": "last_classify_enqueued_message_id",
        "draft": "last_draft_enqueued_message_id",
    }[stage]
    execute_with_rows(
        tx,
        f"""
        UPDATE conversations c SET {column} = r.message_id
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id uuid, message_id uuid)
        WHERE c.id = r.id
        """,
        [
            {"id": conversation, "message_id": message}
            for conversation, message in pairs
        ],
    )


def save_decisions(tx: Transaction, rows: Sequence[dict[str, Any]]) -> dict[UUID, Any]:
    """Store decisions, each only if its message is still the newest and not yet decided.

    Rows: `id, message_id, decision, category, confidence, reason`. Returns, for the messages whose
    decision was stored, whether the conversation still waits for an answer (`waits`), and whether
    somebody else has it (`is_handed_over`).
    """
    saved = execute_with_rows(
        tx,
        """
        UPDATE conversations c
        SET decision = r.decision, category = r.category, confidence = r.confidence,
            decision_reason = r.reason, last_classified_message_id = r.message_id,
            status = CASE WHEN c.status = 'new' THEN 'open' ELSE c.status END,
            updated_at = :now
        FROM (
            SELECT target.*
            FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS target (
                id uuid, message_id uuid, decision text, category text,
                confidence double precision, reason text)
            JOIN conversations locked ON locked.id = target.id
            ORDER BY locked.id
            FOR NO KEY UPDATE OF locked
        ) r
        WHERE c.id = r.id
          AND c.last_inbound_message_id = r.message_id
          AND c.last_classified_message_id IS DISTINCT FROM r.message_id
        RETURNING r.message_id,
            coalesce(c.last_outbound_message_at < c.last_inbound_message_at, true) AS waits,
            c.handed_over_to IS NOT NULL AS is_handed_over
        """,
        rows,
        now=tx.now,
    )
    return {row.message_id: row for row in saved}


def save_draft(
    tx: Transaction, conversation_id: UUID, message_id: UUID, text: str
) -> bool:
    """Show a draft, if its message is still the newest, unanswered, ours, and has none yet."""
    saved = tx.session.execute(
        update(Conversation)
        .where(
            Conversation.id == conversation_id,
            Conversation.last_inbound_message_id == message_id,
            Conversation.last_draft_message_id.is_distinct_from(message_id),
            Conversation.handed_over_to.is_(None),
            func.coalesce(
                Conversation.last_outbound_message_at
                < Conversation.last_inbound_message_at,
                True,
            ),
        )
        .values(
            ai_draft_response=text,
            last_draft_message_id=message_id,
            updated_at=tx.now,
        )
        .returning(Conversation.id)
        .execution_options(synchronize_session=False)
    )
    return saved.first() is not None


def get(tx: Transaction, conversation_id: UUID) -> Conversation | None:
    """A conversation, or the one that it was merged into."""
    return of_ids(tx, [conversation_id]).get(conversation_id)


def require(tx: Transaction, conversation_id: UUID) -> Conversation:
    """A conversation, or the one that it was merged into.

    Raises NotFound.
    """
    conversation = get(tx, conversation_id)
    if conversation is None:
        raise NotFound(f"no conversation {conversation_id}")
    return conversation


def note_answer(tx: Transaction, conversation_id: UUID, *, at: datetime) -> None:
    """Note that we say something in a conversation."""
    tx.session.execute(
        update(Conversation)
        .where(Conversation.id == conversation_id)
        .values(
            first_message_at=func.least(Conversation.first_message_at, at),
            last_message_at=func.greatest(Conversation.last_message_at, at),
            last_outbound_message_at=func.greatest(
                Conversation.last_outbound_message_at, at
            ),
            updated_at=tx.now,
        )
        .execution_options(synchronize_session=False)
    )


def of_ids(
    tx: Transaction, conversation_ids: Collection[UUID]
) -> dict[UUID, Conversation]:
    """Conversations by the id they are asked for; what was merged is what it was merged into."""
    if not conversation_ids:
        return {}
    asked = aliased(Conversation)
    rows = tx.session.execute(
        select(asked.id, Conversation)
        .join(asked, Conversation.id == func.coalesce(asked.merged_into, asked.id))
        .where(asked.id.in_(conversation_ids))
        # What this transaction has written past the session counts too.
        .execution_options(populate_existing=True)
    )
    return dict(rows.all())


def change(
    tx: Transaction, conversation_id: UUID, values: dict[str, Any]
) -> Conversation | None:
    """Set what a person may set; None where there is no such conversation."""
    return tx.session.scalar(
        update(Conversation)
        .where(Conversation.id == conversation_id)
        .values(updated_at=tx.now, **values)
        .returning(Conversation)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


def newest_first(
    tx: Transaction,
    *,
    limit: int,
    before: tuple[Any, UUID] | None = None,
    decision: str | None = None,
    status: str | None = None,
) -> Sequence[Conversation]:
    """A page of the inbox; `before` is (last_message_at, id) of the last row of the page before.

    A conversation that holds no message yet has no place in it.
    """
    statement = (
        select(Conversation)
        .where(
            Conversation.workspace_id == tx.workspace_id,
            Conversation.last_message_at.is_not(None),
        )
        .order_by(Conversation.last_message_at.desc(), Conversation.id.desc())
        .limit(limit)
    )
    if before is not None:
        moment, conversation_id = before
        statement = statement.where(
            (Conversation.last_message_at < moment)
            | (
                (Conversation.last_message_at == moment)
                & (Conversation.id < conversation_id)
            )
        )
    if decision is not None:
        statement = statement.where(Conversation.decision == decision)
    if status is not None:
        statement = statement.where(Conversation.status == status)
    return tx.session.scalars(statement).all()
