"""Drafts that are sent without a person, and everything that forbids it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app import store
from app.domain.decision import Category
from app.domain.status import ConversationStatus, OutboundState
from app.errors import Conflict, OutcomeUnknown, RetryableError
from app.services.inbox import change_conversation
from app.services.operations.explain import explain_event
from app.services.outbound.auto_reply import switch
from app.services.outbound.drafts import approve_draft
from app.services.pipeline.classify import classify
from app.services.pipeline.draft import draft
from tests.fakes import ScriptedClassifier, ScriptedDrafter, judged
from tests.outbound.conftest import chat, echo


@pytest.fixture
def allowed(world, workspace):
    switch(world, workspace.id, allowed=True, actor="test")


@pytest.fixture
def sends(world):
    """What was queued in answer to an event."""

    def sends(event):
        with world.system_transaction() as tx:
            return list(store.outbound.answers_to(tx, event.message_id))

    return sends


@pytest.fixture
def verdict(world):
    """What the draft of an event says of sending it."""

    def verdict(event):
        with world.system_transaction() as tx:
            return store.messages.draft_of(tx, event.message_id).auto_reply

    return verdict


class SayingDrafter(ScriptedDrafter):
    """Writes this text."""

    def __init__(self, text):
        super().__init__()
        self.text = text

    def draft(self, **asked):
        return replace(super().draft(**asked), text=self.text)


def rules(verdict):
    return [one["rule"] for one in verdict.get("refused", [])]


def test_a_draft_is_sent_where_the_workspace_allows_it(
    allowed, decide_and_draft, dispatch, provider, sends, said
):
    [event] = decide_and_draft(chat())

    [queued] = sends(event)
    assert queued.origin == "automatic"
    assert dispatch(event.conversation_id) == {"sent": 1}
    assert provider.texts == ["It left today."]
    asked, answered = said(event.conversation_id)
    assert asked.reply_sent
    assert (answered.sender_type, answered.is_automatic) == ("agent", True)


def test_it_is_not_sent_where_nobody_has_allowed_it(
    decide_and_draft, dispatch, sends, verdict
):
    [event] = decide_and_draft(chat())

    assert sends(event) == []
    assert rules(verdict(event)) == ["workspace_off"]
    assert dispatch(event.conversation_id) == {}


@pytest.mark.shows("G4", "I1")
def test_one_message_is_answered_once_however_often_the_job_runs(
    allowed, world, maker, account, decide_and_draft, dispatch, provider, sends
):
    [event] = decide_and_draft(chat())
    current = replace(world, drafter=ScriptedDrafter())
    draft(current, maker.draft_job(account, [event.id]))

    assert len(sends(event)) == 1
    dispatch(event.conversation_id)
    draft(current, maker.draft_job(account, [event.id]))
    assert dispatch(event.conversation_id) == {}
    assert len(provider.taken) == 1


def test_what_crosses_an_answer_within_a_second_is_answered_too(
    allowed, decide_and_draft, dispatch, provider, said
):
    [first] = decide_and_draft(chat())
    dispatch(first.conversation_id)
    answered_at = said(first.conversation_id)[-1].occurred_at

    # As WhatsApp tells the time: it seems to precede the answer.
    crossing = chat("In red?", sent_at=answered_at.replace(microsecond=0))
    [second] = decide_and_draft(crossing)
    dispatch(first.conversation_id)

    assert second.conversation_id == first.conversation_id
    assert second.status == "drafted"
    assert len(provider.taken) == 2


@pytest.mark.shows("H5")
def test_switching_the_ai_off_stops_what_is_on_its_way(
    allowed, world, workspace, decide_and_draft, dispatch, provider, sends
):
    [event] = decide_and_draft(chat())
    change_conversation(
        world, workspace.id, event.conversation_id, ai_enabled=False, actor="test"
    )

    assert dispatch(event.conversation_id) == {"ai_disabled": 1}
    assert provider.taken == []
    assert sends(event)[0].state is OutboundState.CANCELLED


@pytest.mark.shows("H3")
@pytest.mark.parametrize("where", ["workspace", "everywhere"])
def test_the_switches_stop_what_is_on_its_way(
    allowed, world, workspace, decide_and_draft, dispatch, provider, where
):
    [event] = decide_and_draft(chat())
    current = world
    if where == "workspace":
        switch(world, workspace.id, allowed=False, actor="test")
    else:
        settings = world.settings.model_copy(update={"auto_replies": False})
        current = replace(world, settings=settings)

    [rule] = dispatch(event.conversation_id, runtime=current)
    assert rule in {"workspace_off", "switched_off"}
    assert provider.taken == []


@pytest.mark.shows("H4", "G3")
def test_a_person_who_answers_first_in_the_providers_app_cancels_it(
    allowed, world, decide_and_draft, receive, dispatch, provider
):
    [event] = decide_and_draft(chat())
    receive(echo("I'll look into it.", external_id="e1"))

    [rule] = dispatch(event.conversation_id)
    assert rule == "answered_by_person"
    with world.system_transaction() as tx:
        assert store.messages.draft_of(tx, event.message_id).status == "stale"
    assert provider.taken == []


@pytest.mark.shows("H4", "G3")
def test_a_person_who_answers_here_cancels_it(
    allowed, world, workspace, decide_and_draft, dispatch, provider
):
    from app.services.outbound.messages import Wanted, send_message

    [event] = decide_and_draft(chat())
    wanted = Wanted(text="Let me see.", conversation_id=event.conversation_id)
    send_message(world, workspace.id, wanted, key="k", actor="anna")

    dispatch(event.conversation_id)
    assert provider.texts == ["Let me see."]


@pytest.mark.shows("G3", "G2")
def test_a_newer_message_cancels_the_answer_to_the_older(
    allowed, decide_and_draft, dispatch, provider
):
    [event] = decide_and_draft(chat("Is it blue?"))
    decide_and_draft(chat("Never mind, is it green?", sent_at=datetime.now(UTC)))

    assert dispatch(event.conversation_id) == {"newer_message": 1, "sent": 1}
    assert len(provider.taken) == 1


@pytest.mark.shows("G3", "F4", "F5")
@pytest.mark.parametrize(
    ("kind", "text", "rule"),
    [("edit", "In red?", "edited"), ("delete", None, "deleted")],
)
def test_an_edit_or_a_deletion_cancels_the_answer(
    allowed, decide_and_draft, receive, dispatch, provider, sends, kind, text, rule
):
    [event] = decide_and_draft(chat())
    receive(
        chat(text, kind=kind, target_id=event.external_id, sent_at=datetime.now(UTC))
    )

    assert dispatch(event.conversation_id) == {}
    [cancelled] = sends(event)
    assert (cancelled.state, cancelled.rule) == (OutboundState.CANCELLED, rule)
    assert provider.taken == []


@pytest.mark.shows("H6")
def test_what_was_sent_before_the_account_was_connected_is_not_answered(
    allowed, decide_and_draft, sends, verdict
):
    old = chat(sent_at=datetime.now(UTC) - timedelta(days=3))
    [event] = decide_and_draft(old)

    assert sends(event) == []
    assert "old" in rules(verdict(event))


def test_what_a_person_has_to_decide_is_not_answered(
    allowed, decide_and_draft, sends, verdict
):
    [event] = decide_and_draft(chat(), judged=[judged(Category.COMPLAINT, 0.4)])

    assert sends(event) == []
    assert "needs_human" in rules(verdict(event))


def test_a_closed_conversation_or_one_that_waits_is_not_answered(
    allowed, world, workspace, decide_and_draft, dispatch
):
    [event] = decide_and_draft(chat())
    change_conversation(
        world,
        workspace.id,
        event.conversation_id,
        status=ConversationStatus.PENDING,
        actor="test",
    )

    assert dispatch(event.conversation_id) == {"closed": 1}


@pytest.mark.shows("H3")
def test_a_conversation_has_few_automatic_replies_and_then_a_person(
    allowed, world, decide_and_draft, dispatch, provider
):
    cap = world.settings.auto_replies_per_conversation
    for number in range(cap + 3):
        now = datetime.now(UTC)
        [event] = decide_and_draft(chat(f"And {number}?", sent_at=now))
        dispatch(event.conversation_id)

    assert len(provider.taken) == cap


@pytest.mark.shows("H3")
def test_a_customer_has_few_automatic_replies_over_all_conversations(
    allowed, world, decide_and_draft, dispatch, provider
):
    settings = world.settings.model_copy(update={"auto_replies_per_sender": 2})
    current = replace(world, settings=settings)
    events = [
        decide_and_draft(chat(f"And {number}?", external_thread_id=f"t{number}"))[0]
        for number in range(4)
    ]
    outcomes = [dispatch(event.conversation_id, runtime=current) for event in events]

    assert len(provider.taken) == 2
    assert outcomes[2:] == [{"sender_cap": 1}, {"sender_cap": 1}]
    with world.system_transaction() as tx:
        [incident] = [
            one for one in store.incidents.find(tx) if one.kind == "auto_reply_cap"
        ]
    assert incident.count == 2


@pytest.mark.shows("L5", "H1")
def test_the_answer_and_every_refusal_can_be_explained(
    allowed, world, decide_and_draft, dispatch
):
    [event] = decide_and_draft(chat())
    dispatch(event.conversation_id)
    robot = chat("Beep", metadata={"is_bot": True}, sent_at=datetime.now(UTC))
    [refused] = decide_and_draft(robot)

    told = explain_event(world, event.id)
    assert told["answers"][0]["state"] == "sent"
    assert told["draft"]["auto_reply"]["queued"] == [
        str(told["answers"][0]["outbound_id"])
    ]
    found = explain_event(world, refused.id)["draft"]["auto_reply"]["refused"]
    assert {"rule": "bot", "reason": "a program wrote it"} in found


@pytest.mark.shows("I1", "G3")
def test_a_draft_that_has_gone_out_by_itself_cannot_be_approved_too(
    allowed, world, workspace, decide_and_draft, dispatch, provider
):
    [event] = decide_and_draft(chat())
    for _ in range(2):
        with pytest.raises(Conflict, match="by itself"):
            approve_draft(
                world,
                workspace.id,
                event.conversation_id,
                draft_id=None,
                body="It left today!",
                actor="anna",
            )
        dispatch(event.conversation_id)

    assert provider.texts == ["It left today."]


def test_a_draft_that_was_kept_from_going_out_by_itself_can_be_approved(
    allowed, world, workspace, decide_and_draft, dispatch, provider
):
    [event] = decide_and_draft(chat())
    switch(world, workspace.id, allowed=False, actor="test")
    dispatch(event.conversation_id)

    with world.system_transaction() as tx:
        assert store.messages.draft_of(tx, event.message_id).status == "live"
    approve_draft(
        world,
        workspace.id,
        event.conversation_id,
        draft_id=None,
        body=None,
        actor="anna",
    )

    assert dispatch(event.conversation_id) == {"sent": 1}
    assert provider.texts == ["It left today."]


@pytest.mark.shows("F4", "G3")
@pytest.mark.parametrize("text", ["In red, too.", "It left today."])
def test_what_was_edited_after_its_answer_was_queued_has_a_new_draft_for_a_person(
    allowed, world, maker, account, decide_and_draft, receive, dispatch, provider, text
):
    [event] = decide_and_draft(chat())
    receive(
        chat(
            "In red?",
            kind="edit",
            target_id=event.external_id,
            sent_at=datetime.now(UTC),
        )
    )
    dispatch(event.conversation_id)

    again = replace(world, classifier=ScriptedClassifier(), drafter=SayingDrafter(text))
    classify(again, maker.classify_job(account, [event.id]))
    draft(again, maker.draft_job(account, [event.id]))

    with world.system_transaction() as tx:
        newest = store.messages.draft_of(tx, event.message_id)
        assert store.dead_letters.find(tx) == []
    assert (newest.body, newest.status) == (text, "live")
    assert rules(newest.auto_reply) == ["answered_before"]
    assert dispatch(event.conversation_id) == {}
    assert provider.taken == []


LONG = " ".join(f"word{number}" for number in range(400))


@pytest.fixture
def begun(allowed, world, maker, account, receive, dispatch, provider, due_now):
    """A conversation whose automatic answer has gone out in part."""
    [event] = receive(chat())
    current = replace(
        world, classifier=ScriptedClassifier(), drafter=SayingDrafter(LONG)
    )
    classify(current, maker.classify_job(account, [event.id]))
    draft(current, maker.draft_job(account, [event.id]))
    provider.script = [lambda _: None, RetryableError("busy")]
    assert dispatch(event.conversation_id) == {"sent": 1, "put_off": 1}
    due_now()
    return event.conversation_id


@pytest.mark.shows("H4", "I5")
def test_who_steps_in_takes_the_rest_of_a_long_answer_away(
    begun, receive, dispatch, provider
):
    receive(echo("Let me take over.", external_id="e1"))

    assert dispatch(begun) == {"answered_by_person": 1}
    assert len(provider.taken) == 1


@pytest.mark.shows("I5")
def test_what_the_customer_says_meanwhile_does_not_cut_an_answer_off(
    begun, receive, dispatch, provider
):
    receive(chat("Hm", sent_at=datetime.now(UTC)))

    dispatch(begun)
    assert " ".join(provider.texts) == LONG


@pytest.mark.shows("H4", "I5")
def test_an_answer_whose_part_is_uncertain_does_not_go_on_after_a_persons(
    begun, world, workspace, dispatch, provider
):
    from app.services.outbound.messages import Wanted, send_message, settle

    provider.script = [OutcomeUnknown("silence")]
    dispatch(begun)
    wanted = Wanted(text="Let me see.", conversation_id=begun)
    send_message(world, workspace.id, wanted, key="k", actor="anna")
    with world.system_transaction() as tx:
        [unknown] = store.outbound.find(tx, state=OutboundState.UNCERTAIN)
        assert store.outbound.find(tx, state=OutboundState.HELD) == []
    settle(world, unknown.id, was_sent=True, actor="anna")
    dispatch(begun)

    assert len(provider.taken) == 2
    assert provider.texts[-1] == "Let me see."


@pytest.mark.shows("H1")
def test_what_we_note_among_ourselves_is_not_told_to_who_writes_to_the_customer(
    world, maker, account, receive
):
    [event] = receive(chat())
    receive(
        echo(
            "She never pays, do not deliver.",
            kind="event",
            external_id="n1",
            metadata={"private": True, "no_conversation": True},
        )
    )
    drafter = ScriptedDrafter()
    current = replace(world, classifier=ScriptedClassifier(), drafter=drafter)
    classify(current, maker.classify_job(account, [event.id]))
    draft(current, maker.draft_job(account, [event.id]))
    late = chat("And when?", sent_at=datetime.now(UTC))
    [newest] = receive(late)
    classify(current, maker.classify_job(account, [newest.id]))
    draft(current, maker.draft_job(account, [newest.id]))

    assert [one.text for one in drafter.calls[-1]] == [
        "Do you have it in blue?",
        "And when?",
    ]
