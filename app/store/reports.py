"""Read-only summaries for people: what the views hold, and what a run came to."""

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


def runs_in_progress(tx: Transaction) -> list[dict[str, Any]]:
    """The runs that are going, and how far each and its events have come."""
    return _rows(
        tx,
        """
        SELECT * FROM bb_pipeline_progress
        WHERE state IN ('queued', 'running') ORDER BY started_at DESC
        """,
    )


def stage_latency(tx: Transaction, *, hours: int) -> list[dict[str, Any]]:
    """How long each stage took, hour by hour, the newest hour first."""
    return _rows(
        tx,
        """
        SELECT hour, stage, events, p50_seconds, p95_seconds, p99_seconds
        FROM bb_stage_latency WHERE hour > :now - make_interval(hours => :hours)
        ORDER BY hour DESC, array_position(ARRAY['materialize', 'classify', 'draft'], stage)
        """,
        hours=hours,
        now=tx.now,
    )


def stalled_events(tx: Transaction, *, minutes: int) -> list[dict[str, Any]]:
    """Unfinished events that nobody holds and nothing has touched for so long, counted.

    Per workspace and status, with the id of the oldest.
    """
    return _rows(
        tx,
        """
        SELECT workspace_id, status, count(*) AS events,
            (array_agg(id ORDER BY received_at))[1] AS oldest
        FROM message_events
        WHERE finished_at IS NULL AND updated_at < :now - make_interval(mins => :minutes)
          AND coalesce(next_attempt_at, '-infinity') < :now
          AND coalesce(lease_expires_at, '-infinity') < :now
        GROUP BY workspace_id, status
        """,
        minutes=minutes,
        now=tx.now,
    )


def stalled_runs(tx: Transaction, *, minutes: int) -> list[dict[str, Any]]:
    """Runs that should be going and have not given a sign for so long."""
    return _rows(
        tx,
        """
        SELECT r.id, r.workspace_id, r.config_id, r.source, r.heartbeat_at
        FROM pipeline_runs r JOIN channel_configs c ON c.id = r.config_id
        WHERE r.state IN ('queued', 'running')
          AND r.heartbeat_at < :now - make_interval(mins => :minutes)
          AND coalesce(r.next_attempt_at, '-infinity') < :now
          -- A paused account is meant to stand still.
          AND (c.status = 'active' OR r.folder IS NULL)
        """,
        minutes=minutes,
        now=tx.now,
    )


def waiting_stages(tx: Transaction) -> list[dict[str, Any]]:
    """Per status of events that wait for a worker: since when, and when its stage last did anything."""
    return _rows(
        tx,
        """
        SELECT status, count(*) AS events,
            min(greatest(updated_at, next_attempt_at)) AS since,
            (SELECT max(created_at) FROM pipeline_job_audit
             WHERE created_at > :now - interval '1 hour'
               AND job_type = CASE status WHEN 'received' THEN 'MATERIALIZE'
                   WHEN 'materialized' THEN 'CLASSIFY' ELSE 'DRAFT' END) AS last_outcome_at
        FROM message_events
        WHERE finished_at IS NULL
          AND coalesce(next_attempt_at, '-infinity') < :now
          AND coalesce(lease_expires_at, '-infinity') < :now
        GROUP BY status
        """,
        now=tx.now,
    )


def silent_accounts(tx: Transaction) -> list[dict[str, Any]]:
    """Active accounts that are quiet for much longer than they used to be.

    Used to: the average gap between live messages of the last two weeks, where there were at least
    20. Much longer: ten such gaps, and no less than six hours.
    """
    return _rows(
        tx,
        """
        SELECT c.id, c.workspace_id, c.name, live.last_at, live.usual_gap
        FROM channel_configs c
        CROSS JOIN LATERAL (
            SELECT max(received_at) AS last_at,
                (max(received_at) - min(received_at)) / nullif(count(*) - 1, 0) AS usual_gap,
                count(*) AS events
            FROM message_events e
            WHERE e.workspace_id = c.workspace_id AND e.channel = c.channel
              AND e.config_id = c.id AND e.run_id IS NULL
              AND e.received_at > :now - interval '14 days'
        ) live
        WHERE c.status = 'active' AND live.events >= 20
          AND :now - live.last_at > greatest(live.usual_gap * 10, interval '6 hours')
        """,
        now=tx.now,
    )


