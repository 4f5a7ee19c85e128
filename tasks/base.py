"""What all tasks have in common: read the job, run the use case, log one line.

Back-off is not here. What may succeed later gets its `next_attempt_at` in the row, and the sweep rings
when the time has come: a delayed message in Redis would be lost with Redis, and would run more than
once if it waited longer than the visibility timeout.
"""

import time
import traceback
from collections.abc import Callable
from typing import Any

from celery import Task
from sqlalchemy.exc import DBAPIError

from app.errors import BizzyBeeError, InvalidPayload
from app.jobs.contracts import Job
from app.logs import get_logger
from app.runtime import Runtime
from app.services.operations.dead_letter_job import dead_letter_job
from app.services.pipeline.failure import describe
from app.services.pipeline.outcome import Outcome
from tasks.celery_app import runtime

log = get_logger("job")


class JobBrokeOff(BizzyBeeError):
    """A stage ended in a way that nobody foresaw; its events are given back."""


class PipelineTask(Task[Any, Any]):
    """Runs one stage of the pipeline."""

    abstract = True

    def run_stage(
        self,
        stage: Callable[[Runtime, Any], Outcome],
        contract: type[Job],
        payload: Any,
    ) -> dict[str, Any] | None:
        """Run a stage; returns the next stage's job, or None where nothing goes on.

        Given None it returns None, so a chain runs out quietly. Of several next jobs the first
        continues this chain and the others start chains of their own.
        """
        if payload is None:
            return None
        started = time.monotonic()
        fields = {"task": self.name, "queue": contract.queue}
        try:
            job = contract.read(payload)
        except InvalidPayload as error:
            kept = _keep_unreadable(payload, queue=contract.queue, error=error)
            outcome = "dead_lettered" if kept else "unreadable_and_database_error"
            log.warning("job", outcome=outcome, error=str(error), **fields)
            return None
        fields |= {"workspace": str(job.workspace_id), "run": str(job.run_id or "")}
        try:
            done = stage(runtime(), job)
        except DBAPIError as error:
            # The database is away or refuses. Nothing was written, so the rows still say that this
            # is due, and the sweep rings when they can be read again.
            kind = type(error.orig or error).__name__
            log.error("job", outcome="database_error", error=kind, **fields)
            return None
        except Exception as error:  # noqa: BLE001 — whatever it was, its text may quote a message
            log.error(
                "job",
                outcome="broke_off",
                error=describe(error),
                where="".join(traceback.format_tb(error.__traceback__)),
                **fields,
            )
            raise JobBrokeOff(describe(error)) from None
        runtime().checkpoint(f"{self.name.removeprefix('pipeline.')}.written")
        log.info(
            "job",
            outcome=done.counts or "nothing_due",
            duration_ms=round((time.monotonic() - started) * 1000),
            **fields,
        )
        if not done.next_jobs:
            return None
        first, *others = done.next_jobs
        runtime().publisher.publish(others)
        return first.payload()


def _keep_unreadable(payload: Any, *, queue: str, error: Exception) -> bool:
    try:
        dead_letter_job(runtime(), payload, queue=queue, error=error)
    except DBAPIError:
        return False
    return True
