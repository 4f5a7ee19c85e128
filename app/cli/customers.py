"""`customers`: who is known by what, and who is one person with whom."""

from typing import Any
from uuid import UUID

import click

from app.cli import session
from app.cli.output import json_option, report, show_one
from app.models import CustomerIdentity, CustomerMerge
from app.services import customers as people

_ACTOR = "cli"


@click.group()
def customers() -> None:
    """Customers, and which of them are one person."""


@customers.command("show")
@click.argument("customer_id", type=session.ID)
@json_option
def show_customer(customer_id: UUID, as_json: bool) -> None:
    """A customer and all that they are known by; of a merged one, who stands for them."""
    runtime = session.runtime()
    workspace_id = people.workspace_of_customer(runtime, customer_id)
    found = people.get_customer(runtime, workspace_id, customer_id)
    show_one(
        {
            "id": found.customer.id,
            "name": found.customer.name,
            "first_seen_at": found.first_seen_at,
            "merged": list(found.merged),
            "identities": [_identity(one) for one in found.identities],
            "merges": [_merge(one) for one in found.merges],
        },
        as_json=as_json,
    )


@customers.command("merge")
@click.argument("kept_id", metavar="ID", type=session.ID)
@click.argument("lost_id", metavar="OTHER", type=session.ID)
@click.option("--dry-run", is_flag=True, help="Only say what would go over.")
@json_option
def merge(kept_id: UUID, lost_id: UUID, dry_run: bool, as_json: bool) -> None:
    """Make one customer of two; the first one stays."""
    runtime = session.runtime()
    done = people.merge_customers(
        runtime,
        people.workspace_of_customer(runtime, kept_id),
        kept_id,
        lost_id,
        actor=_ACTOR,
        dry_run=dry_run,
    )
    moves = ", ".join(f"{count} {table}" for table, count in done.moves.items())
    verb = "would go" if dry_run else "went"
    sentence = f"{moves} {verb} over to {done.survivor_id}"
    if done.merge:
        sentence += f"; to take it back: bizzybee customers unmerge {done.merge.id}"
    report(
        sentence,
        {
            "survivor_id": done.survivor_id,
            "loser_id": done.loser_id,
            "moves": done.moves,
            "merge": _merge(done.merge) if done.merge else None,
        },
        as_json=as_json,
    )


@customers.command("unmerge")
@click.argument("merge_id", type=session.ID)
@json_option
def unmerge(merge_id: UUID, as_json: bool) -> None:
    """Part two customers again; no message merges them a second time."""
    runtime = session.runtime()
    workspace_id = people.workspace_of_merge(runtime, merge_id)
    done = people.undo_merge(runtime, workspace_id, merge_id, actor=_ACTOR)
    report(
        f"{done.survivor_home_id} and {done.loser_home_id} are two again",
        _merge(done),
        as_json=as_json,
    )


def _identity(one: CustomerIdentity) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "value": one.value,
        "original": one.original,
        "config_id": one.config_id,
        "opted_out_at": one.opted_out_at,
        "undeliverable_at": one.undeliverable_at,
        "home_customer_id": one.home_customer_id,
        "evidence": one.evidence,
    }


def _merge(one: CustomerMerge) -> dict[str, Any]:
    return {
        "id": one.id,
        "survivor_id": one.survivor_id,
        "loser_id": one.loser_id,
        "rule": one.rule,
        "details": one.details,
        "actor": one.actor,
        "moved": one.moved,
        "created_at": one.created_at,
        "undone_at": one.undone_at,
        "undone_by": one.undone_by,
    }
