"""What the system does to look after itself, on beat's tick."""

from typing import Any

from app.jobs.contracts import Scheduled
from app.logs import get_logger
from app.services.knowledge.run_embeddings import ring_for_embeddings
from app.services.operations import run_scheduled as run_scheduled_use_case
from app.services.operations.schedule import tick
from app.services.operations.supervise import supervise as supervise_all
from app.services.operations.sweep import sweep as sweep_all
from tasks.base import PipelineTask
from tasks.celery_app import celery_app, runtime

log = get_logger("operations")


#: A tick that is lost is no loss: the next one does its work.
@celery_app.task(name="operations.sweep", acks_late=False)
def sweep() -> None:
    """Ring for whatever is due and nobody works on."""
    sweep_all(runtime())


@celery_app.task(name="operations.embeddings", acks_late=False)
def embeddings() -> None:
    """Ring for what is not searchable yet."""
    ring_for_embeddings(runtime())


@celery_app.task(name="operations.notice_dead_letters")
def notice_dead_letters(notice: dict[str, Any]) -> None:
    """Say in the log what was given up; the letters themselves are rows."""
    log.warning("dead letters", **notice)


@celery_app.task(name="operations.supervise", acks_late=False)
def supervise() -> None:
    """Keep incidents open for what is stuck."""
    supervise_all(runtime())


@celery_app.task(name="operations.tick_schedules", acks_late=False)
def tick_schedules() -> None:
    """Ring for the scheduled jobs that are due."""
    tick(runtime())


@celery_app.task(bind=True, base=PipelineTask, name="operations.run_scheduled")
def run_scheduled(self: PipelineTask, job: Any) -> Any:
    """Run a scheduled job that is due."""
    return self.run_stage(run_scheduled_use_case.run_scheduled, Scheduled, job)
