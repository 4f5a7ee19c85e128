"""`outbound` and `auto-reply`: what is sent, and what nobody knows about."""

from uuid import UUID

import click

from app.cli import session
from app.cli.output import json_option, report, show
from app.domain.status import OutboundState
from app.services.outbound import auto_reply as switches
from app.services.outbound import messages

ACTOR = "cli"


@click.group()
def outbound() -> None:
    """Messages on their way out."""


@outbound.command("list")
@session.workspace_option
@click.option("--state", type=click.Choice([one.value for one in OutboundState]))
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@json_option
def list_outbound(workspace: str, state: str | None, limit: int, as_json: bool) -> None:
    """What was queued, the newest first."""
    found = messages.list_outbound(
        session.runtime(),
        session.workspace(workspace).id,
        state=OutboundState(state) if state else None,
        limit=limit,
    )
    rows = [
        {
            "id": one.id,
            "conversation_id": one.conversation_id,
            "origin": one.origin,
            "state": one.state,
            "rule": one.rule,
            "attempts": one.attempts,
            "last_error": one.last_error,
            "created_at": one.created_at,
        }
        for one in found
    ]
    columns = ("id", "origin", "state", "rule", "attempts", "last_error", "created_at")
    show(rows, columns, as_json=as_json)


@outbound.command()
@click.argument("outbound_id", type=session.ID)
@click.option("--sent", is_flag=True, help="It did arrive.")
@click.option("--again", is_flag=True, help="It did not: send it.")
@json_option
def settle(outbound_id: UUID, sent: bool, again: bool, as_json: bool) -> None:
    """Say what became of a message whose outcome is uncertain."""
    if sent == again:
        raise click.UsageError("say which: --sent or --again")
    done = messages.settle(session.runtime(), outbound_id, was_sent=sent, actor=ACTOR)
    record = {"id": done.id, "state": done.state}
    report(f"{done.id} is {done.state}", record, as_json=as_json)


@click.command("auto-reply")
@session.workspace_option
@click.argument("switch", type=click.Choice(["on", "off"]))
@json_option
def auto_reply(workspace: str, switch: str, as_json: bool) -> None:
    """Allow or forbid that drafts are sent without a person looking at them."""
    owner = session.workspace(workspace)
    switches.switch(session.runtime(), owner.id, allowed=switch == "on", actor=ACTOR)
    record = {"workspace_id": owner.id, "auto_reply": switch == "on"}
    report(f"automatic replies of {owner.name} are {switch}", record, as_json=as_json)
