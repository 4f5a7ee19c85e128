"""What happens to an event whose stage failed: later again, or a dead letter."""

import traceback
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from app import store
from app.domain.backoff import MAX_ATTEMPTS, delay
from app.domain.status import EventStatus, Severity
from app.errors import AuthError, PermanentError, RateLimited, RetryableError
from app.jobs.contracts import Job
from app.runtime import Runtime
from app.store.audit import EventOutcome
from app.store.claims import Claim
from app.store.transaction import Transaction

#: A refused key is nobody's attempt; somebody has to act, so asking often is no use.
AUTH_PAUSE = timedelta(minutes=5)


def claim_due(
    tx: Transaction,
    job: Job,
    event_ids: Collection[UUID],
    *,
    status: EventStatus,
    lease: timedelta,
) -> Claim:
    """Claim what is due of a job; what has used up its attempts is dead-lettered instead.

    That is how a message that kills its worker ends: its attempts were counted before the work.
    """
    claim = store.claims.take(tx, event_ids, status=status, lease=lease)
    spent = [event for event in claim.events if event.attempts > MAX_ATTEMPTS]
    outcomes = [
        settle_failure(tx, job, claim, event, PermanentError("its worker was lost"))
        for event in spent
    ]
    store.audit.record(tx, job, outcomes, started_at=claim.taken_at)
    return replace(claim, events=[one for one in claim.events if one not in spent])


@contextmanager
def held_together(runtime: Runtime, job: Job, claim: Claim) -> Iterator[None]:
    """Hold a claim while a stage works; if the work breaks off unforeseen, give it back and raise on.

    Without this the events would wait until the lease lapses.
    """
    try:
        with runtime.leases.held(claim.token if claim.events else None):
            yield
    except Exception as error:
        settle_failures(runtime, job, claim, [(event, error) for event in claim.events])
        raise


def settle_failures(
    runtime: Runtime, job: Job, claim: Claim, faults: Iterable[tuple[Any, Exception]]
) -> list[EventOutcome]:
    """Put events off or dead-letter them; faults are (claimed event, what it raised).

    One transaction: the event's state, its dead letter and the incident stand or fall together.
    """
    with runtime.transaction(job.workspace_id) as tx:
        outcomes = [
            settle_failure(tx, job, claim, event, error) for event, error in faults
        ]
        store.audit.record(tx, job, outcomes, started_at=claim.taken_at)
    return outcomes


def settle_failure(
    tx: Transaction, job: Job, claim: Claim, event: Any, error: Exception
) -> EventOutcome:
    """Put one event off or dead-letter it."""
    reason = describe(error)
    counted = not isinstance(error, RateLimited | AuthError)
    if isinstance(error, AuthError):
        store.incidents.report(
            tx,
            kind="credentials_refused",
            dedupe_key=f"credentials_refused:{job.job_type}",
            severity=Severity.CRITICAL,
            workspace_id=job.workspace_id,
            details={"error": reason, "job_type": job.job_type},
        )
        wait = AUTH_PAUSE
    elif may_retry(error) and (event.attempts < MAX_ATTEMPTS or not counted):
        asked = error.retry_after if isinstance(error, RetryableError) else None
        wait = delay(event.attempts, asked)
    else:
        dead_letter(tx, job, claim, event, error)
        return EventOutcome(event.id, "failed", event.attempts, reason)
    store.claims.put_off(
        tx, claim, event.id, until=tx.now + wait, error=reason, counted=counted
    )
    outcome = "put_off" if counted else "rate_limited"
    return EventOutcome(event.id, outcome, event.attempts, reason)


def dead_letter(
    tx: Transaction, job: Job, claim: Claim, event: Any, error: Exception
) -> None:
    """End an event as failed, with all that is needed to understand and replay it."""
    if not store.claims.fail(tx, claim, event.id, describe(error)):
        return
    store.dead_letters.add(
        tx,
        [
            {
                "workspace_id": job.workspace_id,
                "source_queue": job.queue,
                "job_type": job.job_type,
                "payload": job.model_copy(update={"event_ids": (event.id,)}).payload(),
                "error": describe(error),
                "traceback": "".join(traceback.format_tb(error.__traceback__)),
                "attempts": event.attempts,
                "event_id": event.id,
                "run_id": event.run_id,
            }
        ],
    )
    store.incidents.report(
        tx,
        kind="dead_letter",
        dedupe_key=f"dead_letter:{job.job_type}",
        workspace_id=job.workspace_id,
        details={"job_type": job.job_type, "error": describe(error)},
    )


def may_retry(error: Exception) -> bool:
    """Whether trying again makes sense; what nobody foresaw may be a passing fault."""
    return not isinstance(error, PermanentError)


def describe(error: Exception) -> str:
    """The error in one line. Our own errors never carry message bodies or credentials.

    Of a foreign error only the kind is kept: its text may quote what it was given.
    """
    if type(error).__module__.startswith("app."):
        return f"{type(error).__name__}: {error}"
    return type(error).__name__
