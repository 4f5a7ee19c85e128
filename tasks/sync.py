"""What keeps accounts and their messages up to date, as tasks."""

from typing import Any

from app.jobs.contracts import FetchMessages, Poll, StoreFiles, Subscribe
from app.services.sync import fetch_messages as fetch_messages_use_case
from app.services.sync import poll as poll_use_case
from app.services.sync import store_files as store_files_use_case
from app.services.sync import subscribe as subscribe_use_case
from tasks.base import PipelineTask
from tasks.celery_app import celery_app


@celery_app.task(bind=True, base=PipelineTask, name="sync.poll")
def poll(self: PipelineTask, job: Any) -> Any:
    """Ask an account what is new."""
    return self.run_stage(poll_use_case.poll, Poll, job)


@celery_app.task(bind=True, base=PipelineTask, name="sync.fetch_messages")
def fetch_messages(self: PipelineTask, job: Any) -> Any:
    """Fetch what a provider announced."""
    return self.run_stage(fetch_messages_use_case.fetch_messages, FetchMessages, job)


@celery_app.task(bind=True, base=PipelineTask, name="sync.subscribe")
def subscribe(self: PipelineTask, job: Any) -> Any:
    """Renew a provider's promise to call us."""
    return self.run_stage(subscribe_use_case.subscribe, Subscribe, job)


@celery_app.task(bind=True, base=PipelineTask, name="sync.store_files")
def store_files(self: PipelineTask, job: Any) -> Any:
    """Keep the files that came with messages."""
    return self.run_stage(store_files_use_case.store_files, StoreFiles, job)
