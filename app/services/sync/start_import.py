"""Begin, watch and cancel imports."""

from typing import Any
from uuid import UUID

from app import store
from app.domain.status import ConfigStatus, RunMode, RunState
from app.errors import Conflict, InvalidInput, NotFound
from app.jobs.contracts import ImportFetch
from app.models import PipelineRun
from app.runtime import Runtime
from app.services.accounts import require_config


def start_import(
    runtime: Runtime,
    workspace_id: UUID,
    config_id: UUID,
    *,
    mode: RunMode = RunMode.TRIAGE,
    cap: int | None = None,
) -> UUID:
    """Begin to read an account's history; returns the run's id.

    Raises NotFound for an unknown account, InvalidInput where its provider has no history or the
    cap is not a number from 1 on, Conflict where an import is going or the account is not active.
    """
    if cap is not None and cap < 1:
        raise InvalidInput("cap must be at least 1")
    settings = runtime.settings
    with runtime.transaction(workspace_id) as tx:
        config = require_config(tx, config_id)
        adapter = runtime.adapters.get(config.provider)
        if adapter is None or not adapter.folders:
            raise InvalidInput(f"{config.provider} has no history to import")
        if config.status is not ConfigStatus.ACTIVE:
            raise Conflict(
                f"the account is {config.status}: {config.status_reason or 'no reason kept'}"
            )
        run = store.runs.start(
            tx,
            {
                "workspace_id": workspace_id,
                "config_id": config_id,
                "source": config.provider,
                "mode": mode,
                "cap": min(cap or settings.import_cap, settings.import_cap_max),
                "folder": adapter.folders[0],
                "rung_at": tx.now,
            },
        )
        if run is None:
            raise Conflict("an import of this account is going already")
        tx.publish_after_commit(fetch_job(run))
    return run.id


def fetch_job(run: PipelineRun) -> ImportFetch:
    """The job that fetches the next page of a run."""
    return ImportFetch.model_validate(
        {
            "workspace_id": run.workspace_id,
            "run_id": run.id,
            "config_id": run.config_id,
            "folder": run.folder,
            "pageToken": run.page_token,
            "cap": run.cap,
            "fetched_so_far": run.fetched_so_far,
            "pages": run.pages,
            "rate_limit_count": run.rate_limit_count,
        }
    )


def cancel_run(runtime: Runtime, workspace_id: UUID, run_id: UUID) -> None:
    """Stop a run; what it has stored stays and is worked on.

    Raises NotFound, or Conflict where it has ended already.
    """
    with runtime.transaction(workspace_id) as tx:
        if store.runs.get(tx, run_id) is None:
            raise NotFound(f"no run {run_id}")
        if not store.runs.end(tx, run_id, RunState.CANCELLED):
            raise Conflict("the run has ended already")


def run_progress(runtime: Runtime, workspace_id: UUID, run_id: UUID) -> dict[str, Any]:
    """How far a run and its events have come.

    Raises NotFound.
    """
    with runtime.transaction(workspace_id) as tx:
        progress = store.reports.progress(tx, run_id)
    if progress is None:
        raise NotFound(f"no run {run_id}")
    return progress
