"""The order of the stages: the only file that knows it."""

from celery import chain
from celery.canvas import Signature

from app.jobs.contracts import (
    Classify,
    DeadLetterNotice,
    Draft,
    Embed,
    FetchMessages,
    ImportFetch,
    Job,
    Materialize,
    Outbound,
    Poll,
    Scheduled,
    StoreFiles,
    Subscribe,
)
from app.jobs.publishing import Publishable
from tasks import knowledge, operations, outbound, pipeline, sync

#: What every message goes through.
STAGES: tuple[tuple[type[Job], Signature], ...] = (
    (Materialize, pipeline.materialize.s()),
    (Classify, pipeline.classify.s()),
    (Draft, pipeline.draft.s()),
)

#: What brings messages in: each is followed by all stages.
SOURCES: dict[type[Job], Signature] = {
    ImportFetch: pipeline.fetch_page.s(),
    Poll: sync.poll.s(),
    FetchMessages: sync.fetch_messages.s(),
}

#: What nothing follows.
SINGLE: dict[type[Job], Signature] = {
    Outbound: outbound.send.s(),
    Subscribe: sync.subscribe.s(),
    Scheduled: operations.run_scheduled.s(),
    # Behind what brings messages in: the files of an import may keep the workers busy for hours.
    StoreFiles: sync.store_files.s().set(priority=9),
    Embed: knowledge.embed.s(),
}


def chain_for(job: Publishable) -> Signature:
    """The chain from the stage that takes this job to the last one."""
    if isinstance(job, DeadLetterNotice):
        return operations.notice_dead_letters.s(job.payload())
    contract = type(job)
    if contract in SINGLE:
        return SINGLE[contract].clone((job.payload(),))
    stages = [stage for _, stage in STAGES]
    if contract in SOURCES:
        return chain(SOURCES[contract].clone((job.payload(),)), *stages)
    first, *rest = stages[[stage for stage, _ in STAGES].index(contract) :]
    return chain(first.clone((job.payload(),)), *rest)
