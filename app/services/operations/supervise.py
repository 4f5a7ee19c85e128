"""Notice what gets stuck and keep an incident open as long as it is."""

from datetime import timedelta
from typing import Any

from app import store
from app.domain.status import Severity
from app.runtime import Runtime

EVERY = timedelta(minutes=2)


def supervise(runtime: Runtime, *, forced: bool = False) -> dict[str, Any]:
    """Report stalled runs and events; resolve what has cleared. Returns how many of each.

    Safe to repeat: one incident per condition. Two supervisors do the work of one.
    """
    settings = runtime.settings
    with runtime.system_transaction() as tx:
        every = EVERY * 0.8
        if not forced and not store.heartbeats.take_turn(tx, "supervise", every=every):
            return {}
        runs = store.reports.stalled_runs(tx, minutes=settings.stalled_run_minutes)
        for run in runs:
            store.incidents.report(
                tx,
                kind="run_stalled",
                dedupe_key=f"run_stalled:{run['id']}",
                workspace_id=run["workspace_id"],
                details={"heartbeat_at": run["heartbeat_at"].isoformat()},
            )
        events = store.reports.stalled_events(
            tx, minutes=settings.stalled_event_minutes
        )
        stuck: dict[tuple[Any, str], int] = {}
        for event in events:
            key = (event["workspace_id"], event["status"])
            stuck[key] = stuck.get(key, 0) + 1
        for (workspace_id, status), count in stuck.items():
            store.incidents.report(
                tx,
                kind="events_stalled",
                dedupe_key=f"events_stalled:{workspace_id}:{status}",
                severity=Severity.WARNING,
                workspace_id=workspace_id,
                details={"status": status, "events": count},
            )
        store.incidents.resolve(
            tx,
            kind="run_stalled",
            still_true=[f"run_stalled:{run['id']}" for run in runs],
        )
        store.incidents.resolve(
            tx,
            kind="events_stalled",
            still_true=[f"events_stalled:{who}:{what}" for who, what in stuck],
        )
    return {"stalled_runs": len(runs), "stalled_events": len(events)}
