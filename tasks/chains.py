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
    StoreFiles,
)
from app.jobs.publishing import Publishable
from tasks import operations, pipeline, sync

STAGES: tuple[tuple[type[Job], Signature], ...] = (
    (ImportFetch, pipeline.fetch_page.s()),
    (Materialize, pipeline.materialize.s()),
    (Classify, pipeline.classify.s()),
    (Draft, pipeline.draft.s()),
)

#: What follows from no stage and leads to none.
ALONE: tuple[tuple[type[Job], Signature], ...] = ((StoreFiles, sync.store_files.s()),)


def chain_for(job: Publishable) -> Signature:
    """The chain from the stage that takes this job to the last one.

    What is no stage is a chain of itself.
    """
    if isinstance(job, DeadLetterNotice):
        return operations.notice_dead_letters.s(job.payload())
    for contract, task in ALONE:
        if isinstance(job, contract):
            return chain(task.clone((job.payload(),)))
    contracts = [contract for contract, _ in STAGES]
    first, *rest = [stage for _, stage in STAGES[contracts.index(type(job)) :]]
    return chain(first.clone((job.payload(),)), *rest)
