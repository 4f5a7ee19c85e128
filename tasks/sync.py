"""What is fetched beside the pipeline, as tasks."""

from typing import Any

from app.jobs.contracts import StoreFiles
from app.services.sync import store_files as store_files_use_case
from tasks.base import PipelineTask
from tasks.celery_app import celery_app


@celery_app.task(bind=True, base=PipelineTask, name="sync.store_files")
def store_files(self: PipelineTask, job: Any) -> Any:
    """Keep the files that came with messages."""
    return self.run_stage(store_files_use_case.store_files, StoreFiles, job)
