"""Short messages that are meant as one: each is kept, one of them is answered, for all of them."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from app.domain.status import EventStatus
from app.jobs.contracts import Classify
from app.services.operations.sweep import sweep
from app.services.pipeline.classify import classify
from app.services.pipeline.draft import draft
from app.services.pipeline.materialize import materialize
from tests.factories import START, message
from tests.fakes import ScriptedClassifier, ScriptedDrafter
from tests.http.client import changed

WORDS = ["hi", "I need", "help"]


def bubble(number, **fields):
    values = {
        "external_id": f"b{number}",
        "external_thread_id": "t-1",
        "sender": {"kind": "phone", "value": "+46700000001"},
        "recipients": [],
        "subject": None,
        "body_text": WORDS[number % 3],
        "sent_at": START + timedelta(seconds=number),
    }
    return message(**(values | fields))


@pytest.mark.shows("F11")
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_bubbles_become_one_turn_that_sees_all_of_them(bring, make, live, due, order):
    ids = {number: bring(bubble(number))[0] for number in order}
    early = classify(live, make.classify_job(bring.chats, list(ids.values())))
    rung_early = due()

    bring.let_time_pass()
    jobs = due()
    for job in jobs:
        for following in classify(live, job).next_jobs:
            draft(live, following)

    hi, need, help_ = (make.event(ids[number]) for number in range(3))
    assert (early.counts, rung_early) == ({}, [])
    assert [job.event_ids for job in jobs] == [(help_.id,)]
    ((question,),) = live.classifier.calls
    assert question.text == "hi\nI need\nhelp"
    ((*turns,),) = live.drafter.calls
    assert [turn.text for turn in turns] == WORDS
    assert help_.status is EventStatus.DRAFTED
    for one in (hi, need):
        assert (one.status, one.superseded_by) == (EventStatus.SUPERSEDED, help_.id)
        assert one.message_id is not None


@pytest.mark.shows("F11")
def test_each_word_makes_the_conversation_wait_anew(bring, make):
    (first,) = bring(bubble(0))
    (second,) = bring(bubble(1))

    waits = make.event(second)
    assert make.event(first).finished_at is not None
    assert waits.next_attempt_at == waits.received_at + timedelta(seconds=5)
    assert (waits.attempts, waits.lease_token) == (0, None)

    # One that was said before and comes late keeps the newest waiting too.
    (late,) = bring(bubble(0, external_id="late"))

    assert make.event(late).superseded_by == second
    end = make.event(late).received_at + timedelta(seconds=5)
    assert make.event(second).next_attempt_at == end


@pytest.mark.shows("F11")
def test_of_the_same_second_the_one_that_came_later_is_the_newest(
    live, make, bring, due
):
    """Providers tell whole seconds, and another worker may be quicker."""
    ids = [
        *make.events(bring.chats, bubble(0, sent_at=START)),
        *make.events(bring.chats, bubble(1, sent_at=START)),
        *make.events(bring.chats, bubble(2, sent_at=START)),
    ]
    for event_id in (ids[1], ids[2], ids[0]):
        materialize(live, make.materialize_job(bring.chats, [event_id]))
    bring.let_time_pass()

    for job in due():
        classify(live, job)

    ((question,),) = live.classifier.calls
    assert question.text == "hi\nI need\nhelp"
    assert (
        make.event(ids[0]).superseded_by == make.event(ids[1]).superseded_by == ids[2]
    )


@pytest.mark.shows("F11")
def test_what_we_have_answered_is_no_part_of_the_next_turn(bring, make, live, due):
    bring(bubble(0), bubble(1, direction="outbound", body_text="Hello!"), bubble(2))
    bring.let_time_pass()

    for job in due():
        classify(live, job)

    ((question,),) = live.classifier.calls
    assert question.text == "help"


@pytest.mark.parametrize(
    ("channel", "fields"),
    [("email", {"sender": "anna@example.com"}), ("web", {})],
    ids=str,
)
def test_what_says_everything_at_once_never_waits(
    bring, make, workspace, channel, fields
):
    config = make.config(workspace, provider="direct", channel=channel)

    (event_id,) = bring(bubble(0, **fields), at=config)

    assert [job.event_ids for job in bring.ready] == [(event_id,)]
    assert make.event(event_id).next_attempt_at is None


def test_an_import_and_what_came_long_ago_do_not_wait(bring, make, runtime):
    run = make.run(bring.chats)
    (imported,) = bring(bubble(0), run=run)
    assert [job.event_ids for job in bring.ready] == [(imported,)]

    ids = make.events(bring.chats, bubble(1))
    bring.let_time_pass(received_at="now() - interval '1 minute'")
    outcome = materialize(bring.live, make.materialize_job(bring.chats, ids))

    assert [job.event_ids for job in outcome.next_jobs] == [tuple(ids)]


def test_no_pause_is_none(runtime, make, workspace):
    chats = make.config(workspace, provider="direct", channel="sms")
    ids = make.events(chats, bubble(0))

    outcome = materialize(runtime, make.materialize_job(chats, ids))

    assert [job.event_ids for job in outcome.next_jobs] == [tuple(ids)]


def test_a_long_mail_is_judged_from_its_beginning(make, config, live):
    ids = make.events(config, message(body_text="Where is it? " + "x " * 6000))
    materialize(live, make.materialize_job(config, ids))

    classify(live, make.classify_job(config, ids))

    ((question,),) = live.classifier.calls
    assert question.text.startswith("Where is it?")


@pytest.fixture
def live(runtime):
    """A conversation has to be quiet for five seconds."""
    return replace(
        runtime,
        settings=changed(runtime.settings, debounce_seconds=5),
        classifier=ScriptedClassifier(),
        drafter=ScriptedDrafter(),
    )


class Bring:
    """Lets messages arrive, one batch after another; returns their events."""

    def __init__(self, live, make, chats):
        self.live, self._make, self.chats = live, make, chats
        self.ready = []

    def __call__(self, *messages, at=None, run=None):
        config = at or self.chats
        ids = self._make.events(config, *messages, run=run)
        job = self._make.materialize_job(config, ids, run.id if run else None)
        self.ready = list(materialize(self.live, job).next_jobs)
        return ids

    def let_time_pass(self, **columns):
        values = columns or {"next_attempt_at": "now() - interval '1 second'"}
        told = ", ".join(f"{name} = {value}" for name, value in values.items())
        where = "finished_at IS NULL"
        with self.live.system_transaction() as tx:
            tx.session.connection().exec_driver_sql(
                f"UPDATE message_events SET rung_at = now() - interval '1 minute', {told} "
                f"WHERE {where}"
            )


@pytest.fixture
def bring(live, make, workspace):
    return Bring(live, make, make.config(workspace, provider="direct", channel="sms"))


@pytest.fixture
def due(live):
    """The jobs for which a sweep rings."""

    def due():
        live.publisher.jobs.clear()
        sweep(live, forced=True)
        return [job for job in live.publisher.jobs if isinstance(job, Classify)]

    return due
