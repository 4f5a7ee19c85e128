"""Fetch one page of an account's history and keep it."""

import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from app import store
from app.channels.base import Interrupted, Item, Page, Stored
from app.domain.backoff import MAX_ATTEMPTS
from app.domain.status import RunState, Severity, Source
from app.errors import BizzyBeeError, RateLimited, RetryableError
from app.jobs.contracts import ImportFetch
from app.models import ChannelConfig, PipelineRun
from app.runtime import Runtime
from app.services.accounts import account_of, require_config
from app.services.pipeline.failure import describe, may_retry
from app.services.pipeline.ingest import ingest, materialize_jobs
from app.services.pipeline.outcome import Outcome
from app.services.sync.account_faults import pause_after, settle_for_account
from app.services.sync.start_import import fetch_job
from app.store.audit import EventOutcome


def fetch_page(runtime: Runtime, job: ImportFetch) -> Outcome:
    """Fetch the page a run stands before, store it, and queue the next.

    Safe to repeat: the run's row says where it stands, and the cursor moves in the transaction that
    stores the page. A second delivery finds the run leased or further on, and fetches nothing.
    """
    with runtime.transaction(job.workspace_id) as tx:
        run = store.runs.claim(tx, job.run_id, lease=runtime.lease)
        config = require_config(tx, run.config_id) if run else None
    if run is None or config is None:
        return Outcome()
    if run.attempts > MAX_ATTEMPTS:
        return _give_up(
            runtime, job, run, config, RetryableError("its worker was lost")
        )
    runtime.checkpoint("fetch_page.claimed")
    with runtime.leases.held(run.lease_token):
        return _fetch_and_keep(runtime, job, run, config)


def _fetch_and_keep(
    runtime: Runtime, job: ImportFetch, run: PipelineRun, config: ChannelConfig
) -> Outcome:
    try:
        page = _fetch(runtime, run, config)
    except Interrupted as error:
        _keep_part(runtime, run, config, error.items)
        return _later(runtime, job, run, config, error)
    except BizzyBeeError as error:
        return _later(runtime, job, run, config, error)
    except Exception as error:
        _later(runtime, job, run, config, error)
        raise
    runtime.checkpoint("fetch_page.called")
    return _keep(runtime, job, run, config, page)


def _fetch(runtime: Runtime, run: PipelineRun, config: ChannelConfig) -> Page:
    """Ask the provider; no transaction is open meanwhile."""

    def known(external_ids: Collection[str]) -> Mapping[str, Stored]:
        with runtime.transaction(run.workspace_id) as tx:
            return store.events.known(
                tx,
                channel=config.channel,
                config_id=config.id,
                external_ids=external_ids,
            )

    assert run.folder is not None
    return runtime.adapters.of(config.provider).fetch_page(
        account_of(runtime, config),
        folder=run.folder,
        token=run.page_token,
        limit=runtime.settings.import_batch_size,
        known=known,
    )


def _keep(
    runtime: Runtime,
    job: ImportFetch,
    run: PipelineRun,
    config: ChannelConfig,
    page: Page,
) -> Outcome:
    """Store a page and move the cursor past it, in one transaction."""
    room = max((run.cap or sys.maxsize) - run.fetched_so_far, 0)
    folders = runtime.adapters.of(config.provider).folders
    items = page.items[:room]
    with runtime.transaction(job.workspace_id) as tx:
        kept = ingest(tx, config, items, source=Source.IMPORT, run_id=run.id)
        saved = store.runs.save_page(
            tx,
            run,
            fetched=len(items),
            created=kept.created,
            duplicates=kept.duplicates,
            rejected=kept.rejected,
            **_next_place(run, folders, page, room),
        )
        if saved is not None and saved.state is RunState.RUNNING:
            tx.publish_after_commit(fetch_job(saved))
        store.audit.record(
            tx,
            job,
            [EventOutcome(None, "fetched", run.attempts)],
            started_at=run.heartbeat_at,
        )
    return Outcome(
        counts={"created": kept.created, "duplicates": kept.duplicates},
        next_jobs=list(
            materialize_jobs(
                config,
                kept.event_ids,
                run_id=run.id,
                batch_size=runtime.settings.ingest_batch_size,
            )
        ),
    )


