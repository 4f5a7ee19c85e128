"""Conversations that somebody else has: kept, judged, and left alone."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from app.domain.status import EventStatus
from app.jobs.contracts import Classify
from app.models import Conversation
from app.services.pipeline.classify import classify
from app.services.pipeline.draft import draft
from app.services.pipeline.materialize import materialize
from tests.factories import START, message
from tests.fakes import ScriptedClassifier, ScriptedDrafter

THREAD = "7300000000000011"


def chat(minute, **fields):
    """What somebody says in a thread at a minute."""
    values = {
        "external_id": f"m{minute}",
        "external_thread_id": THREAD,
        "sender": {"kind": "psid", "value": THREAD},
        "recipients": [],
        "subject": None,
        "sent_at": START + timedelta(minutes=minute),
    }
    return message(**(values | fields))


def handed(minute, owner, **fields):
    """The provider tells who has the thread from a minute on."""
    metadata = {"event": "pass_thread_control", "handover": {"to": owner}}
    return chat(minute, kind="event", metadata=metadata | fields)


@pytest.mark.shows("F15")
def test_while_another_has_it_a_message_is_judged_and_not_answered(bring, owner):
    _, asked = bring(handed(1, "app 78"), chat(2))

    assert (asked.status, asked.reason) == (EventStatus.DECIDED, "handed_over")
    assert asked.decision["category"] == "order"
    assert asked.finished_at is not None
    assert owner() == "app 78"


@pytest.mark.shows("F15")
def test_what_comes_back_is_answered_again(bring, owner):
    bring(handed(1, "app 78"))
    bring(chat(2))

    *_, asked = bring(handed(3, None), chat(4))

    assert (asked.status, asked.reason) == (EventStatus.DRAFTED, None)
    assert owner() is None


@pytest.mark.shows("F15")
@pytest.mark.parametrize("answered", [False, True])
def test_what_nobody_answered_meanwhile_is_answered_when_it_comes_back(
    runtime, make, chats, bring, answered
):
    _, asked = bring(handed(1, "app 78"), chat(2))
    if answered:
        bring(chat(3, direction="outbound"))
    runtime.publisher.jobs.clear()

    bring(handed(4, None))

    rung = [one for one in runtime.publisher.jobs if isinstance(one, Classify)]
    assert [one.event_ids for one in rung] == ([] if answered else [(asked.id,)])
    event = make.event(asked.id)
    assert event.status is (
        EventStatus.DECIDED if answered else EventStatus.MATERIALIZED
    )


@pytest.mark.shows("F15")
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_what_was_said_last_holds_in_any_order(bring, owner, order):
    told = [handed(1, "app 78"), handed(2, None), handed(3, "app 79")]
    bring(chat(0))

    for place in order:
        bring(told[place])

    assert owner() == "app 79"


@pytest.mark.shows("F15")
def test_it_holds_for_a_conversation_that_begins_later(bring, owner):
    """A helpdesk assigns a conversation before its first message reaches us."""
    (told,) = bring(handed(1, "Bo", no_conversation=True))

    (asked,) = bring(chat(2))

    assert (told.status, told.conversation_id) == (EventStatus.STORED, None)
    assert owner() == "Bo"
    assert asked.reason == "handed_over"


@pytest.mark.shows("F15")
def test_a_draft_that_is_being_written_then_is_not_kept(
    runtime, make, chats, bring, owner
):
    (asked,) = bring(chat(1), until=classify)
    drafter = ScriptedDrafter(lambda: bring(handed(2, "app 78")))

    outcome = draft(
        replace(runtime, drafter=drafter), make.draft_job(chats, [asked.id])
    )

    event = make.event(asked.id)
    assert outcome.counts == {"decided": 1}
    assert (event.status, event.reason) == (EventStatus.DECIDED, "handed_over")
    with runtime.system_transaction() as tx:
        assert (
            tx.session.get(Conversation, event.conversation_id).ai_draft_response
            is None
        )


@pytest.mark.shows("F15")
def test_one_that_waits_for_its_draft_is_left_alone(runtime, make, chats, bring):
    (asked,) = bring(chat(1), until=classify)
    bring(handed(2, "app 78"))
    drafter = ScriptedDrafter()

    draft(replace(runtime, drafter=drafter), make.draft_job(chats, [asked.id]))

    assert drafter.calls == []
    assert make.event(asked.id).reason == "handed_over"


@pytest.mark.shows("F15")
def test_an_account_may_ignore_who_else_has_its_conversations(
    runtime, make, workspace, bring, owner
):
    config = make.config(
        workspace,
        provider="chatwoot",
        channel="chatwoot",
        settings={"handover": "ignored"},
    )

    *_, asked = bring(handed(1, "Bo"), chat(2), at=config)

    assert owner() is None
    assert asked.status is EventStatus.DRAFTED


@pytest.mark.shows("L1")
def test_a_thread_of_the_same_name_elsewhere_is_another(bring, make, workspace, owner):
    other = make.config(workspace, provider="messenger", channel="facebook")
    bring(handed(1, "app 78"), at=other)

    (asked,) = bring(chat(2))

    assert asked.status is EventStatus.DRAFTED


@pytest.fixture
def chats(make, workspace):
    return make.config(workspace, provider="messenger", channel="facebook")


@pytest.fixture
def bring(runtime, make, chats):
    """Bring messages through the pipeline in one batch; returns their events."""
    live = replace(runtime, classifier=ScriptedClassifier(), drafter=ScriptedDrafter())

    def bring(*messages, until=draft, at=chats):
        ids = make.events(at, *messages)
        # In the order given, though ingest has one of its own.
        materialize(live, make.materialize_job(at, ids))
        classify(live, make.classify_job(at, ids))
        if until is draft:
            draft(live, make.draft_job(at, ids))
        found = {event.external_id: event for event in map(make.event, ids)}
        return [found[one.external_id] for one in messages]

    return bring


@pytest.fixture
def owner(runtime):
    """To whom the one conversation is handed over."""

    def owner():
        with runtime.system_transaction() as tx:
            (found,) = tx.session.query(Conversation).all()
        return found.handed_over_to

    return owner
