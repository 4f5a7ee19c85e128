"""Run one scheduled job, once, and write down what came of it."""

from datetime import datetime, timedelta
from uuid import UUID

from app import store
from app.domain.backoff import MAX_ATTEMPTS, delay
from app.domain.schedule import Progress, next_on_plan
from app.domain.status import ScheduledOutcome, Severity
from app.errors import BizzyBeeError, PermanentError, RetryableError
from app.jobs.contracts import Scheduled
from app.runtime import Runtime
from app.services.operations.schedule_kinds import require_kind
from app.services.pipeline.failure import describe, may_retry
from app.services.pipeline.outcome import Outcome
from app.store.schedules import Held
from app.store.transaction import Transaction


def run_scheduled(runtime: Runtime, job: Scheduled, *, alone: bool = False) -> Outcome:
    """Do the work of a scheduled job that is due; its outcome counts nothing where it is not.

    Safe to repeat: the job is claimed before the work, the next moment is one of its plan however
    late this one is, and the log is written in the transaction that gives the job back. With `alone`
    whoever calls goes on with what is left.
    """
    with runtime.transaction(job.workspace_id) as tx:
        held = store.schedules.claim(tx, job.scheduled_id, lease=runtime.lease)
        if held is not None:
            _log_lost(tx, held)
    if held is None:
        return Outcome()
    runtime.checkpoint("schedule.claimed")
    with runtime.leases.held(held.token):
        try:
            if held.job.attempts > MAX_ATTEMPTS:
                raise PermanentError("its worker was lost")
            done = require_kind(held.job.kind).work(runtime, job.workspace_id)
        except BizzyBeeError as error:
            return _failed(runtime, job, held, error)
        except Exception as error:
            # Else its lease would lapse without a word, and the next worker would try at once.
            _failed(runtime, job, held, error)
            raise
    runtime.checkpoint("schedule.worked")
    return _done(runtime, job, held, done, goes_on=not alone)


def incident_key(scheduled_id: UUID) -> str:
    """Of the incident that is open while a scheduled job does not go well."""
    return f"schedule_failed:{scheduled_id}"


def _log_lost(tx: Transaction, held: Held) -> None:
    """The run before this one could not say itself that its worker was killed."""
    if held.lost_at is not None:
        store.schedules.log_run(
            tx,
            held,
            ScheduledOutcome.LOST,
            started_at=held.lost_at,
            attempt=held.job.attempts - 1,
            error="its worker was lost",
        )


def _done(
    runtime: Runtime, job: Scheduled, held: Held, done: Progress, *, goes_on: bool
) -> Outcome:
    outcome = ScheduledOutcome.MORE if done.more else ScheduledOutcome.DONE
    with runtime.transaction(job.workspace_id) as tx:
        next_run_at = tx.now if done.more else _next_on_plan(held, tx.now)
        if not store.schedules.give_back(tx, held, outcome, next_run_at=next_run_at):
            return Outcome({"taken_over": 1})
        store.schedules.log_run(
            tx, held, outcome, started_at=held.started_at, counts=done.counts
        )
        store.incidents.resolve_one(tx, incident_key(held.job.id))
        if done.more and goes_on:
            tx.publish_after_commit(job)
    return Outcome({outcome: 1, **done.counts})


def _failed(runtime: Runtime, job: Scheduled, held: Held, error: Exception) -> Outcome:
    """Try again soon, or, where that is no use, when the plan says so and somebody knows of it."""
    attempt = held.job.attempts
    again = may_retry(error) and attempt < MAX_ATTEMPTS
    reason = describe(error)
    with runtime.transaction(job.workspace_id) as tx:
        next_run_at = _next_on_plan(held, tx.now)
        if again:
            asked = error.retry_after if isinstance(error, RetryableError) else None
            next_run_at = tx.now + delay(attempt, asked)
        if not store.schedules.give_back(
            tx,
            held,
            ScheduledOutcome.FAILED,
            next_run_at=next_run_at,
            attempts=attempt if again else 0,
            error=reason,
        ):
            return Outcome({"taken_over": 1})
        store.schedules.log_run(
            tx,
            held,
            ScheduledOutcome.FAILED,
            started_at=held.started_at,
            error=reason,
        )
        if not again:
            store.incidents.report(
                tx,
                kind="schedule_failed",
                dedupe_key=incident_key(held.job.id),
                severity=Severity.ERROR,
                workspace_id=job.workspace_id,
                details={
                    "kind": held.job.kind,
                    "error": reason,
                    "next_run_at": next_run_at.isoformat(),
                },
            )
    return Outcome({ScheduledOutcome.FAILED: 1})


def _next_on_plan(held: Held, now: datetime) -> datetime:
    every = timedelta(seconds=held.job.every_seconds)
    return next_on_plan(held.job.anchor_at, every, after=now)