def _keep_part(
    runtime: Runtime, run: PipelineRun, config: ChannelConfig, items: list[Item]
) -> None:
    """Store what came of a page before it broke off; the cursor stays where it is.

    The whole page is fetched again, without what is stored by then, and counted then.
    """
    room = max((run.cap or sys.maxsize) - run.fetched_so_far, 0)
    with runtime.transaction(run.workspace_id) as tx:
        kept = ingest(tx, config, items[:room], source=Source.IMPORT, run_id=run.id)
        tx.publish_after_commit(
            *materialize_jobs(
                config,
                kept.event_ids,
                run_id=run.id,
                batch_size=runtime.settings.ingest_batch_size,
            )
        )


def _next_place(
    run: PipelineRun, folders: Sequence[str], page: Page, room: int
) -> dict[str, Any]:
    """Where the run stands after a page: next page, next folder, or the end."""
    assert run.folder is not None
    later_folders = folders[folders.index(run.folder) + 1 :]
    if len(page.items) >= room:
        more = (
            len(page.items) > room or page.next_token is not None or bool(later_folders)
        )
        return _place(run.folder, None, RunState.COMPLETED, truncated=more)
    if page.next_token is not None:
        return _place(run.folder, page.next_token, RunState.RUNNING)
    if later_folders:
        return _place(later_folders[0], None, RunState.RUNNING)
    return _place(run.folder, None, RunState.COMPLETED)


def _place(
    folder: str, token: str | None, state: RunState, *, truncated: bool = False
) -> dict[str, Any]:
    return {
        "folder": folder,
        "page_token": token,
        "state": state,
        "truncated": truncated,
    }


def _later(
    runtime: Runtime,
    job: ImportFetch,
    run: PipelineRun,
    config: ChannelConfig,
    error: Exception,
) -> Outcome:
    """Try the same page again when its time comes, or end the run."""
    counted = not isinstance(error, RateLimited)
    if not may_retry(error) or (counted and run.attempts >= MAX_ATTEMPTS):
        return _give_up(runtime, job, run, config, error)
    outcome = "put_off" if counted else "rate_limited"
    with runtime.transaction(job.workspace_id) as tx:
        store.runs.put_off(
            tx,
            run,
            until=tx.now + pause_after(error, attempt=run.attempts),
            error=describe(error),
            counted=counted,
        )
        settle_for_account(tx, config, error)
        store.audit.record(
            tx,
            job,
            [EventOutcome(None, outcome, run.attempts, describe(error))],
            started_at=run.heartbeat_at,
        )
    return Outcome({outcome: 1})


def _give_up(
    runtime: Runtime,
    job: ImportFetch,
    run: PipelineRun,
    config: ChannelConfig,
    error: Exception,
) -> Outcome:
    """End the run as failed, visibly. What it stored stays and is worked on."""
    reason = describe(error)
    with runtime.transaction(job.workspace_id) as tx:
        if not store.runs.fail(tx, run, reason):
            return Outcome()
        settle_for_account(tx, config, error)
        store.dead_letters.add(
            tx,
            [
                {
                    "workspace_id": job.workspace_id,
                    "source_queue": job.queue,
                    "job_type": job.job_type,
                    "payload": job.payload(),
                    "error": reason,
                    "attempts": run.attempts,
                    "run_id": run.id,
                }
            ],
        )
        store.incidents.report(
            tx,
            kind="import_failed",
            dedupe_key=f"import_failed:{run.config_id}",
            severity=Severity.ERROR,
            workspace_id=job.workspace_id,
            details={"run_id": str(run.id), "error": reason},
        )
        store.audit.record(
            tx,
            job,
            [EventOutcome(None, "failed", run.attempts, reason)],
            started_at=run.heartbeat_at,
        )
    return Outcome({"failed": 1})
