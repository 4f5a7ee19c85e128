"""Hands jobs to the broker."""

from collections.abc import Mapping, Sequence

from kombu.exceptions import OperationalError

from app.jobs.broker import Broker
from app.jobs.publishing import Publishable
from app.logs import get_logger
from tasks.celery_app import celery_app
from tasks.chains import chain_for

log = get_logger("publisher")


class CeleryPublisher:
    """Starts one chain per job."""

    def publish(self, jobs: Sequence[Publishable]) -> int:
        """See `app.jobs.publishing.Publisher`."""
        for number, job in enumerate(jobs):
            try:
                chain_for(job).apply_async()
            except OperationalError:
                # The rows are committed and say what is due; the sweep rings when the broker is back.
                log.warning(
                    "broker away", job_type=job.job_type, left=len(jobs) - number
                )
                return number
        return len(jobs)

    def waiting(self) -> Mapping[str, int]:
        """See `app.jobs.publishing.Publisher`."""
        return Broker(celery_app.conf.broker_url).waiting()
