"""`doctor`: is everything there, and what to do if not."""

import sys

import click

from app.bootstrap import build_runtime
from app.cli.output import json_option, say, show
from app.embedded import complete
from app.jobs.publishing import NoPublisher
from app.services.operations.diagnose import diagnose


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check environment, database, migrations, broker, keys and adapters.

    Ends with status 1 where something has to be done.
    """
    # Unusable settings end the command here, with their names.
    settings = complete()
    findings = diagnose(build_runtime(settings, NoPublisher(), pool_size=1))
    rows = [
        {
            "check": one.check,
            "ok": one.ok,
            "": "ok" if one.ok else "!!",
            "found": one.found,
            "do": one.advice,
        }
        for one in findings
    ]
    if as_json:
        for row in rows:
            del row[""]
    show(rows, ("", "check", "found", "do"), as_json=as_json)
    wrong = sum(not one.ok for one in findings)
    say("all is well" if not wrong else f"{wrong} finding(s) to act on")
    sys.exit(1 if wrong else 0)
