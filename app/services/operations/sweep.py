"""Ring again for whatever is due and nobody works on: what makes the pipeline lossless."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from app import store
from app.domain.status import EventStatus
from app.jobs.contracts import Classify, Draft, Job, Materialize, StoreFiles
from app.runtime import Runtime
from app.services.outbound.send import outbound_jobs
from app.services.pipeline.placement import files_jobs
from app.services.sync.fetch_messages import fetch_jobs
from app.services.sync.start_import import fetch_job
from app.services.sync.watermarks import watermark_job

#: Accounts, of each kind of work on them.
MAX_RUNS = 100

#: Messages; a queue of this length keeps its workers busy until the next sweep.
LONG_QUEUE = 50

#: Attempts of a batch; what was lost with its worker so often goes on alone.
TOGETHER = 2

#: The job that takes an event on from each state.
STAGE_OF: dict[EventStatus, type[Materialize | Classify | Draft]] = {
    EventStatus.RECEIVED: Materialize,
    EventStatus.MATERIALIZED: Classify,
    EventStatus.CLASSIFIED: Classify,
    EventStatus.DECIDED: Draft,
}


def sweep(runtime: Runtime, *, forced: bool = False) -> dict[str, int]:
    """Publish jobs for whatever is due and nobody holds; returns how many of each.

    The rows are the only evidence that is asked, so it does not matter why a job went missing.
    Safe to repeat, and from many beats at once: one takes the turn unless `forced`.
    """
    settings = runtime.settings
    waiting = runtime.publisher.waiting()
    with runtime.system_transaction() as tx:
        every = timedelta(seconds=settings.sweep_seconds * 0.8)
        if not forced and not store.heartbeats.take_turn(tx, "sweep", every=every):
            return {}
        events = store.events.take_overdue(
            tx,
            statuses=_starving(waiting),
            grace=runtime.lease,
            limit=settings.supervisor_nudge_limit,
        )
        runs = store.runs.take_overdue(tx, grace=runtime.lease, limit=MAX_RUNS)
        store.watermarks.add_missing(tx)
        watermarks = store.watermarks.take_due(tx, grace=runtime.lease, limit=MAX_RUNS)
        fetches = store.fetches.take_overdue(
            tx, grace=runtime.lease, limit=settings.supervisor_nudge_limit
        )
        outbound = store.outbound.take_overdue(
            tx, grace=runtime.lease, limit=settings.supervisor_nudge_limit
        )
        files: Sequence[Any] = ()
        if waiting.get(StoreFiles.queue, 0) < LONG_QUEUE:
            files = store.attachments.take_overdue(
                tx, grace=runtime.lease, limit=settings.supervisor_nudge_limit
            )
        jobs = [
            *jobs_for(runtime, events),
            *map(fetch_job, runs),
            *map(watermark_job, watermarks),
            *fetch_jobs(fetches),
            *outbound_jobs(outbound),
            *_jobs_for_files(files),
        ]
        tx.publish_after_commit(*jobs)
    return {
        "events": len(events),
        "runs": len(runs),
        "watermarks": len(watermarks),
        "fetches": len(fetches),
        "outbound": len(outbound),
        "messages_with_files": len(files),
        "jobs": len(jobs),
    }


def _jobs_for_files(files: Iterable[Any]) -> list[StoreFiles]:
    by_workspace: dict[UUID, list[UUID]] = defaultdict(list)
    for file in files:
        by_workspace[file.workspace_id].append(file.message_id)
    return [
        job
        for workspace_id, message_ids in by_workspace.items()
        for job in files_jobs(workspace_id, sorted(message_ids))
    ]


def _starving(waiting: Mapping[str, int]) -> list[EventStatus]:
    """The states whose stage has little to do.

    Behind a long queue events are late, not lost: ringing again would only make it longer.
    """
    return [
        status
        for status, contract in STAGE_OF.items()
        if waiting.get(contract.queue, 0) < LONG_QUEUE
    ]


def jobs_for(runtime: Runtime, events: Iterable[Any]) -> list[Job]:
    """The jobs that carry events on from where they stand; batched by run and stage.

    One that kills its worker must not use up the attempts of its neighbours: what nobody gave back
    goes on alone after a while.
    """
    groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for event in events:
        is_lost = event.lease_token is not None and event.attempts >= TOGETHER
        alone = event.id if is_lost else None
        status = EventStatus(event.status)
        groups[event.workspace_id, event.run_id, status, alone].append(event)
    return [
        job
        for (workspace_id, run_id, status, _), group in groups.items()
        for job in _jobs(runtime, workspace_id, run_id, status, group)
    ]


def _jobs(
    runtime: Runtime,
    workspace_id: UUID,
    run_id: UUID | None,
    status: EventStatus,
    group: list[Any],
) -> list[Job]:
    settings = runtime.settings
    contract = STAGE_OF[status]
    size = {
        Materialize: settings.ingest_batch_size,
        Classify: settings.classify_batch_size,
        Draft: settings.draft_batch_size,
    }[contract]
    return [
        contract(
            workspace_id=workspace_id,
            run_id=run_id,
            event_ids=tuple(event.id for event in group[start : start + size]),
        )
        for start in range(0, len(group), size)
    ]
