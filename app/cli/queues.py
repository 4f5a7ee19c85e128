"""`queues`: what waits, in the rows and in the broker."""

import click

from app import store
from app.cli import session
from app.cli.output import json_option, report, show
from app.jobs import queues as names
from app.jobs.broker import Broker

_queue = click.argument("queue", type=click.Choice(names.ALL))


@click.group()
def queues() -> None:
    """Queues."""


def broker() -> Broker:
    url = session.runtime().settings.redis_url
    assert url is not None
    return Broker(url)


@queues.command("depths")
@json_option
def depths(as_json: bool) -> None:
    """What is due according to the rows, beside the messages in the broker."""
    with session.runtime().system_transaction() as tx:
        due = {row["queue"]: row for row in store.reports.queue_depths(tx)}
    messages = broker().depths()
    rows = [
        {
            "queue": name,
            "due": due.get(name, {}).get("depth"),
            "in_progress": due.get(name, {}).get("in_progress"),
            "oldest_at": due.get(name, {}).get("oldest_at"),
            "messages": messages.get(name),
        }
        for name in (*names.ALL, "unacked")
    ]
    show(
        rows, ("queue", "due", "in_progress", "oldest_at", "messages"), as_json=as_json
    )


@queues.command("peek")
@_queue
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True)
@json_option
def peek(queue: str, limit: int, as_json: bool) -> None:
    """The next messages of a queue, without taking them."""
    show(broker().peek(queue, limit=limit), ("id", "task", "args"), as_json=as_json)


@queues.command("purge")
@_queue
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def purge(queue: str, yes: bool, as_json: bool) -> None:
    """Forget the messages of a queue. Nothing is lost: the sweep rings again."""
    if not yes:
        click.confirm(f"Forget all messages of {queue}?", abort=True, err=True)
    forgotten = broker().purge(queue)
    record = {"queue": queue, "forgotten": forgotten}
    report(f"{forgotten} messages forgotten", record, as_json=as_json)
