"""`requeue`: send events through a stage again."""

from uuid import UUID

import click

from app.cli import session
from app.cli.output import json_option, say, show
from app.domain.status import EventStatus
from app.services.operations.requeue import STAGES, requeue_events


@click.command()
@click.option("--event", "event_id", type=session.ID, help="One event.")
@click.option("--run", "run_id", type=session.ID, help="The events of an import.")
@click.option(
    "--status",
    type=click.Choice([status.value for status in EventStatus]),
    help="Events in this state.",
)
@click.option("--stage", type=click.Choice(list(STAGES)), help="Where to begin again.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_option
def requeue(
    event_id: UUID | None,
    run_id: UUID | None,
    status: str | None,
    stage: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send events through a stage again; what is done already is not done twice."""
    if event_id is None and run_id is None and status is None:
        raise click.UsageError("name the events: --event, --run or --status")
    done = requeue_events(
        session.runtime(),
        event_id=event_id,
        run_id=run_id,
        status=EventStatus(status) if status else None,
        stage=stage,
        dry_run=dry_run,
    )
    say(f"{len(done)} {'would be' if dry_run else 'are'} requeued")
    show([{"id": one} for one in done], ("id",), as_json=as_json)
