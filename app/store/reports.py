"""Read-only summaries for people: what the views hold, and what a run came to."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.store.transaction import Transaction


def queue_depths(tx: Transaction) -> list[dict[str, Any]]:
    """What is due per queue, from the rows: depth, how many are in progress, the oldest."""
    return _rows(tx, "SELECT * FROM bb_queue_depths ORDER BY queue")


def progress(tx: Transaction, run_id: UUID) -> dict[str, Any] | None:
    """How far a run and its events have come."""
    rows = _rows(
        tx, "SELECT * FROM bb_pipeline_progress WHERE run_id = :run_id", run_id=run_id
    )
    return rows[0] if rows else None


def stalled_events(
    tx: Transaction, *, minutes: int, limit: int = 100
) -> list[dict[str, Any]]:
    """Unfinished events that nobody holds and nothing has touched for so long."""
    return _rows(
        tx,
        """
        SELECT id, workspace_id, channel, status, updated_at FROM message_events
        WHERE finished_at IS NULL AND updated_at < :now - make_interval(mins => :minutes)
          AND coalesce(next_attempt_at, '-infinity') < :now
          AND coalesce(lease_expires_at, '-infinity') < :now
        ORDER BY received_at LIMIT :limit
        """,
        minutes=minutes,
        limit=limit,
        now=tx.now,
    )


def stalled_runs(tx: Transaction, *, minutes: int) -> list[dict[str, Any]]:
    """Runs that should be going and have not given a sign for so long."""
    return _rows(
        tx,
        """
        SELECT id, workspace_id, config_id, source, heartbeat_at FROM pipeline_runs
        WHERE state IN ('queued', 'running')
          AND heartbeat_at < :now - make_interval(mins => :minutes)
          AND coalesce(next_attempt_at, '-infinity') < :now
        """,
        minutes=minutes,
        now=tx.now,
    )


def summary(
    tx: Transaction, *, workspace_id: UUID, since: datetime | None = None
) -> dict[str, Any]:
    """What a workspace holds, and how long its events took; `since` bounds the latencies."""
    counts = _rows(
        tx,
        """
        SELECT
            count(*) AS events,
            count(*) FILTER (WHERE finished_at IS NULL) AS unfinished,
            count(*) FILTER (WHERE id_collision) AS id_collisions,
            count(DISTINCT conversation_id) AS conversations,
            (SELECT count(*) FROM messages WHERE workspace_id = :workspace_id) AS messages,
            (SELECT count(*) FROM customers WHERE workspace_id = :workspace_id) AS customers,
            (SELECT count(*) FROM drafts
             WHERE workspace_id = :workspace_id AND status = 'live') AS live_drafts,
            (SELECT count(*) FROM dead_letters
             WHERE workspace_id = :workspace_id AND status = 'open') AS dead_letters,
            (SELECT count(*) FROM (
                SELECT FROM messages WHERE workspace_id = :workspace_id
                GROUP BY config_id, external_id HAVING count(*) > 1) twice) AS duplicates
        FROM message_events WHERE workspace_id = :workspace_id
        """,
        workspace_id=workspace_id,
    )[0]
    counts["statuses"] = _counts(tx, "status", workspace_id)
    counts["decisions"] = _counts(tx, "decision ->> 'decision'", workspace_id)
    counts["judged_by"] = _counts(tx, "decision ->> 'judged_by'", workspace_id)
    counts["latency_seconds"] = {
        row.pop("stage"): row
        for row in _rows(
            tx,
            """
            SELECT stage, count(*) AS events,
                percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50,
                percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) AS p95,
                percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds) AS p99
            FROM message_events
            CROSS JOIN LATERAL (VALUES
                (1, 'materialized', extract(epoch FROM materialized_at - received_at)::float8),
                (2, 'decided', extract(epoch FROM decided_at - received_at)::float8),
                (3, 'drafted', extract(epoch FROM drafted_at - received_at)::float8)
            ) AS stages (place, stage, seconds)
            WHERE workspace_id = :workspace_id AND seconds IS NOT NULL
              AND received_at >= coalesce(CAST(:since AS timestamptz), '-infinity')
            GROUP BY place, stage ORDER BY place
            """,
            workspace_id=workspace_id,
            since=since,
        )
    }
    return counts


def _counts(tx: Transaction, expression: str, workspace_id: UUID) -> dict[str, int]:
    rows = _rows(
        tx,
        f"""
        SELECT {expression} AS name, count(*) AS events FROM message_events
        WHERE workspace_id = :workspace_id AND {expression} IS NOT NULL
        GROUP BY 1 ORDER BY 1
        """,
        workspace_id=workspace_id,
    )
    return {row["name"]: row["events"] for row in rows}


def _rows(tx: Transaction, statement: str, **params: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in tx.session.execute(text(statement), params).mappings()]


def server_facts(tx: Transaction) -> dict[str, Any]:
    """What the database is and can do."""
    return _rows(
        tx,
        """
        SELECT current_setting('server_version') AS version,
               current_setting('server_version_num')::int AS version_number,
               (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS pgvector,
               (SELECT default_version FROM pg_available_extensions
                WHERE name = 'vector') AS pgvector_available,
               pg_database_size(current_database()) AS bytes
        """,
    )[0]
