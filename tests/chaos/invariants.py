"""What must be true when all is quiet again."""

from typing import Any
from uuid import UUID

import psycopg2

CHECKS = {
    "an event that is not terminal": """
        SELECT id, status, attempts, last_error FROM message_events
        WHERE finished_at IS NULL""",
    "a message stored twice": """
        SELECT config_id, external_id, count(*) FROM messages
        GROUP BY 1, 2 HAVING count(*) > 1""",
    "an event without its message": """
        SELECT e.id, e.external_id FROM message_events e
        LEFT JOIN messages m ON m.id = e.message_id
            AND m.config_id = e.config_id
            -- What we sent may come back under another id, and is the message that we have.
            AND (m.external_id = e.external_id OR m.direction = 'outbound')
        WHERE e.status <> 'failed' AND m.id IS NULL""",
    "a message that no event brought": """
        SELECT m.id, m.external_id FROM messages m
        LEFT JOIN message_events e ON e.message_id = m.id WHERE e.id IS NULL
        AND NOT EXISTS (SELECT FROM outbound_messages o WHERE o.message_id = m.id)""",
    "a person who is two customers": """
        SELECT kind, value, count(*) FROM customer_identities
        GROUP BY 1, 2 HAVING count(*) > 1""",
    "something that belongs to a merged customer": """
        SELECT c.id FROM customers c WHERE c.merged_into IS NOT NULL AND (
            EXISTS (SELECT FROM customer_identities i WHERE i.customer_id = c.id)
            OR EXISTS (SELECT FROM conversations k WHERE k.customer_id = c.id)
            OR EXISTS (SELECT FROM messages m WHERE m.customer_id = c.id))""",
    "a thread in two conversations": """
        SELECT external_thread_id, count(DISTINCT conversation_id) FROM messages
        WHERE external_thread_id IS NOT NULL
        GROUP BY config_id, external_thread_id HAVING count(DISTINCT conversation_id) > 1""",
    "something left in a merged conversation": """
        SELECT c.id FROM conversations c WHERE c.merged_into IS NOT NULL AND (
            EXISTS (SELECT FROM messages m WHERE m.conversation_id = c.id)
            OR EXISTS (SELECT FROM message_events e WHERE e.conversation_id = c.id)
            OR EXISTS (SELECT FROM drafts d WHERE d.conversation_id = c.id)
            OR EXISTS (SELECT FROM outbound_messages o WHERE o.conversation_id = c.id)
            OR EXISTS (SELECT FROM thread_claims t WHERE t.conversation_id = c.id)
            OR c.last_inbound_message_id IS NOT NULL)""",
    "a newest message that is not the newest": """
        SELECT c.id FROM conversations c JOIN messages m ON m.id = c.last_inbound_message_id
        WHERE EXISTS (SELECT FROM messages n WHERE n.conversation_id = c.id
            AND n.direction = 'inbound'
            AND (n.occurred_at, n.id) > (m.occurred_at, m.id))""",
    "a newest message that was not decided": """
        SELECT c.id, e.status, e.reason FROM conversations c
        JOIN message_events e ON e.message_id = c.last_inbound_message_id
        WHERE e.status NOT IN ('decided', 'drafted')
           OR c.last_classified_message_id IS DISTINCT FROM c.last_inbound_message_id""",
    "a decision made twice": """
        SELECT event_id, count(*) FROM pipeline_job_audit
        WHERE job_type = 'CLASSIFY' AND outcome = 'decided'
        GROUP BY event_id HAVING count(*) > 1""",
    "a superseded event that names no successor": """
        SELECT id FROM message_events WHERE status = 'superseded'
        AND (superseded_by IS NULL OR superseded_by = id)""",
    "two live drafts in one conversation": """
        SELECT conversation_id, count(*) FROM drafts WHERE status = 'live'
        GROUP BY 1 HAVING count(*) > 1""",
    "a live draft for a message that is not the newest": """
        SELECT d.id FROM drafts d JOIN conversations c ON c.id = d.conversation_id
        WHERE d.status = 'live' AND d.target_message_id <> c.last_inbound_message_id""",
    "a drafted event without its draft": """
        SELECT e.id FROM message_events e LEFT JOIN drafts d ON d.target_message_id = e.message_id
        WHERE e.status = 'drafted' AND d.id IS NULL""",
    "a failed event without its dead letter": """
        SELECT e.id FROM message_events e LEFT JOIN dead_letters d ON d.event_id = e.id
        WHERE e.status = 'failed' AND d.id IS NULL""",
    "a lease left over": """
        SELECT id, status FROM message_events WHERE lease_token IS NOT NULL""",
    "a file that is neither kept nor listed with its reason": """
        SELECT id, state, attempts, last_error FROM attachments
        WHERE state = 'pending' OR lease_token IS NOT NULL
           OR (state = 'stored') <> (storage_key IS NOT NULL)
           OR (state <> 'stored' AND reason IS NULL)""",
    "a message on its way that nobody sends": """
        SELECT id, state, attempts, last_error FROM outbound_messages
        WHERE finished_at IS NULL OR lease_token IS NOT NULL""",
    "a run left over": """
        SELECT id, state FROM pipeline_runs WHERE state IN ('queued', 'running')
           OR lease_token IS NOT NULL""",
    "an event without a trace in the audit": """
        SELECT e.id FROM message_events e
        WHERE NOT EXISTS (SELECT FROM pipeline_job_audit a WHERE a.event_id = e.id)""",
}


def violations(libpq_url: str) -> dict[str, list[Any]]:
    """Every check that found something, with the first rows."""
    connection = psycopg2.connect(libpq_url)
    try:
        found: dict[str, list[Any]] = {}
        with connection, connection.cursor() as cursor:
            for name, query in CHECKS.items():
                cursor.execute(query)
                if rows := cursor.fetchmany(5):
                    found[name] = rows
        return found
    finally:
        connection.close()


def rows(libpq_url: str, query: str, *values: Any) -> list[Any]:
    """What a query finds."""
    connection = psycopg2.connect(libpq_url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                query,
                [str(one) if isinstance(one, UUID) else one for one in values] or None,
            )
            return cursor.fetchall()
    finally:
        connection.close()


def count(libpq_url: str, query: str) -> int:
    """The one number that a query finds."""
    [(number,)] = rows(libpq_url, query)
    return int(number)
