"""Sending events and dead letters on their way again."""

from dataclasses import replace
from uuid import uuid4

import pytest

from app import store
from app.domain.decision import Category
from app.domain.status import DeadLetterStatus, EventStatus, RunState
from app.errors import InvalidInput, NotFound, PermanentError
from app.jobs.contracts import Draft, Materialize
from app.services.operations.explain import explain_event
from app.services.operations.requeue import (
    discard_letters,
    requeue_events,
    requeue_letters,
)
from app.services.pipeline.classify import classify
from app.services.pipeline.draft import draft
from app.services.pipeline.materialize import materialize
from app.services.sync.start_import import fetch_job
from tests.factories import message
from tests.fakes import ScriptedClassifier, ScriptedDrafter, judged


@pytest.fixture
def failed(runtime, make, config):
    """An event whose draft was given up, and its dead letter."""
    ids = make.events(config, message())
    current = replace(
        runtime,
        classifier=ScriptedClassifier(),
        drafter=ScriptedDrafter(PermanentError("the model refused")),
    )
    materialize(current, make.materialize_job(config, ids))
    classify(current, make.classify_job(config, ids))
    draft(current, make.draft_job(config, ids))
    with runtime.system_transaction() as tx:
        (letter,) = store.dead_letters.find(tx)
    runtime.publisher.jobs.clear()
    return ids[0], letter.id


@pytest.mark.shows("K4")
def test_a_requeued_letter_goes_through_its_stage_again(runtime, make, config, failed):
    event_id, letter_id = failed

    done = requeue_letters(runtime, [letter_id])
    (job,) = runtime.publisher.jobs
    draft(replace(runtime, drafter=ScriptedDrafter()), job)

    assert done == [letter_id]
    assert isinstance(job, Draft)
    assert make.event(event_id).status is EventStatus.DRAFTED


@pytest.mark.shows("K4")
def test_a_letter_is_requeued_once(runtime, failed):
    _, letter_id = failed
    requeue_letters(runtime, [letter_id])
    runtime.publisher.jobs.clear()

    again = requeue_letters(runtime, [letter_id])

    assert again == []
    assert runtime.publisher.jobs == []


@pytest.mark.shows("K4")
def test_a_dry_run_changes_nothing(runtime, make, failed):
    event_id, letter_id = failed

    assert requeue_letters(runtime, [letter_id], dry_run=True) == [letter_id]
    assert discard_letters(runtime, [letter_id], dry_run=True) == [letter_id]

    assert runtime.publisher.jobs == []
    assert make.event(event_id).status is EventStatus.FAILED
    with runtime.system_transaction() as tx:
        assert store.dead_letters.get(tx, letter_id).status is DeadLetterStatus.OPEN


def test_a_discarded_letter_stays_readable(runtime, failed):
    _, letter_id = failed

    discard_letters(runtime, [letter_id])

    with runtime.system_transaction() as tx:
        letter = store.dead_letters.get(tx, letter_id)
    assert letter.status is DeadLetterStatus.DISCARDED
    assert letter.error == "PermanentError: the model refused"


def test_an_event_goes_back_to_where_it_stopped(runtime, make, config, failed):
    event_id, _ = failed

    assert requeue_events(runtime, event_id=event_id) == [event_id]

    (job,) = runtime.publisher.jobs
    assert isinstance(job, Draft)
    assert make.event(event_id).attempts == 0


def test_an_event_can_begin_again_at_a_stage(runtime, make, failed):
    event_id, _ = failed

    requeue_events(runtime, status=EventStatus.FAILED, stage="materialize")

    (job,) = runtime.publisher.jobs
    assert isinstance(job, Materialize)
    assert make.event(event_id).status is EventStatus.RECEIVED


def test_what_ended_as_it_should_is_left_alone(runtime, make, config):
    """Sent back before the draft, mail that asks nothing was answered."""
    (event_id,) = make.events(config, message())
    current = replace(
        runtime,
        classifier=ScriptedClassifier(judged(Category.NEWSLETTER)),
        drafter=ScriptedDrafter(),
    )
    materialize(current, make.materialize_job(config, [event_id]))
    classify(current, make.classify_job(config, [event_id]))

    assert requeue_events(runtime, status=EventStatus.DECIDED, dry_run=True) == []
    assert requeue_events(runtime, event_id=event_id) == []

    assert make.event(event_id).reason == "no_reply_needed"


def test_the_letter_of_an_import_waits_for_the_import_that_is_going(
    runtime, make, config
):
    failed = make.run(config, folder="SENT")
    job = fetch_job(failed)
    letter = {
        "workspace_id": config.workspace_id,
        "source_queue": job.queue,
        "job_type": job.job_type,
        "payload": job.payload(),
        "error": "gave up",
        "run_id": failed.id,
    }
    with runtime.system_transaction() as tx:
        store.runs.end(tx, failed.id, RunState.FAILED)
        store.dead_letters.add(tx, [letter])
        (kept,) = store.dead_letters.find(tx)
    other = make.run(config)

    assert requeue_letters(runtime, [kept.id]) == []
    with runtime.system_transaction() as tx:
        store.runs.end(tx, other.id, RunState.COMPLETED)
    assert requeue_letters(runtime, [kept.id]) == [kept.id]


def test_requeue_wants_to_know_what(runtime):
    with pytest.raises(InvalidInput, match="--event, --run or --status"):
        requeue_events(runtime)
    with pytest.raises(NotFound):
        requeue_events(runtime, event_id=uuid4())


def test_every_try_can_be_asked_for(runtime, failed):
    event_id, _ = failed

    why = explain_event(runtime, event_id)

    assert [(one["job_type"], one["outcome"]) for one in why["tries"]] == [
        ("MATERIALIZE", "materialized"),
        ("CLASSIFY", "decided"),
        ("DRAFT", "failed"),
    ]
    assert why["judgement"]["source"] == "model/test/1"
    assert why["place"]["thread_evidence"] == "new"
    assert why["state"]["last_error"] == "PermanentError: the model refused"


@pytest.mark.shows("L1")
def test_another_workspace_may_not_ask(runtime, make, failed):
    event_id, _ = failed

    with pytest.raises(NotFound):
        explain_event(runtime, event_id, workspace_id=make.workspace().id)
