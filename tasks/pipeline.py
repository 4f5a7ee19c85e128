"""The stages of the pipeline, as tasks."""

from typing import Any

from app.jobs.contracts import Classify, Draft, ImportFetch, Materialize
from app.services.pipeline import classify as classify_stage
from app.services.pipeline import draft as draft_stage
from app.services.pipeline import fetch_page as fetch_page_stage
from app.services.pipeline import materialize as materialize_stage
from tasks.base import PipelineTask
from tasks.celery_app import celery_app


@celery_app.task(bind=True, base=PipelineTask, name="pipeline.fetch_page")
def fetch_page(self: PipelineTask, job: Any) -> Any:
    """Fetch one page of an account's history."""
    return self.run_stage(fetch_page_stage.fetch_page, ImportFetch, job)


@celery_app.task(bind=True, base=PipelineTask, name="pipeline.materialize")
def materialize(self: PipelineTask, job: Any) -> Any:
    """Turn events into customers, conversations and messages."""
    return self.run_stage(materialize_stage.materialize, Materialize, job)


@celery_app.task(bind=True, base=PipelineTask, name="pipeline.classify")
def classify(self: PipelineTask, job: Any) -> Any:
    """Decide what inbound messages need."""
    return self.run_stage(classify_stage.classify, Classify, job)


@celery_app.task(bind=True, base=PipelineTask, name="pipeline.draft")
def draft(self: PipelineTask, job: Any) -> Any:
    """Write replies."""
    return self.run_stage(draft_stage.draft, Draft, job)
