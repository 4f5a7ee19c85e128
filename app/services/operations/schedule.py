"""See to it that what comes again and again is run, and let operators say what and when."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any
from uuid import UUID

from app import store
from app.domain.schedule import next_on_plan
from app.domain.status import ScheduledOutcome
from app.errors import Conflict, InvalidInput
from app.jobs.contracts import Scheduled
from app.models import ScheduledJob
from app.runtime import Runtime
from app.services.operations.run_scheduled import incident_key, run_scheduled
from app.services.operations.schedule_kinds import KINDS, require_kind
from app.store.transaction import Transaction

#: Jobs that one tick rings for at most; the next one is never far.
MOST_AT_ONCE = 200

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=366)


def tick(
    runtime: Runtime, *, workspace_id: UUID | None = None, forced: bool = False
) -> list[ScheduledJob]:
    """Ring for the scheduled jobs that are due, of one workspace or of all; returns them.

    Safe to repeat, and from many beats at once: one takes the turn unless `forced`, a job that was
    rung for is left alone for a while, and whoever takes it up holds it while it runs.
    """
    with _opened(runtime, workspace_id) as tx:
        every = timedelta(seconds=runtime.settings.sweep_seconds * 0.8)
        if not forced and not store.heartbeats.take_turn(tx, "schedules", every=every):
            return []
        _add_missing(tx)
        due = store.schedules.take_due(
            tx, list(KINDS), grace=runtime.lease, limit=MOST_AT_ONCE
        )
        tx.publish_after_commit(
            *(
                Scheduled(workspace_id=one.workspace_id, scheduled_id=one.id)
                for one in due
            )
        )
    return list(due)


def list_scheduled(
    runtime: Runtime, *, workspace_id: UUID | None = None
) -> Sequence[ScheduledJob]:
    """What is scheduled, of one workspace or of all. The first look at a workspace plans its jobs."""
    with _opened(runtime, workspace_id) as tx:
        _add_missing(tx)
        return store.schedules.find(tx, list(KINDS))


def enable(
    runtime: Runtime,
    workspace_id: UUID,
    kind: str,
    *,
    actor: str,
    every: timedelta | None = None,
) -> ScheduledJob:
    """Switch a kind on, where `every` is given with another period.

    Raises InvalidInput and Conflict as `require_kind` does, InvalidInput for a period out of bounds.
    """
    require_kind(kind)
    if every is not None and not SHORTEST <= every <= LONGEST:
        raise InvalidInput("a period lasts from a minute to a year")
    with runtime.transaction(workspace_id) as tx:
        scheduled = _of_kind(tx, kind)
        values: dict[str, Any] = {"enabled": True}
        seconds = scheduled.every_seconds
        if every is not None:
            seconds = values["every_seconds"] = int(every.total_seconds())
        if every is not None or not scheduled.enabled:
            # What was missed while it was off is not made up for.
            values["next_run_at"] = next_on_plan(
                scheduled.anchor_at, timedelta(seconds=seconds), after=tx.now
            )
        _record(tx, scheduled, "schedule.enable", actor, every_seconds=seconds)
        return store.schedules.change(tx, scheduled.id, **values)


def disable(
    runtime: Runtime, workspace_id: UUID, kind: str, *, actor: str
) -> ScheduledJob:
    """Switch a kind off; a run that is going ends by itself. Raises as `require_kind` does."""
    require_kind(kind)
    with runtime.transaction(workspace_id) as tx:
        scheduled = _of_kind(tx, kind)
        # Nobody waits any more for it to go well.
        store.incidents.resolve_one(tx, incident_key(scheduled.id))
        _record(tx, scheduled, "schedule.disable", actor)
        return store.schedules.change(tx, scheduled.id, enabled=False)


def run_now(runtime: Runtime, workspace_id: UUID, kind: str) -> ScheduledJob:
    """Run a kind here and now, to its end, whenever it would be due; its plan stays as it is.

    Raises as `require_kind` does, and Conflict where it is switched off or running already.
    """
    require_kind(kind)
    with runtime.transaction(workspace_id) as tx:
        scheduled = _of_kind(tx, kind)
        if not scheduled.enabled:
            raise Conflict(f"{kind} is switched off; see: bizzybee schedule enable")
        store.schedules.hurry(tx, scheduled.id)
    job = Scheduled(workspace_id=workspace_id, scheduled_id=scheduled.id)
    while True:
        if not run_scheduled(runtime, job, alone=True).counts:
            raise Conflict(f"{kind} is running already")
        with runtime.transaction(workspace_id) as tx:
            scheduled = _of_kind(tx, kind)
        if scheduled.last_outcome is not ScheduledOutcome.MORE:
            return scheduled


def _opened(
    runtime: Runtime, workspace_id: UUID | None
) -> AbstractContextManager[Transaction]:
    if workspace_id is None:
        return runtime.system_transaction()
    return runtime.transaction(workspace_id)


def _add_missing(tx: Transaction) -> None:
    store.schedules.add_missing(tx, {name: kind.every for name, kind in KINDS.items()})


def _of_kind(tx: Transaction, kind: str) -> ScheduledJob:
    _add_missing(tx)
    found = store.schedules.of_kind(tx, kind)
    assert found is not None
    return found


def _record(
    tx: Transaction, scheduled: ScheduledJob, action: str, actor: str, **details: int
) -> None:
    store.tenants.record_audit(
        tx,
        workspace_id=scheduled.workspace_id,
        actor=actor,
        action=action,
        subject=scheduled.kind,
        details=details,
    )
