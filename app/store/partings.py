"""Conversations that hold the messages of two people, once these are two again.

In a chat, an identifier names a conversation; those of one person are joined (`threads.join`). Mail is
left alone: there several people do take part in one conversation.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from app.store.bulk import execute_with_rows
from app.store.transaction import Transaction


def part_conversations(tx: Transaction, customer_ids: Collection[UUID]) -> set[UUID]:
    """Give each of these customers the conversation back that was theirs before it was joined.

    Their messages go with it, what came since too. Returns all that changed; they are locked, and
    nobody places messages meanwhile. What they say of themselves is left to `settle_heads`.
    """
    pairs = [
        row._asdict()
        for row in execute_with_rows(
            tx, _MIXED, [{"id": customer_id} for customer_id in customer_ids]
        )
    ]
    for statement in _MOVES:
        execute_with_rows(tx, statement, pairs, now=tx.now)
    return {pair[end] for pair in pairs for end in ("conversation_id", "own_id")}


def settle_heads(tx: Transaction, conversation_ids: Collection[UUID]) -> None:
    """Let conversations say of themselves what their messages are now.

    Where another message is the newest one, the judgement is that which it was given.
    """
    rows = [{"id": conversation_id} for conversation_id in conversation_ids]
    for statement in (_JUDGE, _SPAN, _DRAFTS_OVERTAKEN, _DRAFTS_BACK, _SHOW_DRAFT):
        execute_with_rows(tx, statement, rows, now=tx.now)


def decide_newest(
    tx: Transaction, conversation_ids: Collection[UUID]
) -> Sequence[UUID]:
    """Put what was not decided because of another's message back before its decision.

    Returns the events.
    """
    rows = [{"id": conversation_id} for conversation_id in conversation_ids]
    return [row.id for row in execute_with_rows(tx, _DECIDE, rows, now=tx.now)]


_MIXED = """
    SELECT DISTINCT ON (k.id, m.customer_id)
        k.id AS conversation_id, own.id AS own_id, m.customer_id
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id uuid)
    JOIN messages m ON m.customer_id = r.id
    JOIN conversations k ON k.id = m.conversation_id AND k.customer_id <> m.customer_id
    JOIN conversations own ON own.merged_into = k.id AND own.customer_id = m.customer_id
    WHERE k.channel <> 'email' AND m.sender->>'kind' <> 'email'
    ORDER BY k.id, m.customer_id, own.id
"""
_PAIRS = """
    jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
        conversation_id uuid, own_id uuid, customer_id uuid)
"""
_THEIRS = "m.conversation_id = r.conversation_id AND m.customer_id = r.customer_id"
_MOVES = (
    f"""
    UPDATE message_events e SET conversation_id = r.own_id
    FROM {_PAIRS} JOIN messages m ON {_THEIRS} WHERE e.message_id = m.id
    """,
    f"""
    UPDATE drafts d SET conversation_id = r.own_id, updated_at = :now
    FROM {_PAIRS} JOIN messages m ON {_THEIRS} WHERE d.target_message_id = m.id
    """,
    f"""
    UPDATE outbound_messages o SET conversation_id = r.own_id, updated_at = :now
    FROM {_PAIRS} JOIN messages m ON {_THEIRS} WHERE o.message_id = m.id
    """,
    f"""
    UPDATE orders o SET conversation_id = r.own_id, updated_at = :now
    FROM {_PAIRS} JOIN messages m ON {_THEIRS} WHERE o.confirmed_by_message_id = m.id
    """,
    f"UPDATE messages m SET conversation_id = r.own_id FROM {_PAIRS} WHERE {_THEIRS}",
    f"""
    UPDATE conversation_refs f SET conversation_id = r.own_id, updated_at = :now
    FROM {_PAIRS} JOIN customer_identities i ON i.customer_id = r.customer_id
    WHERE f.conversation_id = r.conversation_id
      AND f.external_thread_id IN (i.original, i.value)
    """,
    f"""
    UPDATE conversations own
    SET merged_into = NULLIF(r.own_id, own.id), status = k.status,
        ai_enabled = own.ai_enabled AND k.ai_enabled, updated_at = :now
    FROM {_PAIRS} JOIN conversations k ON k.id = r.conversation_id
    WHERE own.merged_into = r.conversation_id AND own.customer_id = r.customer_id
    """,
)

_ASKED = "jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id uuid)"
#: As `materialize` sees it: what is said to somebody and not taken back.
_SAID = """
    m.conversation_id = r.id AND m.deleted_at IS NULL
    AND m.kind IN ('text', 'media', 'call', 'event')
    AND NOT coalesce(e.payload->'metadata' ?| array['event', 'no_conversation'], false)
