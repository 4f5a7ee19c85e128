"""Giving events their place: customers, conversations, messages."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from app import store
from app.domain.backoff import MAX_ATTEMPTS
from app.domain.status import EventStatus, RunMode
from app.jobs.contracts import Classify
from app.models import (
    Conversation,
    ConversationRef,
    Customer,
    CustomerIdentity,
    Message,
    MessageEvent,
)
from app.services.pipeline.materialize import materialize
from tests.factories import START, message


@pytest.fixture
def place(runtime, make, config):
    """Ingest and materialize messages in one batch; returns their events."""

    def place(*messages, run=None):
        ids = make.events(config, *messages, run=run)
        materialize(runtime, make.materialize_job(config, ids, run.id if run else None))
        return [make.event(event_id) for event_id in ids]

    return place


@pytest.fixture
def count(runtime):
    def count(model):
        with runtime.system_transaction() as tx:
            return tx.session.scalar(select(func.count()).select_from(model))

    return count


def test_a_message_finds_its_customer_and_conversation(place, runtime):
    (event,) = place(message(subject="Where is it?"))

    with runtime.system_transaction() as tx:
        stored = tx.session.get(Message, event.message_id)
        conversation = tx.session.get(Conversation, event.conversation_id)
        customer = tx.session.get(Customer, stored.customer_id)
    assert event.status is EventStatus.MATERIALIZED
    assert event.finished_at is None
    assert conversation.subject == "Where is it?"
    assert conversation.last_inbound_message_id == stored.id
    assert conversation.customer_id == customer.id
    assert customer.name == "Anna Berg"
    assert stored.external_id == event.external_id


@pytest.mark.shows("C7", "C8")
@pytest.mark.parametrize("text", ["Blue.\n\nWhich colour?", None], ids=["both", "HTML"])
def test_what_the_html_quotes_is_not_visible(place, runtime, text):
    html = "<p>Blue.</p><blockquote type=cite>Which colour?</blockquote>"

    (event,) = place(message(body_text=text, body_html=html))

    with runtime.system_transaction() as tx:
        stored = tx.session.get(Message, event.message_id)
    assert (stored.body, stored.body_visible) == (text, "Blue.")


def test_what_goes_on_is_handed_to_classify(runtime, make, config):
    ids = make.events(config, message(), message(sender="bo@example.com"))

    outcome = materialize(runtime, make.materialize_job(config, ids))

    (job,) = outcome.next_jobs
    assert isinstance(job, Classify)
    assert set(job.event_ids) == set(ids)
    assert outcome.counts == {"materialized": 2}


@pytest.mark.shows("B1")
def test_a_job_delivered_twice_does_nothing_twice(runtime, make, config, count):
    ids = make.events(config, message())
    materialize(runtime, make.materialize_job(config, ids))

    again = materialize(runtime, make.materialize_job(config, ids))

    assert again.counts == {}
    assert again.next_jobs == []
    assert count(Message) == 1
    assert count(Conversation) == 1


def test_an_event_put_back_finds_its_message_stored(runtime, make, config, count):
    ids = make.events(config, message())
    materialize(runtime, make.materialize_job(config, ids))
    with runtime.system_transaction() as tx:
        store.events.reset(tx, ids, status=EventStatus.RECEIVED)

    materialize(runtime, make.materialize_job(config, ids))

    assert make.event(ids[0]).status is EventStatus.MATERIALIZED
    assert count(Message) == 1
    assert count(Customer) == 1


def test_mails_of_one_sender_belong_to_one_customer(place, count):
    place(
        message(sender="anna@example.com"),
        message(sender="Anna@EXAMPLE.com"),
        message(sender="bo@example.com"),
    )

    assert count(Customer) == 2


@pytest.mark.shows("C6", "E5")
def test_people_who_write_by_one_form_are_different_customers(place, runtime):
    form = {"kind": "email", "value": "noreply@forms.example", "name": "Your website"}
    events = place(
        *(
            message(sender=form, headers={"reply-to": f"{name}@example.com"})
            for name in ("anna", "bo")
        )
    )

    with runtime.system_transaction() as tx:
        stored = [tx.session.get(Message, event.message_id) for event in events]
        found = tx.session.scalars(select(CustomerIdentity.value)).all()
    assert set(found) == {"anna@example.com", "bo@example.com"}
    assert stored[0].customer_id != stored[1].customer_id
    assert stored[0].conversation_id != stored[1].conversation_id
    assert {one.identity_evidence for one in stored} == {"reply_to_of_shared_address"}
    assert stored[0].sender["value"] == "noreply@forms.example"


@pytest.mark.shows("E5")
def test_a_name_that_is_known_is_not_overwritten(place, runtime):
    address = {"kind": "email", "value": "anna@example.com"}
    for name in (None, "Anna Berg", "Bo Ek", None):
        place(message(sender=address | {"name": name}))

    with runtime.system_transaction() as tx:
        assert tx.session.scalars(select(Customer.name)).all() == ["Anna Berg"]


@pytest.mark.shows("E8")
def test_an_address_is_found_by_its_canonical_form_and_kept_as_it_came(place, runtime):
    place(
        message(sender="Anna.Berg+shop@GoogleMail.com"),
        message(sender="annaberg@gmail.com"),
    )

    with runtime.system_transaction() as tx:
        (identity,) = tx.session.scalars(select(CustomerIdentity)).all()
    assert identity.value == "annaberg@gmail.com"
    assert identity.original == "Anna.Berg+shop@GoogleMail.com"


@pytest.mark.shows("C5", "E5")
def test_the_nameless_are_not_one_customer(place, count, runtime):
    one, other = place(
        message(sender="unknown-sender"), message(sender="unknown-sender")
    )

    assert count(Customer) == 0
    assert one.conversation_id != other.conversation_id
    assert one.status is EventStatus.MATERIALIZED


@pytest.mark.shows("E5")
def test_who_hides_the_number_sees_nothing_of_others_who_do(place, count):
    hidden = {"kind": "phone", "value": "unknown-sender"}

    one, other = place(message(sender=hidden), message(sender=hidden, kind="call"))

    assert count(Customer) == 0
    assert one.conversation_id != other.conversation_id


@pytest.mark.shows("D1")
def test_a_reply_joins_the_conversation_of_its_parent(place, runtime):
    parent, reply = place(
        message(external_id="p@x"), message(external_id="r@x", in_reply_to="p@x")
    )

    assert parent.conversation_id == reply.conversation_id
    with runtime.system_transaction() as tx:
        stored = tx.session.get(Message, reply.message_id)
    assert stored.thread_evidence == "in_reply_to"


@pytest.mark.shows("D1")
def test_the_providers_thread_outweighs_headers(place):
    one, other, reply = place(
        message(external_id="a@x", external_thread_id="t1"),
        message(external_id="b@x", external_thread_id="t2"),
        message(external_id="c@x", external_thread_id="t2", in_reply_to="a@x"),
    )

    assert reply.conversation_id == other.conversation_id
    assert reply.conversation_id != one.conversation_id


@pytest.mark.shows("D4")
@pytest.mark.parametrize("order", ["parent last", "parent between", "parent first"])
def test_siblings_and_their_parent_meet_in_any_order(place, order):
    parent = message(external_id="p@x")
    first = message(external_id="r1@x", in_reply_to="p@x")
    second = message(external_id="r2@x", references=["p@x"])
    arrivals = {
        "parent last": [first, second, parent],
        "parent between": [first, parent, second],
        "parent first": [parent, first, second],
    }[order]

    events = [place(one)[0] for one in arrivals]

    assert len({event.conversation_id for event in events}) == 1


@pytest.mark.shows("D2")
def test_threads_of_another_account_are_not_joined(runtime, make, workspace, config):
    other = make.config(workspace)
    (parent,) = make.events(other, message(external_id="p@x"))
    materialize(runtime, make.materialize_job(other, [parent]))
    (reply,) = make.events(config, message(external_id="r@x", in_reply_to="p@x"))

    materialize(runtime, make.materialize_job(config, [reply]))

    assert make.event(parent).conversation_id != make.event(reply).conversation_id


def test_the_newest_of_a_conversation_goes_on_and_the_older_is_superseded(place):
    older, newer = place(
        message(external_id="a@x", sent_at=START),
        message(
            external_id="b@x",
            in_reply_to="a@x",
            sent_at=START + timedelta(hours=1),
        ),
    )

    assert newer.status is EventStatus.MATERIALIZED
    assert older.status is EventStatus.SUPERSEDED
    assert older.superseded_by == newer.id
    assert older.finished_at is not None


@pytest.mark.shows("G2")
def test_a_later_message_ends_the_one_that_waits(place, make):
    (older,) = place(message(external_id="a@x", sent_at=START))

    (newer,) = place(
        message(
            external_id="b@x", in_reply_to="a@x", sent_at=START + timedelta(hours=1)
        )
    )

    older = make.event(older.id)
    assert older.status is EventStatus.SUPERSEDED
    assert older.superseded_by == newer.id
    assert older.reason == "newer_message"


@pytest.mark.shows("H2")
@pytest.mark.parametrize("order", ["question first", "absence note first", "together"])
def test_an_absence_note_does_not_settle_the_question_before_it(
    place, make, runtime, order
):
    question = message(external_id="a@x", sent_at=START)
    absence = message(
        external_id="b@x",
        in_reply_to="a@x",
        headers={"auto-submitted": "auto-replied"},
        sent_at=START + timedelta(hours=1),
    )

    batches = {
        "question first": [[question], [absence]],
        "absence note first": [[absence], [question]],
        "together": [[question, absence]],
    }[order]
    events = {
        event.external_id: event.id for batch in batches for event in place(*batch)
    }

    asked, away = make.event(events["a@x"]), make.event(events["b@x"])
    with runtime.system_transaction() as tx:
        conversation = tx.session.get(Conversation, asked.conversation_id)
    assert conversation.last_inbound_message_id == asked.message_id
    assert asked.status is EventStatus.MATERIALIZED
    assert away.finished_at is not None
    if order != "absence note first":
        assert (away.status, away.reason) == (EventStatus.DECIDED, "automatic")
        assert away.decision["decision"] == "auto_handled"


def test_an_older_message_that_arrives_late_is_superseded(place):
    (newer,) = place(message(external_id="b@x", references=["a@x"], sent_at=START))

    (older,) = place(message(external_id="a@x", sent_at=START - timedelta(hours=1)))

    assert older.status is EventStatus.SUPERSEDED
    assert older.superseded_by == newer.id


def test_what_we_sent_ourselves_is_stored(place, runtime):
    _, sent = place(
        message(external_id="a@x", sent_at=START),
        message(
            external_id="b@x",
            in_reply_to="a@x",
            direction="outbound",
            sender="shop@shop.example",
            recipients=[{"kind": "email", "value": "anna@example.com"}],
            sent_at=START + timedelta(hours=1),
        ),
    )

    assert sent.status is EventStatus.STORED
    assert sent.reason == "outbound"
    with runtime.system_transaction() as tx:
        conversation = tx.session.get(Conversation, sent.conversation_id)
        stored = tx.session.get(Message, sent.message_id)
    assert conversation.last_outbound_message_at == START + timedelta(hours=1)
    assert stored.sender_type == "employee"


@pytest.mark.shows("H6")
def test_an_import_of_history_is_kept_and_not_decided(place, make, config):
    run = make.run(config, mode=RunMode.HISTORY)

    events = place(message(), message(sender="bo@example.com"), run=run)

    assert [event.status for event in events] == [EventStatus.STORED] * 2
    assert [event.reason for event in events] == ["history"] * 2


@pytest.mark.shows("H6")
def test_history_does_not_end_a_question_that_waits(place, make, config, runtime):
    (asked,) = place(message(external_id="a@x", sent_at=START))
    run = make.run(config, mode=RunMode.HISTORY)

    (kept,) = place(
        message(
            external_id="b@x", in_reply_to="a@x", sent_at=START + timedelta(hours=1)
        ),
        run=run,
    )

    assert kept.status is EventStatus.STORED
    assert make.event(asked.id).status is EventStatus.MATERIALIZED
    with runtime.system_transaction() as tx:
        conversation = tx.session.get(Conversation, asked.conversation_id)
    assert conversation.last_inbound_message_id == asked.message_id


@pytest.mark.shows("H6")
def test_what_was_sent_before_the_account_was_connected_is_old(place, runtime, config):
    before, after = place(
        message(sent_at=config.connected_at - timedelta(days=300)),
        message(sender="bo@example.com", sent_at=datetime(2999, 1, 1, tzinfo=UTC)),
    )

    with runtime.system_transaction() as tx:
        assert tx.session.get(Message, before.message_id).is_old is True
        assert tx.session.get(Message, after.message_id).is_old is False
    assert before.status is EventStatus.MATERIALIZED  # age forbids replies, not triage


@pytest.mark.shows("C14")
def test_a_date_in_the_future_orders_nothing(place, runtime):
    future, _ = place(
        message(external_id="a@x", sent_at=datetime(3610, 1, 1, tzinfo=UTC)),
        message(external_id="b@x", in_reply_to="a@x", sent_at=None),
    )

    with runtime.system_transaction() as tx:
        stored = tx.session.get(Message, future.message_id)
    assert stored.sent_at == datetime(3610, 1, 1, tzinfo=UTC)
    assert stored.occurred_at == future.received_at


@pytest.mark.shows("A2")
def test_an_unreadable_event_fails_alone(runtime, make, config):
    good, bad = make.events(config, message(), message(sender="bo@example.com"))
    with runtime.system_transaction() as tx:
        tx.session.execute(
            update(MessageEvent).where(MessageEvent.id == bad).values(payload={"x": 1})
        )

    outcome = materialize(runtime, make.materialize_job(config, [good, bad]))

    assert outcome.counts == {"materialized": 1, "failed": 1}
    event = make.event(bad)
    assert event.status is EventStatus.FAILED
    assert event.finished_at is not None
    with runtime.system_transaction() as tx:
        (letter,) = store.dead_letters.find(tx)
        (incident,) = store.incidents.find(tx)
    assert letter.event_id == bad
    assert letter.error == "InvalidPayload: payload.external_id: Field required"
    assert incident.kind == "dead_letter"


def test_an_event_that_cannot_be_stored_fails_alone(
    runtime, make, config, poisonous_subject
):
    good, bad = make.events(
        config,
        message(),
        message(sender="bo@example.com", subject=poisonous_subject),
    )

    outcome = materialize(runtime, make.materialize_job(config, [good, bad]))

    assert outcome.counts == {"materialized": 1, "put_off": 1}
    assert make.event(good).status is EventStatus.MATERIALIZED
    assert make.event(bad).attempts == 1
    assert make.event(bad).next_attempt_at is not None
    assert make.event(bad).last_error == "IntegrityError"


@pytest.mark.shows("K4")
def test_an_event_that_kills_its_worker_is_given_up(runtime, make, config):
    (event_id,) = make.events(config, message())
    for _ in range(MAX_ATTEMPTS):
        with runtime.transaction(config.workspace_id) as tx:
            claimed = store.claims.take(
                tx, [event_id], status=EventStatus.RECEIVED, lease=timedelta(0)
            )
        assert len(claimed.events) == 1

    outcome = materialize(runtime, make.materialize_job(config, [event_id]))

    assert outcome.counts == {}
    assert make.event(event_id).status is EventStatus.FAILED
    with runtime.system_transaction() as tx:
        (letter,) = store.dead_letters.find(tx)
    assert letter.error == "PermanentError: its worker was lost"


def test_a_reaction_says_nothing_that_needs_a_decision(place, runtime):
    said, reaction = place(
        message(external_id="a@x", sent_at=START),
        message(
            external_id="b@x",
            in_reply_to="a@x",
            kind="reaction",
            sent_at=START + timedelta(hours=1),
        ),
    )

    assert said.status is EventStatus.MATERIALIZED
    assert reaction.status is EventStatus.STORED
    assert reaction.reason == "kind_reaction"


def test_every_thread_key_is_remembered_once(place, count):
    place(message(external_id="a@x"), message(external_id="b@x", references=["a@x"]))

    assert count(ConversationRef) == 2


def test_a_message_of_a_chat_without_threads_goes_by_its_counterpart(
    runtime, make, workspace
):
    chat = make.config(workspace, provider="aurinko", channel="sms", addresses=[])
    sender = {"kind": "phone", "value": "+46700000001"}
    ids = make.events(
        chat,
        message(external_id="1", sender=sender, subject=None),
        message(external_id="2", sender=sender, subject=None),
    )

    materialize(runtime, make.materialize_job(chat, ids))

    events = [make.event(event_id) for event_id in ids]
    assert events[0].conversation_id == events[1].conversation_id


@pytest.fixture
def poisonous_subject(runtime):
    """A subject that the database refuses; it stands for whatever it may refuse."""
    engine = runtime.database.engine
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "ALTER TABLE messages ADD CONSTRAINT no_poison CHECK (subject <> 'poison')"
        )
    yield "poison"
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE messages DROP CONSTRAINT no_poison")
