"""`deadletters`: what was given up, and another try for it."""

from uuid import UUID

import click

from app import store
from app.cli import session
from app.cli.output import json_option, say, show, show_one
from app.domain.status import DeadLetterStatus
from app.errors import NotFound
from app.models import DeadLetter
from app.services.operations.requeue import discard_letters, requeue_letters

_ids = click.argument("letter_ids", nargs=-1, type=session.ID)
_all = click.option("--all", "everything", is_flag=True, help="All that are open.")
_type = click.option("--type", "job_type", help="Only of this job type.")
_dry = click.option("--dry-run", is_flag=True, help="Only say what would be done.")


@click.group()
def deadletters() -> None:
    """Dead letters."""


@deadletters.command("list")
@click.option(
    "--status",
    type=click.Choice([status.value for status in DeadLetterStatus]),
    default=DeadLetterStatus.OPEN.value,
    show_default=True,
)
@_type
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True)
@json_option
def list_letters(status: str, job_type: str | None, limit: int, as_json: bool) -> None:
    """Dead letters, newest first."""
    with session.runtime().system_transaction() as tx:
        rows = [
            _summary(letter)
            for letter in store.dead_letters.find(
                tx, status=DeadLetterStatus(status), job_type=job_type, limit=limit
            )
        ]
    columns = (
        "id",
        "job_type",
        "error",
        "attempts",
        "event_id",
        "status",
        "created_at",
    )
    show(rows, columns, as_json=as_json)


@deadletters.command("show")
@click.argument("letter_id", type=session.ID)
@json_option
def show_letter(letter_id: UUID, as_json: bool) -> None:
    """One dead letter with its payload and traceback."""
    with session.runtime().system_transaction() as tx:
        letter = store.dead_letters.get(tx, letter_id)
        if letter is None:
            raise NotFound(f"no dead letter {letter_id}")
        record = _summary(letter) | {
            "workspace_id": letter.workspace_id,
            "run_id": letter.run_id,
            "source_queue": letter.source_queue,
            "payload": letter.payload,
            "traceback": letter.traceback,
        }
    show_one(record, as_json=as_json)


@deadletters.command("requeue")
@_ids
@_all
@_type
@_dry
@json_option
def requeue(letter_ids, everything, job_type, dry_run, as_json):  # type: ignore[no-untyped-def]
    """Try dead letters again."""
    chosen = _chosen(letter_ids, everything, job_type)
    done = requeue_letters(session.runtime(), chosen, dry_run=dry_run)
    say(f"{len(done)} {'would be' if dry_run else 'are'} requeued")
    show([{"id": one} for one in done], ("id",), as_json=as_json)


@deadletters.command("discard")
@_ids
@_all
@_type
@_dry
@json_option
def discard(letter_ids, everything, job_type, dry_run, as_json):  # type: ignore[no-untyped-def]
    """Close dead letters without another try; they stay readable."""
    chosen = _chosen(letter_ids, everything, job_type)
    done = discard_letters(session.runtime(), chosen, dry_run=dry_run)
    say(f"{len(done)} {'would be' if dry_run else 'are'} discarded")
    show([{"id": one} for one in done], ("id",), as_json=as_json)


def _chosen(
    letter_ids: tuple[UUID, ...], everything: bool, job_type: str | None
) -> list[UUID]:
    if everything:
        with session.runtime().system_transaction() as tx:
            found = store.dead_letters.find(tx, job_type=job_type, limit=100_000)
            return [letter.id for letter in found]
    if not letter_ids:
        raise click.UsageError("name dead letters, or --all")
    return list(letter_ids)


def _summary(letter: DeadLetter) -> dict[str, object]:
    return {
        "id": letter.id,
        "job_type": letter.job_type,
        "error": letter.error,
        "attempts": letter.attempts,
        "event_id": letter.event_id,
        "status": letter.status,
        "created_at": letter.created_at,
    }
