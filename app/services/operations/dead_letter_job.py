"""Keep a job that cannot be read, with the reason."""

from typing import Any

from app import store
from app.domain.scrub import scrub
from app.domain.status import Severity
from app.runtime import Runtime
from app.services.pipeline.failure import describe


def dead_letter_job(
    runtime: Runtime, payload: Any, *, queue: str, error: Exception
) -> None:
    """Store an unreadable job as a dead letter and open an incident.

    No workspace is assumed: what such a job claims cannot be trusted.
    """
    job = scrub(
        payload if isinstance(payload, dict) else {"payload": repr(payload)[:10_000]}
    )
    with runtime.system_transaction() as tx:
        store.dead_letters.add(
            tx,
            [
                {
                    "source_queue": queue,
                    "job_type": str(job.get("job_type", "UNKNOWN"))[:100],
                    "payload": job,
                    "error": describe(error),
                    "attempts": 1,
                }
            ],
        )
        store.incidents.report(
            tx,
            kind="unreadable_job",
            dedupe_key=f"unreadable_job:{queue}",
            severity=Severity.ERROR,
            details={"queue": queue, "error": describe(error)},
        )
