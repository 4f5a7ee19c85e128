"""Edits, reactions, deletions and statuses find the messages they are about, in any order."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from app import store
from app.domain.status import DeliveryStatus, DraftStatus, EventStatus
from app.jobs.contracts import Classify
from app.models import Draft
from app.services.pipeline.classify import classify
from app.services.pipeline.draft import draft
from app.services.pipeline.materialize import materialize
from tests.factories import START, message
from tests.fakes import ScriptedClassifier, ScriptedDrafter

ANNA = {"kind": "phone", "value": "+46700000001"}
SHOP = {"kind": "phone", "value": "+46700000009"}


def said(text="Where is my order?", **fields):
    values = {"external_id": "m1", "external_thread_id": "anna", "sender": ANNA}
    return message(**(values | {"body_text": text, "sent_at": START} | fields))


def ours(**fields):
    values = {"direction": "outbound", "sender": SHOP, "recipients": [ANNA]}
    return said("On its way.", **(values | {"external_id": "o1"} | fields))


def about(kind, external_id, *, target="m1", minute=1, **fields):
    values = {"kind": kind, "target_id": target, "body_text": None}
    at = START + timedelta(minutes=minute)
    return said(external_id=external_id, **(values | {"sent_at": at} | fields))


@pytest.mark.shows("F3")
def test_a_reaction_is_state_of_its_message_and_no_new_turn(place, stored, events):
    place(said())

    place(about("reaction", "r1", metadata={"emoji": "👍"}))

    assert stored("m1").reactions == {"phone:+46700000001": "👍"}
    assert stored("r1") is None
    assert [event.status for event in events()] == ["materialized", "stored"]


@pytest.mark.shows("F4")
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_an_edit_counts_whichever_comes_first(place, stored, order):
    arrivals = [
        said(),
        about("edit", "e1", body_text="Where is order 7?"),
        about("edit", "e2", body_text="Where is order 8?", minute=2),
    ]

    for number in order:
        place(arrivals[number])

    assert stored("m1").body == "Where is order 8?"
    assert stored("m1").edited_at == START + timedelta(minutes=2)


@pytest.mark.shows("F4", "G3")
def test_an_edit_makes_the_draft_stale_and_the_message_is_decided_again(
    place, live, drafts, drafter, jobs, config, make
):
    event_id = place(said())
    settle(live, make, config, event_id)

    place(about("edit", "e1", body_text="Please cancel my order."))

    assert [one.status for one in drafts("m1")] == [DraftStatus.STALE]
    assert make.event(event_id).status is EventStatus.MATERIALIZED
    assert [job.event_ids for job in jobs(Classify)] == [(event_id,)]
    settle(live, make, config, event_id)
    assert sorted(one.status for one in drafts("m1")) == ["live", "stale"]
    assert drafter.calls[-1][-1].text == "Please cancel my order."


@pytest.mark.shows("F4", "G3")
def test_what_is_written_while_its_message_is_edited_is_not_kept(
    place, live, drafts, drafter, config, make
):
    event_id = place(said())
    classify(live, make.classify_job(config, [event_id]))
    drafter.script = [lambda: place(about("edit", "e1", body_text="Cancel it."))]

    draft(live, make.draft_job(config, [event_id]))

    assert drafts("m1") == []
    assert make.event(event_id).status is EventStatus.MATERIALIZED


@pytest.mark.shows("F4")
def test_an_edit_after_the_answer_changes_no_decision(place, live, config, make):
    event_id = place(said())
    settle(live, make, config, event_id)
    place(ours(sent_at=START + timedelta(minutes=1)))
    before = make.event(event_id).status

    place(about("edit", "e1", body_text="Never mind.", minute=2))

    assert make.event(event_id).status is before


@pytest.mark.shows("F5")
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_was_taken_back_is_a_tombstone(place, stored, order):
    arrivals = [said(), about("delete", "d1")]

    for number in order:
        place(arrivals[number])

    assert stored("m1").deleted_at == START + timedelta(minutes=1)


@pytest.mark.shows("F5")
def test_what_was_taken_back_needs_no_answer(place, live, drafts, config, make):
    event_id = place(said())
    settle(live, make, config, event_id)

    place(about("delete", "d1"))

    event = make.event(event_id)
    assert [one.status for one in drafts("m1")] == [DraftStatus.STALE]
    assert (event.status, event.reason) == (EventStatus.DECIDED, "deleted")
    assert event.finished_at is not None


@pytest.mark.shows("F5")
def test_what_was_taken_back_before_it_came_asks_for_nothing(place, config, make):
    place(about("delete", "d1"))

    event_id = place(said())

    event = make.event(event_id)
    assert (event.status, event.reason) == (EventStatus.STORED, "deleted")


@pytest.mark.shows("F7", "F8")
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_a_status_that_comes_before_its_message_waits_for_it(place, stored, order):
    arrivals = [
        ours(),
        about("status", "s1", target="o1", metadata={"status": "delivered"}),
        about("status", "s2", target="o1", metadata={"status": "read"}, minute=2),
    ]

    for number in order:
        place(arrivals[number])

    assert stored("o1").delivery_status is DeliveryStatus.READ


@pytest.mark.shows("F6")
@pytest.mark.parametrize("first", ["messages", "watermark"])
def test_a_watermark_covers_what_was_sent_before_it_in_its_thread(place, stored, first):
    sent = [
        ours(external_id="o1", sent_at=START),
        ours(external_id="o2", sent_at=START + timedelta(minutes=5)),
        ours(external_id="o3", external_thread_id="bo", sent_at=START),
    ]
    read = about("status", "w1", target=None, minute=3, metadata={"status": "read"})

    for one in [*sent, read] if first == "messages" else [read, *sent]:
        place(one)

    assert stored("o1").delivery_status is DeliveryStatus.READ
    assert stored("o2").delivery_status is None
    assert stored("o3").delivery_status is None


@pytest.mark.shows("F12")
def test_a_call_is_one_entry_that_grows(place, stored):
    place(
        said(
            None,
            external_id="c1",
            kind="call",
            metadata={"call": {"status": "ringing"}},
        )
    )

    place(
        about(
            "call",
            "c1:completed",
            target="c1",
            metadata={"call": {"status": "no-answer"}},
        ),
        about(
            "call", "c1:transcript", target="c1", minute=2, body_text="Call me back."
        ),
    )

    assert stored("c1").call == {"status": "no-answer"}
    assert stored("c1").body == "Call me back."
    assert stored("c1:completed") is None


def test_what_is_told_of_a_message_of_another_account_is_not_its_business(
    place, stored, make, workspace
):
    place(said())

    place(about("delete", "d1"), at=make.config(workspace, channel="whatsapp"))

    assert stored("m1").deleted_at is None


@pytest.mark.shows("F8")
@pytest.mark.parametrize(
    "sender",
    [ANNA, {"kind": "email", "value": "anna@example.com"}],
    ids=["phone", "mail"],
)
def test_a_change_and_its_message_that_come_at_once_find_each_other(
    live, make, config, stored, sender
):
    for number in range(8):
        target = f"race{number}"
        ids = [
            make.events(
                config,
                said(external_id=target, external_thread_id=target, sender=sender),
            )[0],
            make.events(
                config,
                about(
                    "delete",
                    f"d{number}",
                    target=target,
                    external_thread_id=None,
                ),
            )[0],
        ]

        with ThreadPoolExecutor(2) as pool:
            list(
                pool.map(
                    lambda event_id: materialize(
                        live, make.materialize_job(config, [event_id])
                    ),
                    ids,
                )
            )

        assert stored(target).deleted_at is not None


@pytest.mark.shows("F10")
def test_a_note_opens_no_conversation_and_joins_one_that_is_there(
    place, stored, events
):
    note = {
        "kind": "event",
        "metadata": {"no_conversation": True},
        "body_text": "Joined",
    }
    place(said(external_id="n1", **note))
    lone = stored("n1")
    place(said())

    place(said(external_id="n2", **note))

    assert lone is None
    assert stored("n2").conversation_id == stored("m1").conversation_id
    assert [event.status for event in events()] == ["stored", "materialized", "stored"]


def settle(live, make, config, event_id):
    classify(live, make.classify_job(config, [event_id]))
    draft(live, make.draft_job(config, [event_id]))


@pytest.fixture
def config(make, workspace):
    return make.config(workspace, channel="whatsapp")


@pytest.fixture
def drafter():
    return ScriptedDrafter()


@pytest.fixture
def live(runtime, drafter):
    """A runtime with models that answer at once."""
    return replace(runtime, classifier=ScriptedClassifier(), drafter=drafter)


@pytest.fixture
def drafts(runtime, config, stored):
    """All drafts that answer a message."""

    def drafts(external_id):
        with runtime.transaction(config.workspace_id) as tx:
            return tx.session.scalars(
                select(Draft).where(Draft.target_message_id == stored(external_id).id)
            ).all()

    return drafts


@pytest.fixture
def jobs(runtime):
    def jobs(contract):
        return [job for job in runtime.publisher.jobs if isinstance(job, contract)]

    return jobs


@pytest.fixture
def place(runtime, make, config):
    """Lets messages arrive and get their place; returns the event of the last."""

    def place(*messages, at=config):
        event_id = [make.events(at, one)[0] for one in messages][-1]
        ids = [event.id for event in _unplaced(runtime)]
        materialize(runtime, make.materialize_job(at, ids))
        return event_id

    return place


def _unplaced(runtime):
    with runtime.system_transaction() as tx:
        return store.events.find(tx, status=EventStatus.RECEIVED)


@pytest.fixture
def stored(runtime, config):
    def stored(external_id):
        with runtime.transaction(config.workspace_id) as tx:
            found = store.messages.by_external_id(
                tx, config_id=config.id, external_ids={external_id}
            )
        return found.get(external_id)

    return stored


@pytest.fixture
def events(runtime):
    def events():
        with runtime.system_transaction() as tx:
            return sorted(store.events.find(tx), key=lambda event: event.id)

    return events
