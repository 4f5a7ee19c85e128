"""The order of the stages: the only file that knows it."""

from celery import chain
from celery.canvas import Signature

from app.jobs.contracts import (
    Classify,
    DeadLetterNotice,
    Draft,
    ImportFetch,
    Job,
    Materialize,
)
from app.jobs.publishing import Publishable
from tasks import operations, pipeline

STAGES: tuple[tuple[type[Job], Signature], ...] = (
    (ImportFetch, pipeline.fetch_page.s()),
    (Materialize, pipeline.materialize.s()),
    (Classify, pipeline.classify.s()),
    (Draft, pipeline.draft.s()),
)


def chain_for(job: Publishable) -> Signature:
    """The chain from the stage that takes this job to the last one.

    A notice is no stage: it is a chain of itself.
    """
    if isinstance(job, DeadLetterNotice):
        return operations.notice_dead_letters.s(job.payload())
    contracts = [contract for contract, _ in STAGES]
    first, *rest = [stage for _, stage in STAGES[contracts.index(type(job)) :]]
    return chain(first.clone((job.payload(),)), *rest)
