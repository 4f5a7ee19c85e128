"""`scheduled_jobs` and `job_runs`: what comes again and again, who runs it, and what came of it.

Every write names the claim's token, as those on events do.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on

from app.domain.ids import new_id
from app.domain.status import ScheduledOutcome
from app.models import ScheduledJob, ScheduledRun
from app.store.transaction import Transaction


@dataclass(frozen=True)
class Held:
    """A scheduled job that one worker holds until the lease lapses."""

    job: ScheduledJob
    token: UUID
    started_at: datetime
    lost_at: datetime | None
    """When the run before it began, where its worker was killed."""


def add_missing(tx: Transaction, kinds: Mapping[str, timedelta]) -> None:
    """Give every workspace that this transaction sees the kinds that it has not yet, due now.

    The unique key (workspace, kind) decides.
    """
    for kind, every in kinds.items():
        tx.session.execute(
            text(
                """
                INSERT INTO scheduled_jobs (workspace_id, kind, every_seconds)
                SELECT w.id, :kind, :seconds FROM workspaces w
                WHERE NOT EXISTS (SELECT FROM scheduled_jobs s
                                  WHERE s.workspace_id = w.id AND s.kind = :kind)
                ON CONFLICT (workspace_id, kind) DO NOTHING
                """
            ),
            {"kind": kind, "seconds": int(every.total_seconds())},
        )


def take_due(
    tx: Transaction, kinds: Collection[str], *, grace: timedelta, limit: int
) -> Sequence[ScheduledJob]:
    """Mark the jobs that are due and held by nobody as rung now, and return them.

    Left out is what a job was published for less than `grace` ago: it may still be on its way.
    """
    due = (
        select(ScheduledJob.id)
        .where(
            ScheduledJob.kind.in_(kinds),
            _claimable(tx),
            or_(
                ScheduledJob.rung_at.is_(None),
                ScheduledJob.rung_at < tx.now - grace,
                ScheduledJob.next_run_at > ScheduledJob.rung_at,
            ),
        )
        .order_by(ScheduledJob.next_run_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    return tx.session.scalars(
        update(ScheduledJob)
        .where(ScheduledJob.id == due.c.id)
        .values(rung_at=tx.now)
        .returning(ScheduledJob)
        .execution_options(synchronize_session=False)
    ).all()


def claim(tx: Transaction, scheduled_id: UUID, *, lease: timedelta) -> Held | None:
    """Take a job to run it; counts an attempt before any work starts.

    None where it is not due, is switched off, or another worker holds it.
    """
    found = tx.session.scalar(
        select(ScheduledJob)
        .where(ScheduledJob.id == scheduled_id, _claimable(tx))
        .with_for_update(skip_locked=True)
    )
    if found is None:
        return None
    # A lease that was given back has no token: this one lapsed.
    lost_at = found.last_started_at if found.lease_token else None
    token = new_id()
    held = tx.session.scalars(
        update(ScheduledJob)
        .where(ScheduledJob.id == scheduled_id)
        .values(
            attempts=ScheduledJob.attempts + 1,
            lease_token=token,
            lease_expires_at=tx.now + lease,
            last_started_at=tx.now,
            updated_at=tx.now,
        )
        .returning(ScheduledJob)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).one()
    return Held(held, token, tx.now, lost_at)


def give_back(
    tx: Transaction,
    held: Held,
    outcome: ScheduledOutcome,
    *,
    next_run_at: datetime,
    attempts: int = 0,
    error: str | None = None,
) -> bool:
    """Write how a run ended and when the next one is due; False where it is no longer ours."""
    written = tx.session.execute(
        update(ScheduledJob)
        .where(
            ScheduledJob.id == held.job.id,
            ScheduledJob.lease_token == held.token,
        )
        .values(
            next_run_at=next_run_at,
            attempts=attempts,
            lease_token=None,
            lease_expires_at=None,
            last_finished_at=tx.now,
            last_outcome=outcome,
            last_error=error,
            updated_at=tx.now,
        )
        .returning(ScheduledJob.id)
        .execution_options(synchronize_session=False)
    )
    return written.first() is not None


def log_run(
    tx: Transaction,
    held: Held,
    outcome: ScheduledOutcome,
    *,
    started_at: datetime,
    attempt: int | None = None,
    counts: Mapping[str, int] | None = None,
    error: str | None = None,
) -> None:
    """Write a run down, in the transaction that ends it. `attempt` where it is not the claim's own."""
    finished_at = tx.session.scalar(select(func.clock_timestamp()))
    assert finished_at is not None
    tx.session.execute(
        insert(ScheduledRun).values(
            workspace_id=held.job.workspace_id,
            kind=held.job.kind,
            attempt=held.job.attempts if attempt is None else attempt,
            started_at=started_at,
            finished_at=finished_at,
            duration_ms=round((finished_at - started_at).total_seconds() * 1000),
            counts=dict(counts or {}),
            outcome=outcome,
            error=error,
        )
    )


def find(tx: Transaction, kinds: Collection[str]) -> Sequence[ScheduledJob]:
    """The scheduled jobs of these kinds, by workspace."""
    return tx.session.scalars(
        select(ScheduledJob)
        .where(ScheduledJob.kind.in_(kinds))
        .order_by(ScheduledJob.workspace_id, ScheduledJob.kind)
    ).all()


def of_kind(tx: Transaction, kind: str) -> ScheduledJob | None:
    """The job of this kind of the transaction's workspace."""
    return tx.session.scalar(
        select(ScheduledJob).where(
            ScheduledJob.workspace_id == tx.workspace_id, ScheduledJob.kind == kind
        )
    )


def change(tx: Transaction, scheduled_id: UUID, **values: Any) -> ScheduledJob:
    """Switch a job on or off, or give it another plan."""
    return tx.session.scalars(
        update(ScheduledJob)
        .where(ScheduledJob.id == scheduled_id)
        .values(**values, updated_at=tx.now)
        .returning(ScheduledJob)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).one()


def hurry(tx: Transaction, scheduled_id: UUID) -> None:
    """Make a job due now; its plan stays as it is."""
    tx.session.execute(
        update(ScheduledJob)
        .where(ScheduledJob.id == scheduled_id, ScheduledJob.next_run_at > tx.now)
        .values(next_run_at=tx.now, updated_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def latest_runs(tx: Transaction) -> Sequence[ScheduledRun]:
    """The newest run of each kind and workspace."""
    return tx.session.scalars(
        select(ScheduledRun)
        .ext(distinct_on(ScheduledRun.workspace_id, ScheduledRun.kind))
        .order_by(
            ScheduledRun.workspace_id,
            ScheduledRun.kind,
            ScheduledRun.started_at.desc(),
            ScheduledRun.id.desc(),
        )
    ).all()


def _claimable(tx: Transaction) -> Any:
    return and_(
        ScheduledJob.enabled,
        ScheduledJob.next_run_at <= tx.now,
        or_(
            ScheduledJob.lease_expires_at.is_(None),
            ScheduledJob.lease_expires_at < tx.now,
        ),
    )
