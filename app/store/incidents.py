"""`pipeline_incidents`: conditions that somebody should know of."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case, select, update
from sqlalchemy.dialects.postgresql import insert

from app.domain.status import IncidentStatus, Severity
from app.models import Incident
from app.store.transaction import Transaction


def report(
    tx: Transaction,
    *,
    kind: str,
    dedupe_key: str,
    severity: Severity = Severity.ERROR,
    workspace_id: UUID | None = None,
    details: dict[str, Any] | None = None,
    at_most_every: timedelta = timedelta(0),
) -> None:
    """Open an incident, or count its condition once more, unless that was done a moment ago.

    One row per condition: seen again after it was resolved, it opens again with its history.
    """
    offered = insert(Incident).values(
        kind=kind,
        dedupe_key=dedupe_key,
        severity=severity,
        workspace_id=workspace_id,
        details=details or {},
        status=IncidentStatus.OPEN,
        first_seen_at=tx.now,
        last_seen_at=tx.now,
    )
    tx.session.execute(
        offered.on_conflict_do_update(
            index_elements=["workspace_id", "dedupe_key"],
            set_={
                "count": Incident.count + 1,
                "last_seen_at": tx.now,
                "severity": offered.excluded.severity,
                "details": offered.excluded.details,
                "status": case(
                    (
                        Incident.status == IncidentStatus.ACKNOWLEDGED,
                        Incident.status,
                    ),
                    else_=offered.excluded.status,
                ),
                "resolved_at": None,
            },
            where=Incident.last_seen_at <= tx.now - at_most_every,
        )
    )


def resolve(
    tx: Transaction, *, kind: str, still_true: Collection[str] = ()
) -> list[str]:
    """Close the incidents of a kind whose condition has cleared; returns their keys."""
    rows = tx.session.execute(
        update(Incident)
        .where(
            Incident.kind == kind,
            Incident.status != IncidentStatus.RESOLVED,
            Incident.dedupe_key.not_in(still_true),
        )
        .values(status=IncidentStatus.RESOLVED, resolved_at=tx.now)
        .returning(Incident.dedupe_key)
        .execution_options(synchronize_session=False)
    )
    return list(rows.scalars())


def resolve_one(tx: Transaction, dedupe_key: str) -> None:
    """Close an incident whose condition has cleared; does nothing where there is none."""
    tx.session.execute(
        update(Incident)
        .where(
            Incident.dedupe_key == dedupe_key,
            Incident.status != IncidentStatus.RESOLVED,
        )
        .values(status=IncidentStatus.RESOLVED, resolved_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def find(tx: Transaction, *, open_only: bool = True) -> Sequence[Incident]:
    """Incidents, the most recently seen first."""
    statement = select(Incident).order_by(Incident.last_seen_at.desc())
    if open_only:
        statement = statement.where(Incident.status != IncidentStatus.RESOLVED)
    return tx.session.scalars(statement).all()


def set_status(tx: Transaction, incident_id: UUID, status: IncidentStatus) -> bool:
    """Acknowledge or close an incident; False where there is none."""
    changed = tx.session.execute(
        update(Incident)
        .where(Incident.id == incident_id)
        .values(
            status=status,
            resolved_at=tx.now if status is IncidentStatus.RESOLVED else None,
        )
        .returning(Incident.id)
        .execution_options(synchronize_session=False)
    )
    return changed.first() is not None
