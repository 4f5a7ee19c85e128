"""`migrate`, `sweep`, `supervise`: what beat does by itself, by hand."""

import click

from app.cli import session
from app.cli.output import json_option, report, show_one
from app.services.operations.migrate import migrate as migrate_database
from app.services.operations.supervise import supervise as supervise_all
from app.services.operations.sweep import sweep as sweep_all


@click.command()
@json_option
def migrate(as_json: bool) -> None:
    """Bring the database up to date."""
    revision = migrate_database(session.runtime())
    sentence = f"the database is at revision {revision}"
    report(sentence, {"revision": revision}, as_json=as_json)


@click.command()
@json_option
def sweep(as_json: bool) -> None:
    """Ring for whatever is due and nobody works on."""
    show_one(sweep_all(session.runtime(), forced=True), as_json=as_json)


@click.command()
@json_option
def supervise(as_json: bool) -> None:
    """Open incidents for what is stuck, resolve what has cleared."""
    show_one(supervise_all(session.runtime(), forced=True), as_json=as_json)


COMMANDS = (migrate, sweep, supervise)
