"""Conversations that turn out to be one, and those that must not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from app import store
from app.domain import reply_token
from app.domain.status import ConversationStatus, EventStatus
from app.models import (
    Conversation,
    ConversationJoin,
    ConversationRef,
    Draft,
    Message,
)
from app.services import inbox
from app.services.operations.explain import explain_event
from app.services.pipeline.classify import classify
from app.services.pipeline.draft import draft
from app.services.pipeline.materialize import materialize
from tests.factories import START, message
from tests.fakes import ScriptedClassifier, ScriptedDrafter

ANNA = "anna@example.com"
SHOP = "shop@shop.example"


def later(hours):
    return START + timedelta(hours=hours)


def ours(to=ANNA, **fields):
    """A mail of the shop."""
    recipients = [{"kind": "email", "value": one} for one in [to] if one]
    return message(direction="outbound", sender=SHOP, recipients=recipients, **fields)


@pytest.fixture
def place(runtime, make, config):
    """Place messages one after another; returns their events, each as it was at its turn."""

    def place(*messages, account=config):
        events = []
        for one in messages:
            (event_id,) = make.events(account, one)
            materialize(runtime, make.materialize_job(account, [event_id]))
            events.append(make.event(event_id))
        return events

    return place


@pytest.fixture
def rows(runtime):
    """All rows of a model."""

    def rows(model):
        with runtime.system_transaction() as tx:
            return tx.session.scalars(select(model).order_by(model.id)).all()

    return rows


@pytest.fixture
def two_that_are_one():
    """Two mails that nothing connects until a third arrives that answers both."""
    return (
        message(external_id="a@x", subject="Where is it?", sent_at=later(0)),
        message(external_id="b@x", subject="And the bill?", sent_at=later(1)),
        message(external_id="c@x", references=["a@x", "b@x"], sent_at=later(2)),
    )


@pytest.mark.shows("D4")
def test_a_mail_that_leads_to_two_conversations_joins_them(
    place, rows, two_that_are_one, make
):
    one, other, both = place(*two_that_are_one)

    assert both.conversation_id == one.conversation_id
    assert make.event(other.id).conversation_id == one.conversation_id
    assert {m.conversation_id for m in rows(Message)} == {one.conversation_id}
    assert {r.conversation_id for r in rows(ConversationRef)} == {one.conversation_id}
    survivor, loser = rows(Conversation)
    assert survivor.id == one.conversation_id
    assert (loser.id, loser.merged_into) == (other.conversation_id, survivor.id)
    assert loser.last_message_at is None


def test_what_was_joined_is_written_down(place, rows, two_that_are_one):
    one, other, both = place(*two_that_are_one)

    (join,) = rows(ConversationJoin)
    assert (join.survivor_id, join.loser_id) == (
        one.conversation_id,
        other.conversation_id,
    )
    assert (join.evidence, join.external_thread_id) == ("references", "mid:b@x")
    assert join.message_id == both.message_id
    assert join.moved == [str(other.message_id)]


def test_of_joined_conversations_only_the_newest_question_stays_open(
    place, make, two_that_are_one
):
    one, other, both = place(*two_that_are_one)

    ended = [make.event(event.id) for event in (one, other)]
    assert [event.status for event in ended] == [EventStatus.SUPERSEDED] * 2
    assert {event.superseded_by for event in ended} == {both.id}
    assert both.status is EventStatus.MATERIALIZED


def test_a_join_that_brings_nothing_newer_keeps_what_waits(place, make, rows):
    first, newest = place(
        message(external_id="a@x", sent_at=later(0)),
        message(external_id="b@x", sent_at=later(5)),
    )

    (between,) = place(
        message(external_id="c@x", references=["a@x", "b@x"], sent_at=later(2))
    )

    survivor = rows(Conversation)[0]
    assert survivor.last_inbound_message_id == newest.message_id
    assert make.event(newest.id).status is EventStatus.MATERIALIZED
    assert make.event(newest.id).conversation_id == first.conversation_id
    assert between.status is EventStatus.SUPERSEDED
    assert between.superseded_by == newest.id


def test_the_judgement_and_the_draft_of_the_newest_question_survive(
    place, runtime, make, config, rows
):
    current = replace(
        runtime, classifier=ScriptedClassifier(), drafter=ScriptedDrafter()
    )
    (first,) = place(message(external_id="a@x", sent_at=later(0)))
    (newest,) = place(message(external_id="b@x", sent_at=later(5)))
    for event in (first, newest):
        classify(current, make.classify_job(config, [event.id]))
        draft(current, make.draft_job(config, [event.id]))

    place(message(external_id="c@x", references=["a@x", "b@x"], sent_at=later(2)))

    survivor, loser = rows(Conversation)
    drafts = {one.target_message_id: one for one in rows(Draft)}
    assert survivor.last_classified_message_id == newest.message_id
    assert survivor.last_draft_message_id == newest.message_id
    assert survivor.ai_draft_response == "It left today."
    assert loser.ai_draft_response is None
    assert {one.conversation_id for one in drafts.values()} == {survivor.id}
    assert drafts[newest.message_id].status == "live"
    assert drafts[first.message_id].status == "stale"


@pytest.mark.shows("G3")
def test_a_join_during_the_call_sends_the_decision_where_the_message_is(
    place, runtime, make, config, rows
):
    place(message(external_id="a@x", sent_at=later(0)))
    (newest,) = place(message(external_id="b@x", sent_at=later(5)))
    between = message(external_id="c@x", references=["a@x", "b@x"], sent_at=later(2))

    class Joining(ScriptedClassifier):
        def classify(self, questions):
            place(between)
            return super().classify(questions)

    done = classify(
        replace(runtime, classifier=Joining(), drafter=ScriptedDrafter()),
        make.classify_job(config, [newest.id]),
    )

    survivor = rows(Conversation)[0]
    assert done.counts == {"decided": 1}
    assert survivor.decision == "quick_win"
    assert survivor.last_classified_message_id == newest.message_id
    assert make.event(newest.id).status is EventStatus.DECIDED


@pytest.mark.shows("G4")
def test_a_join_during_the_call_sends_the_draft_where_the_message_is(
    place, runtime, make, config, rows
):
    place(message(external_id="a@x", sent_at=later(0)))
    (newest,) = place(message(external_id="b@x", sent_at=later(5)))
    between = message(external_id="c@x", references=["a@x", "b@x"], sent_at=later(2))
    current = replace(
        runtime,
        classifier=ScriptedClassifier(),
        drafter=ScriptedDrafter(lambda: place(between)),
    )
    classify(current, make.classify_job(config, [newest.id]))

    done = draft(current, make.draft_job(config, [newest.id]))

    survivor = rows(Conversation)[0]
    (written,) = rows(Draft)
    assert done.counts == {"drafted": 1}
    assert survivor.ai_draft_response == "It left today."
    assert (written.conversation_id, written.status) == (survivor.id, "live")


def test_a_join_during_the_call_that_brings_something_newer_ends_the_draft(
    place, runtime, make, config, rows
):
    place(message(external_id="a@x", sent_at=later(0)))
    (asked,) = place(message(external_id="b@x", sent_at=later(1)))
    newer = message(external_id="c@x", references=["a@x", "b@x"], sent_at=later(2))
    current = replace(
        runtime,
        classifier=ScriptedClassifier(),
        drafter=ScriptedDrafter(lambda: place(newer)),
    )
    classify(current, make.classify_job(config, [asked.id]))

    draft(current, make.draft_job(config, [asked.id]))

    assert rows(Draft) == []
    assert make.event(asked.id).status is EventStatus.SUPERSEDED


@pytest.mark.shows("D9")
def test_whoever_asks_for_a_merged_conversation_gets_what_it_became(
    place, runtime, config, two_that_are_one
):
    one, other, _ = place(*two_that_are_one)
    workspace_id, merged = config.workspace_id, other.conversation_id

    found = inbox.get_conversation(runtime, workspace_id, merged)
    messages = inbox.list_messages(runtime, workspace_id, merged, limit=10)
    thread = inbox.read_thread(runtime, workspace_id, merged, limit=10)
    changed = inbox.change_conversation(
        runtime, workspace_id, merged, ai_enabled=False, actor="test"
    )
    listed = inbox.list_conversations(runtime, workspace_id, limit=10)

    assert found.conversation.id == thread.row.conversation.id == one.conversation_id
    assert len(messages) == len(thread.messages) == 3
    assert (changed.id, changed.ai_enabled) == (one.conversation_id, False)
    assert [row.id for row in listed] == [one.conversation_id]


@pytest.mark.shows("D9")
def test_a_conversation_that_is_merged_again_is_found_in_one_step(place, rows):
    place(
        message(external_id="a@x"),
        message(external_id="b@x"),
        message(external_id="c@x"),
        message(external_id="d@x", references=["b@x", "c@x"]),
        message(external_id="e@x", references=["a@x", "c@x"]),
    )

    survivor, *merged = rows(Conversation)
    assert [one.merged_into for one in merged] == [survivor.id] * 2


@pytest.mark.shows("D9")
def test_an_answer_to_a_closed_conversation_opens_it(place, runtime, config, rows):
    (asked,) = place(message(external_id="a@x", sent_at=later(0)))
    inbox.change_conversation(
        runtime,
        config.workspace_id,
        asked.conversation_id,
        status=ConversationStatus.CLOSED,
        actor="test",
    )

    (again,) = place(message(external_id="b@x", in_reply_to="a@x", sent_at=later(1)))

    assert again.conversation_id == asked.conversation_id
    assert rows(Conversation)[0].status is ConversationStatus.OPEN


@pytest.mark.shows("D9")
def test_an_answer_to_a_deleted_conversation_begins_another(place, runtime, config):
    (asked,) = place(message(external_id="a@x"))
    with runtime.system_transaction() as tx:
        tx.session.delete(tx.session.get(Conversation, asked.conversation_id))

    (again,) = place(message(external_id="b@x", in_reply_to="a@x"))

    assert again.status is EventStatus.MATERIALIZED
    assert again.conversation_id not in (None, asked.conversation_id)


def test_where_somebody_switched_the_ai_off_it_stays_off(
    place, runtime, config, rows, two_that_are_one
):
    one, other, both = two_that_are_one
    _, second = place(one, other)
    inbox.change_conversation(
        runtime,
        config.workspace_id,
        second.conversation_id,
        ai_enabled=False,
        actor="test",
    )

    place(both)

    assert rows(Conversation)[0].ai_enabled is False


@pytest.mark.shows("D3")
def test_a_stranger_gets_a_conversation_of_his_own_and_a_hint(place, runtime, config):
    asked, stranger = place(
        message(external_id="a@x"),
        message(
            external_id="s@x",
            in_reply_to="a@x",
            sender="mallory@example.net",
            recipients=[
                {"kind": "email", "value": SHOP},
                {"kind": "email", "value": ANNA, "role": "cc"},
            ],
        ),
    )

    assert stranger.conversation_id != asked.conversation_id
    hint = {"message_id": stranger.message_id, "evidence": "in_reply_to"}
    explained = explain_event(runtime, stranger.id)["place"]
    assert explained["thread_evidence"] == "new"
    assert explained["related"] == [{"conversation_id": asked.conversation_id, **hint}]
    assert explain_event(runtime, asked.id)["place"]["related"] == [
        {"conversation_id": stranger.conversation_id, **hint}
    ]


@pytest.mark.shows("D3")
def test_a_stranger_who_is_written_to_later_is_let_in(place, make, runtime):
    asked, colleague = place(
        message(external_id="a@x"),
        message(external_id="s@x", in_reply_to="a@x", sender="bo@example.com"),
    )

    (named,) = place(
        message(
            external_id="b@x",
            in_reply_to="a@x",
            recipients=[
                {"kind": "email", "value": SHOP},
                {"kind": "email", "value": "bo@example.com"},
            ],
        )
    )

    places = {make.event(one.id).conversation_id for one in (asked, colleague, named)}
    assert places == {asked.conversation_id}
    assert explain_event(runtime, asked.id)["place"]["related"] == []


@pytest.mark.shows("D7")
def test_what_the_owner_answers_elsewhere_joins(place):
    asked, answered = place(
        message(external_id="a@x"), ours(external_id="b@x", in_reply_to="a@x")
    )

    assert answered.conversation_id == asked.conversation_id


@pytest.mark.shows("D8")
def test_what_the_owner_hands_on_is_another_conversation(place):
    asked, handed_on = place(
        message(external_id="a@x"),
        ours(
            "supplier@example.org",
            external_id="b@x",
            in_reply_to="a@x",
            subject="WG: Where is my order?",
        ),
    )

    assert handed_on.conversation_id != asked.conversation_id


@pytest.mark.shows("D5")
def test_a_thread_keeps_its_name_and_its_answers_have_theirs(
    place, runtime, make, config, rows
):
    drafter = ScriptedDrafter()
    asked = []
    drafter.draft = lambda *, subject, **rest: (
        asked.append(subject) or ScriptedDrafter().draft(subject=subject, **rest)
    )
    current = replace(runtime, classifier=ScriptedClassifier(), drafter=drafter)
    first, renamed = place(
        message(external_id="a@x", subject="Where is it?", sent_at=later(0)),
        message(
            external_id="b@x",
            in_reply_to="a@x",
            subject="Re: Something else",
            sent_at=later(1),
        ),
    )

    classify(current, make.classify_job(config, [renamed.id]))
    draft(current, make.draft_job(config, [renamed.id]))

    assert renamed.conversation_id == first.conversation_id
    assert rows(Conversation)[0].subject == "Where is it?"
    assert asked == ["Re: Something else"]


def test_a_thread_is_named_after_its_earliest_mail_whenever_that_arrives(place, rows):
    place(
        message(
            external_id="b@x", references=["a@x"], subject="Re: Tea", sent_at=later(1)
        ),
        message(external_id="a@x", subject="Tea", sent_at=later(0)),
    )

    assert [one.subject for one in rows(Conversation)] == ["Tea"]


@pytest.mark.shows("D1")
def test_an_answer_without_ids_finds_its_mail_by_the_subject(place, rows):
    asked, answer = place(
        message(external_id="a@x", subject="The blue bicycle", sent_at=later(0)),
        message(external_id="b@x", subject="AW: The blue bicycle", sent_at=later(30)),
    )

    assert answer.conversation_id == asked.conversation_id
    assert rows(Message)[1].thread_evidence == "subject"


@pytest.mark.shows("D1", "D4")
def test_an_answer_without_ids_may_come_before_its_mail(place, make):
    answer, asked = place(
        message(external_id="b@x", subject="Re: The blue bicycle", sent_at=later(30)),
        message(external_id="a@x", subject="The blue bicycle", sent_at=later(0)),
    )

    assert make.event(answer.id).conversation_id == asked.conversation_id


@pytest.mark.shows("D1", "D6")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"subject": "The blue bicycle"}, {"subject": "The blue bicycle"}),
        ({"subject": "Invoice"}, {"subject": "Re: Invoice"}),
        ({"subject": "Ihre Bestellung"}, {"subject": "AW: Ihre Bestellung"}),
        ({"subject": None}, {"subject": "Re:"}),
        ({"subject": "(no subject)"}, {"subject": "Re: (no subject)"}),
        ({"subject": "The blue bicycle"}, {"subject": "Fwd: Re: The blue bicycle"}),
        (
            {"subject": "The blue bicycle"},
            {"subject": "Re: The blue bicycle", "sender": "bo@example.com"},
        ),
        (
            {"subject": "The blue bicycle"},
            {"subject": "Re: The blue bicycle", "in_reply_to": "lost@x"},
        ),
        (
            {"subject": "The blue bicycle", "sent_at": later(0)},
            {"subject": "Re: The blue bicycle", "sent_at": later(24 * 14 + 1)},
        ),
    ],
    ids=[
        *("no answer", "one word", "what all are called", "no words", "no subject"),
        *("handed on", "somebody else", "has ids", "too late"),
    ],
)
def test_a_subject_alone_leads_nowhere(place, one, other):
    asked, answer = place(message(**one), message(**other))

    assert asked.conversation_id != answer.conversation_id


@pytest.mark.shows("D1")
def test_our_token_finds_the_conversation_where_the_ids_are_lost(place, rows, token_of):
    (asked,) = place(message(external_id="a@x"))
    address = f"shop+{token_of(asked.conversation_id)}@shop.example"

    (answer,) = place(
        message(
            external_id="b@x",
            subject=None,
            recipients=[{"kind": "email", "value": address}],
        )
    )

    assert answer.conversation_id == asked.conversation_id
    assert rows(Message)[1].thread_evidence == "reply_token"


@pytest.mark.shows("D1")
def test_our_token_outweighs_the_providers_thread(place, token_of):
    one, other = place(
        message(external_id="a@x", external_thread_id="t1"),
        message(external_id="b@x", external_thread_id="t2"),
    )
    token = token_of(one.conversation_id)

    (answer,) = place(
        message(
            external_id="c@x",
            external_thread_id="t3",
            in_reply_to=f"1.{token}@shop.example",
            references=["b@x"],
        )
    )

    assert answer.conversation_id == one.conversation_id
    assert answer.conversation_id != other.conversation_id


@pytest.mark.shows("D3")
@pytest.mark.parametrize("who", ["a stranger", "another account", "a forger"])
def test_a_token_lets_in_only_who_takes_part(place, make, workspace, token_of, who):
    (asked,) = place(message(external_id="a@x"))
    token = token_of(asked.conversation_id)
    if who == "a forger":
        token = token[:-1] + ("a" if token[-1] != "a" else "e")
    sender = "mallory@example.net" if who == "a stranger" else ANNA
    account = {"account": make.config(workspace)} if who == "another account" else {}

    (answer,) = place(
        message(
            external_id="b@x",
            sender=sender,
            in_reply_to=f"1.{token}@shop.example",
        ),
        **account,
    )

    assert answer.conversation_id != asked.conversation_id


@pytest.mark.shows("D9", "D1")
def test_a_token_of_a_merged_conversation_leads_on(place, two_that_are_one, token_of):
    one, other, both = two_that_are_one
    first, second = place(one, other)
    token = token_of(second.conversation_id)
    place(both)

    (answer,) = place(message(external_id="d@x", in_reply_to=f"1.{token}@shop.example"))

    assert answer.conversation_id == first.conversation_id


@pytest.mark.shows("B4")
def test_a_borrowed_id_catches_no_answers(runtime, place, make, config):
    asked = message(external_id="a@x")
    (event,) = place(asked)
    trap = message(
        external_id="a@x#0123",
        headers={"message-id": "<a@x>"},
        sender="mallory@example.net",
        recipients=[
            {"kind": "email", "value": SHOP},
            {"kind": "email", "value": ANNA},
        ],
    )
    (trapped,) = make.events(config, trap)
    with runtime.system_transaction() as tx:
        store.events.get(tx, trapped).id_collision = True
    materialize(runtime, make.materialize_job(config, [trapped]))

    (answer,) = place(message(external_id="b@x", in_reply_to="a@x"))

    assert answer.conversation_id == event.conversation_id
    assert make.event(trapped).conversation_id != event.conversation_id


@pytest.mark.shows("B7")
def test_our_mail_that_comes_back_is_the_one_we_have(place, rows):
    copy = {"headers": {"message-id": "<a@x>"}, "sent_at": later(0)}
    sent, returned = place(
        ours(external_id="sent-1", **copy), ours(external_id="inbox-7", **copy)
    )

    assert returned.message_id == sent.message_id
    assert returned.conversation_id == sent.conversation_id
    assert (returned.status, returned.reason) == (EventStatus.STORED, "outbound")
    assert len(rows(Message)) == 1


@pytest.mark.shows("B7")
def test_copies_of_our_mail_in_one_batch_are_one(runtime, make, config, rows):
    copy = {"headers": {"message-id": "<a@x>"}, "sent_at": later(0)}
    ids = make.events(
        config, *(ours(external_id=f"sent-{number}", **copy) for number in range(3))
    )

    materialize(runtime, make.materialize_job(config, ids))

    (stored,) = rows(Message)
    assert {make.event(event_id).message_id for event_id in ids} == {stored.id}


@pytest.mark.shows("B4")
def test_two_mails_of_ours_that_share_an_id_are_both_kept(place, rows):
    headers = {"message-id": "<a@x>"}
    one, other = place(
        ours(external_id="sent-1", headers=headers, sent_at=later(0)),
        ours(external_id="sent-2", headers=headers, sent_at=later(1)),
    )

    assert one.message_id != other.message_id
    assert one.conversation_id != other.conversation_id
    assert len(rows(Message)) == 2


def test_an_event_put_back_stays_in_what_its_conversation_became(
    place, runtime, make, config, two_that_are_one
):
    one, other, _ = place(*two_that_are_one)
    with runtime.system_transaction() as tx:
        store.events.reset(tx, [other.id], status=EventStatus.RECEIVED)

    materialize(runtime, make.materialize_job(config, [other.id]))

    assert make.event(other.id).conversation_id == one.conversation_id
    assert make.event(other.id).status is EventStatus.SUPERSEDED


@pytest.fixture
def token_of(runtime, config):
    """Signs for a conversation as mail that we send does."""
    key = reply_token.workspace_key(runtime.settings.key_bytes, config.workspace_id)
    return lambda conversation_id: reply_token.make(key, conversation_id)
