"""`archives`: what of old events and receipts may leave the database, and comes back.

Rows travel as the JSON text that PostgreSQL writes and reads: nothing of them is lost on the way
through another language's numbers.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from app.models import Archive
from app.store.transaction import Transaction

#: Old, finished, and nobody will look into it any more by themselves: files that are not kept yet
#: may be inside, and what was given up before it had a place will be read again if it is tried again.
_OLD_EVENT = """
    e.workspace_id = :workspace_id AND e.finished_at IS NOT NULL AND e.raw IS NOT NULL
    AND e.received_at < :before
    AND (e.status <> 'failed' OR e.message_id IS NOT NULL)
    AND NOT EXISTS (
        SELECT FROM attachments a
        WHERE a.message_id = e.message_id AND a.state IN ('pending', 'failed'))
    AND NOT EXISTS (
        SELECT FROM archives x WHERE x.id = e.archive_id AND x.restored_at >= :before)
"""

#: As above; what it brought is done with.
_OLD_RECEIPT = """
    e.workspace_id = :workspace_id AND e.received_at < :before
    AND NOT EXISTS (
        SELECT FROM message_events m WHERE m.receipt_id = e.id AND m.finished_at IS NULL)
    AND NOT EXISTS (
        SELECT FROM message_fetches f WHERE f.receipt_id = e.id AND f.finished_at IS NULL)
    AND NOT EXISTS (
        SELECT FROM archives x WHERE x.id = e.archive_id AND x.restored_at >= :before)
