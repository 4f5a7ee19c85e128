"""Recurring work: what is scheduled, a tick from outside, and how it is doing."""

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from app.domain.status import Scope
from app.http.answers import answer
from app.http.auth import needs
from app.http.context import caller, runtime
from app.http.job_schemas import JobStatus, Schedule, ScheduledJob, Tick
from app.services.operations.job_status import job_status
from app.services.operations.schedule import list_scheduled, tick
from app.services.operations.schedule_kinds import not_available

jobs = APIBlueprint("jobs", __name__, url_prefix="/jobs", abp_tags=[{"name": "jobs"}])


@jobs.get("/scheduler", responses={200: Schedule})
@needs(Scope.OPS, operators=True)
def get_schedule() -> Response:
    """What is scheduled in the caller's workspace; operators see all of them."""
    found = list_scheduled(runtime(), workspace_id=caller().workspace_id)
    return answer(
        Schedule(
            jobs=[ScheduledJob.model_validate(one) for one in found],
            not_available=not_available(),
        )
    )


@jobs.post("/scheduler/tick", responses={200: Tick})
@needs(Scope.OPS, operators=True)
def tick_schedule() -> Response:
    """Have run what is due, as beat does by itself; safe to call from any number of places."""
    due = tick(runtime(), workspace_id=caller().workspace_id, forced=True)
    return answer(Tick(rung=[ScheduledJob.model_validate(one) for one in due]))


@jobs.get("/status", responses={200: JobStatus})
@needs(Scope.OPS, operators=True)
def get_status() -> Response:
    """The latest run of each kind, how much there is, the room it takes, and how far accounts are read.

    The room is that of the whole installation.
    """
    found = job_status(runtime(), workspace_id=caller().workspace_id)
    return answer(JobStatus.model_validate(found))
