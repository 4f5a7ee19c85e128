"""Keeping what a channel brought."""

import pytest

from app import store
from app.channels.base import Item
from app.domain.status import EventStatus, Source
from app.services.pipeline.ingest import ingest
from tests.factories import message


@pytest.fixture
def take_in(runtime, config):
    def take_in(*items):
        with runtime.transaction(config.workspace_id) as tx:
            return ingest(tx, config, items, source=Source.POST)

    return take_in


def item(digest=None, **fields):
    return Item(
        raw={"original": True}, message=message(**fields), content_digest=digest
    )


@pytest.mark.shows("B1")
def test_a_replayed_batch_adds_nothing(take_in, runtime):
    batch = [item(external_id="a"), item(external_id="b")]
    first = take_in(*batch)

    second = take_in(*batch)

    assert (first.created, first.duplicates) == (2, 0)
    assert (second.created, second.duplicates, second.event_ids) == (0, 2, [])


def test_the_same_message_twice_in_one_batch_is_one_event(take_in):
    done = take_in(item(external_id="a"), item(external_id="a"))

    assert (done.created, done.duplicates) == (1, 1)


def test_an_event_keeps_what_the_provider_sent(take_in, make):
    done = take_in(item(external_id="a", subject="Hello"))

    event = make.event(done.event_ids[0])
    assert event.raw == {"original": True}
    assert event.payload["subject"] == "Hello"
    assert event.status is EventStatus.RECEIVED
    assert event.attempts == 0


@pytest.mark.shows("B3")
def test_one_id_on_two_accounts_is_two_events(runtime, make, workspace):
    one, other = make.config(workspace), make.config(workspace)

    created = make.events(one, message(external_id="a"))
    created += make.events(other, message(external_id="a"))

    assert len(created) == 2


@pytest.mark.shows("B4")
def test_two_mails_with_one_message_id_are_both_kept(take_in, make):
    take_in(item("digest-1", external_id="a"))

    done = take_in(item("digest-2", external_id="a"))

    event = make.event(done.event_ids[0])
    assert event.external_id == "a#digest-2"
    assert event.id_collision


@pytest.mark.shows("B4")
def test_a_collision_that_is_replayed_adds_nothing(take_in):
    batch = [
        item("digest-1", external_id="a"),
        item("digest-2", external_id="a"),
    ]
    first = take_in(*batch)

    second = take_in(*batch)

    assert (first.created, first.duplicates) == (2, 0)
    assert (second.created, second.duplicates) == (0, 2)


@pytest.mark.shows("A2")
def test_a_broken_item_becomes_a_dead_letter_alone(take_in, runtime):
    broken = Item(raw={"id": 7}, message=None, error="sender: missing")

    done = take_in(item(external_id="a"), broken, item(external_id="b"))

    assert (done.created, done.rejected) == (2, 1)
    with runtime.system_transaction() as tx:
        (letter,) = store.dead_letters.find(tx)
    assert letter.error == "sender: missing"
    assert letter.payload["raw"] == {"id": 7}


def test_a_broken_item_brought_again_is_the_same_dead_letter(take_in, runtime):
    broken = Item(raw={"id": 7}, message=None, error="sender: missing")
    take_in(broken)

    take_in(broken)

    with runtime.system_transaction() as tx:
        assert len(store.dead_letters.find(tx)) == 1


@pytest.mark.shows("C3")
def test_what_postgresql_cannot_store_is_replaced(take_in, make):
    done = take_in(
        Item(
            raw={"text": "a\0b", "lone": "\ud800"},
            message=message(body_text="a\0b\ud800"),
        )
    )

    event = make.event(done.event_ids[0])
    assert event.payload["body_text"] == "a\ufffdb\ufffd"
    assert event.raw == {"text": "a\ufffdb", "lone": "\ufffd"}


def test_nothing_in_is_nothing_stored(take_in):
    done = take_in()

    assert (done.created, done.duplicates, done.rejected) == (0, 0, 0)
