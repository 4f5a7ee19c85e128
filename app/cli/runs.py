"""`runs`: imports, how far they are."""

from uuid import UUID

import click

from app import store
from app.cli import session
from app.cli.output import json_option, report, show, show_one
from app.domain.status import RunState
from app.services.sync.start_import import cancel_run, run_progress

_COLUMNS = (
    "run_id",
    "source",
    "mode",
    "state",
    "fetched_so_far",
    "created",
    "duplicates",
    "events",
    "finished_events",
    "failed_events",
    "started_at",
)


@click.group()
def runs() -> None:
    """Imports."""


@runs.command("list")
@session.workspace_option
@json_option
def list_runs(workspace: str, as_json: bool) -> None:
    """The latest imports, newest first."""
    owner = session.workspace(workspace)
    with session.runtime().transaction(owner.id) as tx:
        rows = [
            store.reports.progress(tx, run.id) or {}
            for run in store.runs.newest_first(tx)
        ]
    show(rows, _COLUMNS, as_json=as_json)


@runs.command("show")
@session.workspace_option
@click.argument("run_id", type=session.ID)
@json_option
def show_run(workspace: str, run_id: UUID, as_json: bool) -> None:
    """One import."""
    owner = session.workspace(workspace)
    show_one(run_progress(session.runtime(), owner.id, run_id), as_json=as_json)


@runs.command("cancel")
@session.workspace_option
@click.argument("run_id", type=session.ID)
@json_option
def cancel(workspace: str, run_id: UUID, as_json: bool) -> None:
    """Stop fetching; what is stored stays and is worked on."""
    owner = session.workspace(workspace)
    cancel_run(session.runtime(), owner.id, run_id)
    record = {"run_id": run_id, "state": RunState.CANCELLED}
    report(f"{run_id} is cancelled", record, as_json=as_json)