def unfinished(tx: Transaction) -> int:
    """How many events and messages of ours have come to no end yet."""
    (row,) = _rows(
        tx,
        """
        SELECT (SELECT count(*) FROM message_events WHERE finished_at IS NULL)
            + (SELECT count(*) FROM outbound_messages WHERE finished_at IS NULL) AS unfinished
        """,
    )
    return int(row["unfinished"])


def summary(tx: Transaction, *, config_id: UUID, run_id: UUID) -> dict[str, Any]:
    """What an account holds, and how long the events of one run took from receipt on."""
    counts = _rows(
        tx,
        """
        SELECT
            count(*) AS events,
            count(*) FILTER (WHERE finished_at IS NULL) AS unfinished,
            (SELECT count(*) FROM messages WHERE config_id = :config_id) AS messages,
            (SELECT count(*) FROM (
                SELECT FROM messages WHERE config_id = :config_id
                GROUP BY external_id HAVING count(*) > 1) twice) AS stored_twice,
            count(DISTINCT conversation_id) AS conversations,
            (SELECT count(DISTINCT customer_id) FROM messages
             WHERE config_id = :config_id) AS customers,
            (SELECT count(*) FROM drafts d JOIN conversations c ON c.id = d.conversation_id
             WHERE c.config_id = :config_id AND d.status = 'live') AS live_drafts,
            (SELECT count(*) FROM dead_letters d
             WHERE d.status = 'open' AND d.run_id IN (
                SELECT id FROM pipeline_runs WHERE config_id = :config_id)) AS dead_letters
        FROM message_events WHERE config_id = :config_id
        """,
        config_id=config_id,
    )[0]
    for name, expression in (
        ("statuses", "status"),
        ("decisions", "decision ->> 'decision'"),
        ("judged_by", "decision ->> 'judged_by'"),
        ("without_draft", "CASE WHEN status = 'decided' THEN reason END"),
    ):
        counts[name] = _counts(tx, expression, config_id)
    counts["seconds_from_receipt"] = _latencies(tx, run_id)
    return counts


def _latencies(tx: Transaction, run_id: UUID) -> dict[str, dict[str, Any]]:
    rows = _rows(
        tx,
        """
        SELECT stage, count(*) AS events,
            round(percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)::numeric, 2)::float8 AS p50,
            round(percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds)::numeric, 2)::float8 AS p95,
            round(percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds)::numeric, 2)::float8 AS p99
        FROM message_events
        CROSS JOIN LATERAL (VALUES
            (1, 'to materialized', extract(epoch FROM materialized_at - received_at)),
            (2, 'to decided', extract(epoch FROM decided_at - received_at)),
            (3, 'to drafted', extract(epoch FROM drafted_at - received_at))
        ) AS stages (place, stage, seconds)
        WHERE run_id = :run_id AND seconds IS NOT NULL
        GROUP BY place, stage ORDER BY place
        """,
        run_id=run_id,
    )
    return {row.pop("stage"): row for row in rows}


def _counts(tx: Transaction, expression: str, config_id: UUID) -> dict[str, int]:
    rows = _rows(
        tx,
        f"""
        SELECT {expression} AS name, count(*) AS events FROM message_events
        WHERE config_id = :config_id AND {expression} IS NOT NULL
        GROUP BY 1 ORDER BY 1
        """,
        config_id=config_id,
    )
    return {row["name"]: row["events"] for row in rows}


def _rows(tx: Transaction, statement: str, **params: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in tx.session.execute(text(statement), params).mappings()]
