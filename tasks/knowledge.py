"""What makes messages findable, as a task."""

from typing import Any

from app.jobs.contracts import Embed
from app.services.knowledge import embed as embed_use_case
from tasks.base import PipelineTask
from tasks.celery_app import celery_app


@celery_app.task(bind=True, base=PipelineTask, name="knowledge.embed")
def embed(self: PipelineTask, job: Any) -> Any:
    """Bring what is searched of a workspace up to date."""
    return self.run_stage(embed_use_case.embed, Embed, job)