"""
_HEAD = f"""
    LEFT JOIN LATERAL (
        SELECT m.id, m.occurred_at, e.decision
        FROM messages m LEFT JOIN message_events e ON e.id = m.event_id
        WHERE {_SAID} AND m.direction = 'inbound'
        ORDER BY m.is_automatic, m.occurred_at DESC, m.id DESC
        LIMIT 1
    ) head ON true
"""
_JUDGE = f"""
    UPDATE conversations c
    SET last_inbound_message_id = head.id, last_inbound_message_at = head.occurred_at,
        decision = head.decision->>'decision', category = head.decision->>'category',
        confidence = CAST(head.decision->>'confidence' AS double precision),
        decision_reason = head.decision->>'reason',
        last_classified_message_id = CASE WHEN head.decision IS NOT NULL THEN head.id END,
        last_classify_enqueued_message_id = NULL, last_draft_enqueued_message_id = NULL,
        last_draft_message_id = NULL, ai_draft_response = NULL, updated_at = :now
    FROM {_ASKED} {_HEAD}
    WHERE c.id = r.id AND c.last_inbound_message_id IS DISTINCT FROM head.id
"""
_SPAN = f"""
    UPDATE conversations c
    SET subject = span.subject, first_message_at = span.first_at, last_message_at = span.last_at,
        last_outbound_message_at = span.outbound_at, updated_at = :now
    FROM {_ASKED} CROSS JOIN LATERAL (
        SELECT (array_agg(m.subject ORDER BY m.occurred_at, m.id))[1] AS subject,
            min(m.occurred_at) AS first_at, max(m.occurred_at) AS last_at,
            max(m.occurred_at) FILTER (WHERE m.direction = 'outbound' AND {_SAID}) AS outbound_at
        FROM messages m LEFT JOIN message_events e ON e.id = m.event_id
        WHERE m.conversation_id = r.id
    ) span
    WHERE c.id = r.id
"""
_DRAFTS_OVERTAKEN = f"""
    UPDATE drafts d SET status = 'stale', updated_at = :now
    FROM {_ASKED} JOIN conversations c ON c.id = r.id
    WHERE d.conversation_id = c.id AND d.status = 'live'
      AND d.target_message_id IS DISTINCT FROM c.last_inbound_message_id
"""
_DRAFTS_BACK = f"""
    UPDATE drafts d SET status = 'live', updated_at = :now
    FROM (
        SELECT DISTINCT ON (d.target_message_id) d.id
        FROM {_ASKED} JOIN conversations c ON c.id = r.id
        JOIN drafts d ON d.target_message_id = c.last_inbound_message_id
        JOIN message_events e ON e.message_id = d.target_message_id AND e.status = 'drafted'
        ORDER BY d.target_message_id, d.status <> 'live', d.created_at DESC
    ) newest
    WHERE d.id = newest.id AND d.status = 'stale'
"""
_SHOW_DRAFT = f"""
    UPDATE conversations c
    SET last_draft_message_id = d.target_message_id, ai_draft_response = d.body, updated_at = :now
    FROM {_ASKED} JOIN drafts d ON d.conversation_id = r.id AND d.status = 'live'
    WHERE c.id = r.id AND c.last_inbound_message_id = d.target_message_id
      AND c.last_draft_message_id IS DISTINCT FROM d.target_message_id
"""
_DECIDE = f"""
    UPDATE message_events e
    SET status = 'materialized', reason = NULL, superseded_by = NULL, finished_at = NULL,
        attempts = 0, rung_at = :now, next_attempt_at = NULL, updated_at = :now
    FROM {_ASKED} JOIN conversations c ON c.id = r.id
    WHERE e.message_id = c.last_inbound_message_id AND e.status = 'superseded'
      AND coalesce(c.last_outbound_message_at < c.last_inbound_message_at, true)
    RETURNING e.id
"""
