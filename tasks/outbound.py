"""What goes out, as a task."""

from typing import Any

from app.jobs.contracts import Outbound
from app.services.outbound import send as send_use_case
from tasks.base import PipelineTask
from tasks.celery_app import celery_app


@celery_app.task(bind=True, base=PipelineTask, name="outbound.send")
def send(self: PipelineTask, job: Any) -> Any:
    """Send what is due in a conversation."""
    return self.run_stage(send_use_case.send, Outbound, job)
