"""Entry point of the `bizzybee` command."""

import logging
import signal
import sys
from typing import NoReturn

import click
import redis
from sqlalchemy.exc import DBAPIError

from app.cli import (
    accounts,
    adapters,
    archive,
    customers,
    deadletters,
    demo,
    doctor,
    events,
    imports,
    incidents,
    orders,
    outbound,
    products,
    queues,
    requeue,
    rules,
    runs,
    schedule,
    search,
    up,
    upkeep,
)
from app.cli.output import say
from app.errors import BizzyBeeError
from app.logs import configure_logs

FAILED = 1


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--verbose", is_flag=True, help="Log to stderr what happens.")
def cli(verbose: bool) -> None:
    """Every message a business receives: kept, understood, answered once, and explained."""
    configure_logs("INFO" if verbose else "ERROR")
    if not verbose:
        logging.getLogger("alembic").setLevel(logging.WARNING)


for command in (
    *accounts.COMMANDS,
    adapters.adapter,
    imports.imports,
    runs.runs,
    queues.queues,
    deadletters.deadletters,
    requeue.requeue,
    incidents.incidents,
    events.events,
    rules.rules,
    outbound.outbound,
    outbound.auto_reply,
    products.products,
    orders.orders,
    customers.customers,
    schedule.schedule,
    archive.archive,
    search.search,
    *upkeep.COMMANDS,
    doctor.doctor,
    up.up,
    demo.demo,
):
    cli.add_command(command)


def main() -> None:
    """Run the command; what goes wrong becomes one sentence and exit status 1."""
    # Told to stop, we still stop the servers and processes that we started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        cli(prog_name="bizzybee")
    except BizzyBeeError as error:
        _fail(str(error))
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        _fail(f"PostgreSQL is away or refuses: {reason}; see: bizzybee doctor")
    except redis.RedisError as error:
        _fail(f"Redis is away or refuses: {error}; see: bizzybee doctor")


def _fail(sentence: str) -> NoReturn:
    say(sentence, style="red")
    sys.exit(FAILED)


if __name__ == "__main__":
    main()
