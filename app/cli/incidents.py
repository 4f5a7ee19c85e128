"""`incidents`: what somebody should know of."""

from uuid import UUID

import click

from app import store
from app.cli import session
from app.cli.output import json_option, report, show
from app.domain.status import IncidentStatus
from app.errors import NotFound


@click.group()
def incidents() -> None:
    """Incidents."""


@incidents.command("list")
@click.option("--all", "everything", is_flag=True, help="Resolved ones too.")
@json_option
def list_incidents(everything: bool, as_json: bool) -> None:
    """Incidents, the most recently seen first."""
    with session.runtime().system_transaction() as tx:
        rows = [
            {
                "id": one.id,
                "kind": one.kind,
                "severity": one.severity,
                "status": one.status,
                "count": one.count,
                "first_seen_at": one.first_seen_at,
                "last_seen_at": one.last_seen_at,
                "details": one.details,
            }
            for one in store.incidents.find(tx, open_only=not everything)
        ]
    columns = ("id", "kind", "severity", "status", "count", "last_seen_at", "details")
    show(rows, columns, as_json=as_json)


@incidents.command("ack")
@click.argument("incident_id", type=session.ID)
@json_option
def acknowledge(incident_id: UUID, as_json: bool) -> None:
    """Say that somebody is looking after it."""
    _set(incident_id, IncidentStatus.ACKNOWLEDGED, as_json=as_json)


@incidents.command("resolve")
@click.argument("incident_id", type=session.ID)
@json_option
def resolve(incident_id: UUID, as_json: bool) -> None:
    """Close it; if its condition is seen again, it opens with its history."""
    _set(incident_id, IncidentStatus.RESOLVED, as_json=as_json)


def _set(incident_id: UUID, status: IncidentStatus, *, as_json: bool) -> None:
    with session.runtime().system_transaction() as tx:
        if not store.incidents.set_status(tx, incident_id, status):
            raise NotFound(f"no incident {incident_id}")
    record = {"id": incident_id, "status": status}
    report(f"{incident_id} is {status}", record, as_json=as_json)
