"""Who says STOP is not written to, and no model is asked what it means."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.status import EventStatus
from app.models import CustomerIdentity
from app.services.pipeline.classify import classify
from app.services.pipeline.materialize import materialize
from tests.factories import START, message
from tests.fakes import ScriptedClassifier

ANNA = {"kind": "phone", "value": "+46700000001"}


@pytest.mark.shows("F13")
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(("first", "last"), [("stop", "start"), ("start", "stop")])
def test_what_was_said_last_counts_in_any_order(place, identity, order, first, last):
    words = [said(first, minute=0), said(last, minute=1)]

    for number in order:
        place(words[number])

    opted_out = START + timedelta(minutes=1) if last == "stop" else None
    assert identity().opted_out_at == opted_out


@pytest.mark.shows("F13")
@pytest.mark.parametrize("word", ["stop", "start", "help"])
def test_such_a_word_never_reaches_a_model(runtime, make, config, place, word):
    event_id = place(said(word))
    classifier = ScriptedClassifier()

    live = replace(runtime, classifier=classifier)
    classify(live, make.classify_job(config, [event_id]))

    assert classifier.calls == []
    assert make.event(event_id).status is EventStatus.DECIDED
    assert make.event(event_id).decision["source"].endswith(":consent")


def test_asking_for_help_changes_nothing(place, identity):
    place(said("stop"))

    place(said("help", minute=1))

    assert identity().opted_out_at == START


def said(word, *, minute=0):
    return message(
        sender=ANNA,
        subject=None,
        body_text=word.upper(),
        external_thread_id="anna",
        metadata={"consent": word},
        sent_at=START + timedelta(minutes=minute),
    )


@pytest.fixture
def config(make, workspace):
    return make.config(workspace, channel="sms")


@pytest.fixture
def place(runtime, make, config):
    def place(one):
        (event_id,) = make.events(config, one)
        materialize(runtime, make.materialize_job(config, [event_id]))
        return event_id

    return place


@pytest.fixture
def identity(runtime, config):
    def identity():
        with runtime.transaction(config.workspace_id) as tx:
            return tx.session.scalars(select(CustomerIdentity)).one()

    return identity
