"""`events`: one message on its way, and why it was treated as it was."""

from uuid import UUID

import click

from app import store
from app.cli import session
from app.cli.output import json_option, show, show_one
from app.domain.status import EventStatus
from app.services.operations.explain import explain_event


@click.group()
def events() -> None:
    """Events."""


@events.command("list")
@session.workspace_option
@click.option("--status", type=click.Choice([status.value for status in EventStatus]))
@click.option("--run", "run_id", type=session.ID)
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@json_option
def list_events(workspace, status, run_id, limit, as_json):  # type: ignore[no-untyped-def]
    """Events, oldest first."""
    owner = session.workspace(workspace)
    with session.runtime().transaction(owner.id) as tx:
        rows = [
            {
                "id": event.id,
                "channel": event.channel,
                "external_id": event.external_id,
                "status": event.status,
                "reason": event.reason,
                "attempts": event.attempts,
                "received_at": event.received_at,
            }
            for event in store.events.find(
                tx,
                run_id=run_id,
                status=EventStatus(status) if status else None,
                limit=limit,
            )
        ]
    columns = ("id", "channel", "external_id", "status", "reason", "received_at")
    show(rows, columns, as_json=as_json)


@events.command("show")
@click.argument("event_id", type=session.ID)
@json_option
def show_event(event_id: UUID, as_json: bool) -> None:
    """All that led to the state of an event."""
    show_one(explain_event(session.runtime(), event_id), as_json=as_json)


events.add_command(show_event, "explain")
