"""`schedule`: what comes again and again, when, and what came of it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import click

from app.cli import session
from app.cli.output import json_option, report, show, show_one
from app.domain.status import ScheduledOutcome
from app.errors import BizzyBeeError, InvalidInput
from app.models import ScheduledJob
from app.services.operations import schedule as use_cases
from app.services.operations.schedule_kinds import not_available

any_workspace = click.option(
    "--workspace", "-w", help="Name or id of the workspace; else all of them."
)


@click.group()
def schedule() -> None:
    """Recurring work."""


@schedule.command("list")
@any_workspace
@json_option
def list_scheduled(workspace: str | None, as_json: bool) -> None:
    """What is scheduled, and how it went last."""
    found = use_cases.list_scheduled(
        session.runtime(), workspace_id=_workspace_id(workspace)
    )
    columns = (
        *("workspace_id", "kind", "enabled", "every_seconds", "next_run_at"),
        *("last_outcome", "last_finished_at", "last_error"),
    )
    show([_row(one) for one in found], columns, as_json=as_json)
    if not as_json:
        click.echo(f"not available in this version: {', '.join(not_available())}")


@schedule.command("run")
@any_workspace
@click.argument("kind", required=False)
@json_option
def run(workspace: str | None, kind: str | None, as_json: bool) -> None:
    """Run KIND here and now, to its end; without KIND, ring for whatever is due."""
    workspace_id = _workspace_id(workspace)
    if kind is None:
        due = use_cases.tick(session.runtime(), workspace_id=workspace_id, forced=True)
        report(
            f"rung for {len(due)} jobs",
            {"rung": [_row(o) for o in due]},
            as_json=as_json,
        )
        return
    if workspace_id is None:
        raise InvalidInput("name the workspace in which to run it: -w NAME")
    done = use_cases.run_now(session.runtime(), workspace_id, kind)
    show_one(_row(done), as_json=as_json)
    if done.last_outcome is ScheduledOutcome.FAILED:
        raise BizzyBeeError(f"{kind} failed: {done.last_error}")


@schedule.command("enable")
@session.workspace_option
@click.option("--every-minutes", type=int, help="Another period.")
@click.argument("kind")
@json_option
def enable(workspace: str, every_minutes: int | None, kind: str, as_json: bool) -> None:
    """Switch KIND on."""
    every = None if every_minutes is None else timedelta(minutes=every_minutes)
    owner = session.workspace(workspace)
    done = use_cases.enable(session.runtime(), owner.id, kind, actor="cli", every=every)
    report(f"{kind} is on, next at {done.next_run_at}", _row(done), as_json=as_json)


@schedule.command("disable")
@session.workspace_option
@click.argument("kind")
@json_option
def disable(workspace: str, kind: str, as_json: bool) -> None:
    """Switch KIND off."""
    owner = session.workspace(workspace)
    done = use_cases.disable(session.runtime(), owner.id, kind, actor="cli")
    report(f"{kind} is off", _row(done), as_json=as_json)


def _workspace_id(reference: str | None) -> UUID | None:
    return None if reference is None else session.workspace(reference).id


def _row(scheduled: ScheduledJob) -> dict[str, Any]:
    return {
        "id": scheduled.id,
        "workspace_id": scheduled.workspace_id,
        "kind": scheduled.kind,
        "enabled": scheduled.enabled,
        "every_seconds": scheduled.every_seconds,
        "next_run_at": scheduled.next_run_at,
        "attempts": scheduled.attempts,
        "last_started_at": scheduled.last_started_at,
        "last_finished_at": scheduled.last_finished_at,
        "last_outcome": scheduled.last_outcome,
        "last_error": scheduled.last_error,
    }
