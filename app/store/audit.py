"""`pipeline_job_audit`: what became of every job, per event. Only ever added to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select

from app.jobs.contracts import Job
from app.models import JobAudit
from app.store.transaction import Transaction


@dataclass(frozen=True)
class EventOutcome:
    """What a job did for one event."""

    event_id: UUID | None
    outcome: str
    attempt: int
    error: str | None = None


def record(
    tx: Transaction,
    job: Job,
    outcomes: Sequence[EventOutcome],
    *,
    started_at: datetime,
) -> None:
    """Write outcomes down, in the transaction that brought them about."""
    if not outcomes:
        return
    # `now` is when the transaction began, and much of the work may be in it.
    took = tx.session.scalar(select(func.clock_timestamp() - started_at))
    assert took is not None
    tx.session.execute(
        insert(JobAudit),
        [
            {
                "workspace_id": job.workspace_id,
                "job_type": job.job_type,
                "queue": job.queue,
                "event_id": outcome.event_id,
                "run_id": job.run_id,
                "outcome": outcome.outcome,
                "attempt": outcome.attempt,
                "duration_ms": round(took.total_seconds() * 1000),
                "error": outcome.error,
            }
            for outcome in outcomes
        ],
    )


def of_event(tx: Transaction, event_id: UUID) -> Sequence[JobAudit]:
    """All that was tried for an event, oldest first."""
    return tx.session.scalars(
        select(JobAudit).where(JobAudit.event_id == event_id).order_by(JobAudit.id)
    ).all()
