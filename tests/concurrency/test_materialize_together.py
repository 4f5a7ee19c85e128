"""Two workers at once, each with connections of its own."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from app.domain.status import EventStatus
from app.models import Conversation, Customer, Message
from app.services.pipeline.materialize import materialize
from tests.factories import START, message

WORKERS = 4


@pytest.fixture
def together(runtime, make, config):
    """Materialize batches at the same moment."""

    def together(*batches):
        start = Barrier(len(batches))

        def work(ids):
            start.wait(10)
            return materialize(runtime, make.materialize_job(config, ids))

        with ThreadPoolExecutor(len(batches)) as pool:
            return list(pool.map(work, batches))

    return together


@pytest.fixture
def count(runtime):
    def count(model):
        with runtime.system_transaction() as tx:
            return tx.session.scalar(select(func.count()).select_from(model))

    return count


@pytest.mark.shows("E7")
def test_one_sender_in_many_workers_is_one_customer(together, make, config, count):
    batches = [make.events(config, message()) for _ in range(WORKERS)]

    together(*batches)

    assert count(Customer) == 1
    assert count(Message) == WORKERS


@pytest.mark.shows("D4")
def test_one_thread_in_many_workers_is_one_conversation(together, make, config, count):
    batches = [
        make.events(
            config,
            message(
                external_id=f"r{number}@x",
                references=["p@x"],
                sent_at=START + timedelta(minutes=number),
            ),
        )
        for number in range(WORKERS)
    ]

    together(*batches)

    events = [make.event(ids[0]) for ids in batches]
    assert count(Conversation) == 1
    assert [event.status for event in events] == [
        *[EventStatus.SUPERSEDED] * (WORKERS - 1),
        EventStatus.MATERIALIZED,
    ]


@pytest.mark.shows("B1")
def test_one_job_delivered_to_many_workers_is_done_once(together, make, config, count):
    ids = make.events(config, *(message() for _ in range(20)))

    outcomes = together(*[ids] * WORKERS)

    done = sum(sum(outcome.counts.values()) for outcome in outcomes)
    assert done == 20
    assert count(Message) == 20


def test_crossing_batches_do_not_block_each_other_for_ever(
    together, make, config, count
):
    """The same people and threads in opposite order: the recipe for a deadlock."""
    names = [f"person{number}@example.com" for number in range(30)]
    there = make.events(
        config, *(message(sender=name, references=[name]) for name in names)
    )
    back = make.events(
        config, *(message(sender=name, references=[name]) for name in names[::-1])
    )

    outcomes = together(there, back)

    assert sum(sum(outcome.counts.values()) for outcome in outcomes) == 60
    assert count(Customer) == 30
    assert count(Conversation) == 30
