"""Writing replies."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app import store
from app.domain.backoff import MAX_ATTEMPTS
from app.domain.status import DraftStatus, EventStatus
from app.errors import PermanentError, RateLimited, RetryableError
from app.jobs.contracts import Draft as DraftJob
from app.models import Conversation, Draft
from app.services.pipeline.classify import classify
from app.services.pipeline.draft import draft
from app.services.pipeline.materialize import materialize
from tests.factories import START, message
from tests.fakes import ScriptedClassifier, ScriptedDrafter
from tests.services.test_classify import hurry


@pytest.fixture
def arrive(runtime, make, config):
    """Bring messages up to the decision."""

    def arrive(*messages):
        ids = make.events(config, *messages)
        materialize(runtime, make.materialize_job(config, ids))
        current = replace(
            runtime, classifier=ScriptedClassifier(), drafter=ScriptedDrafter()
        )
        classify(current, make.classify_job(config, ids))
        return ids

    return arrive


@pytest.fixture
def write(runtime, make, config):
    def write(ids, *script):
        drafter = ScriptedDrafter(*script)
        outcome = draft(replace(runtime, drafter=drafter), make.draft_job(config, ids))
        return outcome, drafter

    return write


@pytest.fixture
def read(runtime, make):
    """The event, its conversation and its draft, as they are now."""

    def read(event_id):
        event = make.event(event_id)
        with runtime.system_transaction() as tx:
            conversation = tx.session.get(Conversation, event.conversation_id)
            return event, conversation, store.messages.draft_of(tx, event.message_id)

    return read


def test_a_draft_is_bound_to_its_message(arrive, write, read):
    (event_id,) = arrive(message())

    outcome, _ = write([event_id])

    event, conversation, kept = read(event_id)
    assert outcome.counts == {"drafted": 1}
    assert event.status is EventStatus.DRAFTED
    assert event.finished_at is not None
    assert conversation.ai_draft_response == "It left today."
    assert conversation.last_draft_message_id == event.message_id
    assert kept.target_message_id == event.message_id
    assert kept.usage == {"output_tokens": 4}
    assert kept.prompt_version == "draft/1"


def test_the_last_messages_are_the_context(arrive, write):
    _, second = arrive(
        message(external_id="a@x", body_text="Where is it?", sent_at=START),
        message(
            external_id="b@x",
            in_reply_to="a@x",
            body_text="Hello?",
            sent_at=START + timedelta(hours=1),
        ),
    )

    _, drafter = write([second])

    (turns,) = drafter.calls
    assert [turn.text for turn in turns] == ["Where is it?", "Hello?"]


@pytest.mark.shows("B1")
def test_a_job_delivered_twice_writes_once(arrive, write):
    ids = arrive(message())
    write(ids)

    outcome, drafter = write(ids)

    assert drafter.calls == []
    assert outcome.counts == {}


@pytest.mark.shows("G3")
def test_a_message_that_arrives_during_the_call_makes_the_draft_stale(
    arrive, write, read
):
    (older,) = arrive(message(external_id="a@x", sent_at=START))

    outcome, _ = write(
        [older], lambda: arrive(message(external_id="b@x", in_reply_to="a@x"))
    )

    event, conversation, kept = read(older)
    assert outcome.counts == {"superseded": 1}
    assert event.status is EventStatus.SUPERSEDED
    assert conversation.ai_draft_response is None
    assert kept is None


@pytest.mark.shows("G3")
def test_a_message_that_arrives_later_makes_the_draft_stale(arrive, write, read):
    (older,) = arrive(message(external_id="a@x", sent_at=START))
    write([older])

    arrive(message(external_id="b@x", in_reply_to="a@x"))

    _, conversation, kept = read(older)
    assert kept.status is DraftStatus.STALE
    assert conversation.ai_draft_response is None


def test_an_answer_given_during_the_call_ends_it(arrive, write, read):
    (asked,) = arrive(message(external_id="a@x", sent_at=START))
    reply = message(
        external_id="b@x",
        in_reply_to="a@x",
        direction="outbound",
        sender="shop@shop.example",
        recipients=[{"kind": "email", "value": "anna@example.com"}],
        sent_at=START + timedelta(hours=1),
    )

    outcome, _ = write([asked], lambda: arrive(reply))

    event, conversation, _ = read(asked)
    assert outcome.counts == {"decided": 1}
    assert event.reason == "answered"
    assert event.finished_at is not None
    assert conversation.ai_draft_response is None


def test_without_a_drafter_the_event_ends(arrive, runtime, make, config, read):
    """Its key was taken away while the job waited: rung for again and again, it never ended."""
    (event_id,) = arrive(message())

    outcome = draft(runtime, make.draft_job(config, [event_id]))

    event, _, kept = read(event_id)
    assert runtime.drafter is None
    assert outcome.counts == {"decided": 1}
    assert (event.status, event.reason) == (EventStatus.DECIDED, "no_drafter")
    assert event.finished_at is not None
    assert kept is None


def test_what_may_succeed_later_is_put_off(arrive, write, make):
    (event_id,) = arrive(message())

    outcome, _ = write([event_id], RetryableError("anthropic answered 529"))

    event = make.event(event_id)
    assert outcome.counts == {"put_off": 1}
    assert event.status is EventStatus.DECIDED
    assert event.attempts == 1
    assert event.finished_at is None


def test_after_six_attempts_it_is_a_dead_letter(arrive, write, make, runtime):
    (event_id,) = arrive(message())

    for attempt in range(MAX_ATTEMPTS):
        assert make.event(event_id).finished_at is None, attempt
        hurry(runtime, event_id)
        write([event_id], RetryableError("anthropic answered 529"))

    event = make.event(event_id)
    assert event.status is EventStatus.FAILED
    with runtime.system_transaction() as tx:
        (letter,) = store.dead_letters.find(tx)
    assert letter.attempts == MAX_ATTEMPTS
    assert letter.error == "RetryableError: anthropic answered 529"
    assert letter.event_id == event_id


def test_what_will_never_do_is_a_dead_letter_at_once(arrive, write, make):
    (event_id,) = arrive(message())

    outcome, _ = write([event_id], PermanentError("the model refused"))

    assert outcome.counts == {"failed": 1}
    assert make.event(event_id).status is EventStatus.FAILED


def test_one_failure_does_not_hold_up_its_neighbours(arrive, write, make):
    bad, good = arrive(message(), message(sender="bo@example.com"))

    outcome, _ = write([bad, good], RateLimited("slow down", 5))

    assert outcome.counts == {"rate_limited": 1, "drafted": 1}
    assert make.event(good).status is EventStatus.DRAFTED
    assert make.event(bad).attempts == 0


@pytest.mark.shows("G6")
def test_no_transaction_is_open_while_the_model_writes(arrive, write, runtime):
    ids = arrive(message())
    during = []

    write(ids, lambda: during.append(runtime.database.engine.pool.checkedout()))

    assert during == [0]


def test_a_job_may_name_the_message_instead_of_the_event(arrive, runtime, make, read):
    (event_id,) = arrive(message())
    event = make.event(event_id)
    job = DraftJob(
        workspace_id=event.workspace_id,
        conversation_id=event.conversation_id,
        target_message_id=event.message_id,
    )

    draft(replace(runtime, drafter=ScriptedDrafter()), job)

    assert read(event_id)[2] is not None


def test_one_message_has_one_draft(arrive, write, runtime, make, read):
    (event_id,) = arrive(message())
    write([event_id])
    with runtime.system_transaction() as tx:
        store.events.reset(tx, [event_id], status=EventStatus.DECIDED)

    outcome, drafter = write([event_id])

    assert drafter.calls == []
    assert outcome.counts == {"drafted": 1}
    assert make.event(event_id).reason == "drafted_before"
    with runtime.system_transaction() as tx:
        assert tx.session.query(Draft).count() == 1