"""


def old_events(
    tx: Transaction, *, before: datetime, most_rows: int, most_bytes: int
) -> Sequence[Any]:
    """The earliest raw payloads that may be archived: `id, received_at, line`.

    As many as fit, and one that fits nowhere alone.
    """
    return tx.session.execute(
        text(
            f"""
            WITH old AS (
                SELECT e.id, e.received_at, octet_length(e.raw::text) AS size
                FROM message_events e WHERE {_OLD_EVENT}
                ORDER BY e.received_at, e.id LIMIT :most_rows),
            {_FITTING}
            SELECT e.id, e.received_at,
                jsonb_build_object('id', e.id, 'raw', e.raw)::text AS line
            FROM fitting f JOIN message_events e ON e.id = f.id
            WHERE f.before_it < :most_bytes ORDER BY e.received_at, e.id
            """
        ),
        {
            "workspace_id": tx.workspace_id,
            "before": before,
            "most_rows": most_rows,
            "most_bytes": most_bytes,
        },
    ).all()


def old_receipts(
    tx: Transaction, *, before: datetime, most_rows: int, most_bytes: int
) -> Sequence[Any]:
    """The earliest requests that may be archived: `id, received_at, line`; as `old_events`."""
    return tx.session.execute(
        text(
            f"""
            WITH old AS (
                SELECT e.id, e.received_at, octet_length(e.body) AS size
                FROM webhook_receipts e WHERE {_OLD_RECEIPT}
                ORDER BY e.received_at, e.id LIMIT :most_rows),
            {_FITTING}
            SELECT e.id, e.received_at, jsonb_build_object(
                'id', e.id, 'config_id', e.config_id, 'provider', e.provider,
                'verdict', e.verdict, 'headers', e.headers, 'query', e.query,
                'body', encode(e.body, 'base64'), 'digest', e.digest, 'items', e.items,
                'received_at', e.received_at)::text AS line
            FROM fitting f JOIN webhook_receipts e ON e.id = f.id
            WHERE f.before_it < :most_bytes ORDER BY e.received_at, e.id
            """
        ),
        {
            "workspace_id": tx.workspace_id,
            "before": before,
            "most_rows": most_rows,
            "most_bytes": most_bytes,
        },
    ).all()


def add(tx: Transaction, row: dict[str, Any]) -> UUID:
    """Write an archive down; the same file again is the same archive. Returns its id."""
    offered = insert(Archive).values(row)
    found: UUID | None = tx.session.scalar(
        offered.on_conflict_do_update(
            index_elements=["workspace_id", "storage_key"],
            set_={"restored_at": None},
        ).returning(Archive.id)
    )
    assert found is not None
    return found


def clear_events(
    tx: Transaction, archive_id: UUID, event_ids: Collection[UUID], *, before: datetime
) -> int:
    """Take the raw payloads out of archived events; returns of how many.

    One that somebody works on, or has put back before a stage meanwhile, keeps what it has.
    """
    return _count(
        tx,
        f"""
        WITH mine AS (
            SELECT e.id FROM message_events e WHERE e.id = ANY(:ids) AND {_OLD_EVENT}
            ORDER BY e.id FOR UPDATE OF e SKIP LOCKED)
        UPDATE message_events e SET raw = NULL, archive_id = :archive_id, updated_at = :now
        FROM mine WHERE e.id = mine.id RETURNING e.id
        """,
        archive_id=archive_id,
        ids=list(event_ids),
        before=before,
    )


def delete_receipts(
    tx: Transaction, receipt_ids: Collection[UUID], *, before: datetime
) -> int:
    """Delete archived requests; returns how many."""
    return _count(
        tx,
        f"""
        WITH mine AS (
            SELECT e.id FROM webhook_receipts e WHERE e.id = ANY(:ids) AND {_OLD_RECEIPT}
            ORDER BY e.id FOR UPDATE OF e SKIP LOCKED)
        DELETE FROM webhook_receipts e USING mine WHERE e.id = mine.id RETURNING e.id
        """,
        ids=list(receipt_ids),
        before=before,
    )


def find(tx: Transaction, *, limit: int) -> Sequence[Archive]:
    """Archives, the newest first."""
    return tx.session.scalars(
        select(Archive)
        .order_by(Archive.created_at.desc(), Archive.id.desc())
        .limit(limit)
    ).all()


def get(tx: Transaction, archive_id: UUID) -> Archive | None:
    return tx.session.get(Archive, archive_id)


def restore_events(tx: Transaction, archive_id: UUID, lines: Sequence[str]) -> int:
    """Give events their raw payloads back; returns how many had none.

    Safe to repeat: an event that has one keeps it.
    """
    return _count(
        tx,
        """
        UPDATE message_events e SET raw = r.raw, updated_at = :now
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id uuid, raw jsonb)
        WHERE e.id = r.id AND e.workspace_id = :workspace_id
          AND e.archive_id = :archive_id AND e.raw IS NULL
        RETURNING e.id
        """,
        archive_id=archive_id,
        rows=f"[{','.join(lines)}]",
    )


def restore_receipts(tx: Transaction, archive_id: UUID, lines: Sequence[str]) -> int:
    """Insert requests that are not there; returns how many.

    Those of accounts that were deleted meanwhile stay where they are.
    """
    return _count(
        tx,
        """
        INSERT INTO webhook_receipts (id, workspace_id, config_id, provider, verdict, headers,
            query, body, digest, items, received_at, archive_id)
        SELECT r.id, :workspace_id, r.config_id, r.provider, r.verdict, r.headers, r.query,
            decode(r.body, 'base64'), r.digest, r.items, r.received_at, :archive_id
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            id uuid, config_id uuid, provider text, verdict text, headers jsonb, query jsonb,
            body text, digest text, items integer, received_at timestamptz)
        JOIN channel_configs c ON c.id = r.config_id AND c.workspace_id = :workspace_id
        ON CONFLICT (id) DO NOTHING
        RETURNING id
        """,
        archive_id=archive_id,
        rows=f"[{','.join(lines)}]",
    )


def set_restored(tx: Transaction, archive_id: UUID) -> None:
    """Say that its rows are back, so that they are not archived again at once."""
    tx.session.execute(
        text("UPDATE archives SET restored_at = :now WHERE id = :archive_id"),
        {"archive_id": archive_id, "now": tx.now},
    )


def stored_bytes(tx: Transaction) -> int:
    """Bytes of all archives that this transaction sees."""
    found = tx.session.scalar(select(func.coalesce(func.sum(Archive.size), 0)))
    return int(found or 0)


_FITTING = """
            fitting AS (
                SELECT id, sum(size) OVER (ORDER BY received_at, id) - size AS before_it
                FROM old)
"""


def _count(tx: Transaction, statement: str, **params: Any) -> int:
    rows = tx.session.execute(
        text(statement),
        {"workspace_id": tx.workspace_id, "now": tx.now, **params},
    )
    return len(rows.all())
