"""Ringing again for what is due."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func

from app import store
from app.domain.ids import new_id
from app.domain.status import EventStatus
from app.jobs.contracts import (
    Classify,
    DeadLetterNotice,
    Draft,
    ImportFetch,
    Materialize,
    StoreFiles,
)
from app.models import Attachment
from app.services.operations.sweep import LONG_QUEUE, TOGETHER, sweep
from app.services.pipeline.materialize import materialize
from app.services.sync.start_import import start_import
from tests.factories import message
from tests.fakes import CollectingPublisher

#: `BB_LEASE_SECONDS` of the tests.
GRACE = timedelta(seconds=10)


@pytest.fixture
def set_event(runtime):
    def set_event(event_id, **columns):
        assignments = ", ".join(f"{name} = %({name})s" for name in columns)
        with runtime.system_transaction() as tx:
            tx.session.connection().exec_driver_sql(
                f"UPDATE message_events SET {assignments} WHERE id = %(id)s",
                columns | {"id": str(event_id)},
            )

    return set_event


@pytest.fixture
def now(runtime):
    def now():
        with runtime.system_transaction() as tx:
            return tx.now

    return now


def rung(runtime):
    runtime.publisher.jobs.clear()
    sweep(runtime, forced=True)
    return runtime.publisher.jobs


@pytest.mark.shows("K1", "K2")
def test_an_event_whose_job_was_lost_is_rung_for(runtime, make, config, set_event, now):
    (event_id,) = make.events(config, message())
    set_event(event_id, rung_at=now() - GRACE - timedelta(seconds=1))

    (job,) = rung(runtime)

    assert isinstance(job, Materialize)
    assert job.event_ids == (event_id,)


def test_an_event_whose_job_may_be_on_its_way_is_not(runtime, make, config):
    make.events(config, message())

    assert rung(runtime) == []


def test_an_event_is_rung_for_once_per_grace(runtime, make, config, set_event, now):
    (event_id,) = make.events(config, message())
    set_event(event_id, rung_at=now() - GRACE - timedelta(seconds=1))
    rung(runtime)

    assert rung(runtime) == []


@pytest.mark.parametrize(
    ("status", "contract"),
    [
        (EventStatus.RECEIVED, Materialize),
        (EventStatus.MATERIALIZED, Classify),
        (EventStatus.DECIDED, Draft),
    ],
)
def test_each_state_has_its_stage(runtime, make, config, set_event, status, contract):
    (event_id,) = make.events(config, message())
    set_event(event_id, status=status.value, rung_at=None)

    (job,) = rung(runtime)

    assert isinstance(job, contract)


def test_what_a_worker_holds_is_left_alone(runtime, make, config, set_event, now):
    (event_id,) = make.events(config, message())
    set_event(event_id, rung_at=None, lease_expires_at=now() + timedelta(seconds=30))

    assert rung(runtime) == []


def test_a_lapsed_lease_is_rung_for(runtime, make, config, set_event, now):
    (event_id,) = make.events(config, message())
    set_event(event_id, rung_at=None, lease_expires_at=now() - timedelta(seconds=1))

    assert len(rung(runtime)) == 1


@pytest.mark.shows("K4")
@pytest.mark.parametrize(
    ("attempts", "was_lost", "jobs"),
    [
        pytest.param(TOGETHER - 1, True, 1, id="lost once"),
        pytest.param(TOGETHER, True, 3, id="lost too often"),
        pytest.param(TOGETHER, False, 1, id="put off as often"),
    ],
)
def test_what_may_kill_its_worker_goes_on_alone(
    runtime, make, config, set_event, now, attempts, was_lost, jobs
):
    ids = make.events(config, message(), message(), message())
    for event_id in ids:
        set_event(
            event_id,
            rung_at=None,
            attempts=attempts,
            lease_token=str(new_id()) if was_lost else None,
            lease_expires_at=now() - timedelta(seconds=1) if was_lost else None,
        )

    found = rung(runtime)

    assert len(found) == jobs
    assert sorted(one for job in found for one in job.event_ids) == ids


def test_back_off_is_waited_for_and_then_rung_at_once(
    runtime, make, config, set_event, now
):
    (event_id,) = make.events(config, message())
    set_event(event_id, next_attempt_at=now() + timedelta(seconds=60))
    assert rung(runtime) == []

    set_event(
        event_id,
        rung_at=now() - timedelta(seconds=5),
        next_attempt_at=now() - timedelta(seconds=1),
    )

    assert len(rung(runtime)) == 1


def test_what_is_finished_is_left_alone(runtime, make, config, set_event, now):
    (event_id,) = make.events(config, message())
    set_event(event_id, rung_at=None, status="stored", finished_at=now())

    assert rung(runtime) == []


@pytest.mark.shows("K1")
def test_a_run_whose_job_was_lost_goes_on(runtime, config, now):
    run_id = start_import(runtime, config.workspace_id, config.id)
    with runtime.system_transaction() as tx:
        tx.session.connection().exec_driver_sql(
            "UPDATE pipeline_runs SET rung_at = %s", (now() - 2 * GRACE,)
        )

    (job,) = rung(runtime)

    assert isinstance(job, ImportFetch)
    assert job.run_id == run_id


@pytest.mark.shows("K7")
def test_two_beats_do_the_work_of_one(runtime, make, config, set_event):
    (event_id,) = make.events(config, message())
    set_event(event_id, rung_at=None)

    first, second = sweep(runtime), sweep(runtime)

    assert first == {
        "events": 1,
        "runs": 0,
        "watermarks": 0,
        "fetches": 0,
        "outbound": 0,
        "messages_with_files": 0,
        "jobs": 1,
    }
    assert second == {}


def test_behind_a_long_queue_nothing_more_of_an_import_is_rung_for(
    runtime, make, config, set_event
):
    first, second = make.events(
        config, message(), message(sender="bo@example.com"), run=make.run(config)
    )
    set_event(first, rung_at=None)
    set_event(second, rung_at=None, status="materialized")

    class Busy(CollectingPublisher):
        def waiting(self):
            return {"bb_ingest_jobs": LONG_QUEUE, "bb_classify_jobs": LONG_QUEUE - 1}

    busy = replace(runtime, publisher=Busy())
    sweep(busy, forced=True)

    (job,) = busy.publisher.jobs
    assert isinstance(job, Classify)
    assert job.event_ids == (second,)


@pytest.mark.shows("K4")
def test_news_of_a_dead_letter_goes_to_its_queue(runtime, make, config):
    run = start_import(runtime, config.workspace_id, config.id)
    runtime.publisher.jobs.clear()
    with runtime.transaction(config.workspace_id) as tx:
        store.dead_letters.add(
            tx,
            [
                {
                    "workspace_id": config.workspace_id,
                    "source_queue": "bb_import_jobs",
                    "job_type": "IMPORT_FETCH",
                    "payload": {},
                    "error": "PermanentError: gone",
                    "run_id": run,
                }
            ],
        )

    (notice,) = runtime.publisher.jobs
    with runtime.system_transaction() as tx:
        (letter,) = store.dead_letters.find(tx)
    assert isinstance(notice, DeadLetterNotice)
    assert notice.letter_ids == (letter.id,)
    assert notice.queue == "bb_deadletter_jobs"


@pytest.fixture
def file_waits(runtime, make, config, set_event, now):
    """A message with files whose job was lost; returns its id, and what sets columns of them."""
    (event_id,) = make.events(
        config, message(attachments=[{"url": "https://files.example/a"}] * 2)
    )
    materialize(runtime, make.materialize_job(config, [event_id]))
    set_event(event_id, finished_at=now())

    def change(**columns):
        with runtime.system_transaction() as tx:
            tx.session.execute(Attachment.__table__.update().values(**columns))

    change(rung_at=now() - GRACE - timedelta(seconds=1))
    return make.event(event_id).message_id, change


@pytest.mark.shows("A19", "K1")
def test_files_whose_job_was_lost_are_rung_for_once(runtime, file_waits):
    message_id, _ = file_waits

    (job,) = rung(runtime)

    assert isinstance(job, StoreFiles)
    assert job.message_ids == (message_id,)
    assert rung(runtime) == []


@pytest.mark.parametrize(
    "columns",
    [
        {"state": "stored"},
        {"lease_expires_at": func.now() + timedelta(seconds=30)},
        {"next_attempt_at": func.now() + timedelta(seconds=30)},
        {"rung_at": func.now()},
    ],
    ids=["stored", "held", "put off", "just rung"],
)
def test_files_that_need_nobody_are_left_alone(runtime, file_waits, columns):
    _, change = file_waits

    change(**columns)

    assert rung(runtime) == []


def test_files_that_were_put_off_are_rung_for_when_their_time_comes(
    runtime, file_waits, now
):
    _, change = file_waits

    change(
        rung_at=now() - timedelta(seconds=5),
        next_attempt_at=now() - timedelta(seconds=1),
    )

    assert len(rung(runtime)) == 1


def test_behind_a_long_queue_of_files_no_more_are_rung_for(runtime, file_waits):
    class Busy(CollectingPublisher):
        def waiting(self):
            return {"bb_sync_jobs": LONG_QUEUE}

    busy = replace(runtime, publisher=Busy())
    sweep(busy, forced=True)

    assert busy.publisher.jobs == []
