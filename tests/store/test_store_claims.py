"""Claims on events: who works on what, and for how long."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import pytest

from app import store
from app.domain.status import EventStatus
from app.jobs.publishing import NoPublisher
from app.services.pipeline.materialize import materialize
from tests.factories import message

LEASE = timedelta(minutes=3)
SECOND = timedelta(seconds=1)


@pytest.mark.shows("K4")
def test_a_claim_counts_the_attempt_before_any_work(runtime, make, config, claim):
    ids = make.events(config, message(), message())

    taken = claim(ids)

    assert taken.ids == ids
    assert [event.attempts for event in taken.events] == [1, 1]
    for event in map(make.event, ids):
        assert event.attempts == 1
        assert event.lease_token == taken.token
        assert event.lease_expires_at - event.updated_at == LEASE
        assert event.status is EventStatus.RECEIVED


def test_a_claim_brings_what_stages_need(make, config, claim):
    run = make.run(config)
    (event_id,) = make.events(config, message(external_id="a@x"), run=run)

    (event,) = claim([event_id]).events

    assert event.id == event_id
    assert event.workspace_id == config.workspace_id
    assert (event.channel, event.config_id) == ("email", config.id)
    assert (event.external_id, event.run_id) == ("a@x", run.id)
    assert event.payload["subject"] == "Where is my order?"
    assert (event.conversation_id, event.message_id) == (None, None)


@pytest.mark.shows("B1")
def test_what_is_claimed_cannot_be_claimed_again(make, config, claim):
    ids = make.events(config, message())
    first = claim(ids)

    second = claim(ids)

    assert second.events == []
    event = make.event(ids[0])
    assert (event.attempts, event.lease_token) == (1, first.token)


@pytest.mark.shows("B1")
def test_a_second_connection_takes_nothing_and_does_not_wait(
    runtime, make, config, claim
):
    ids = make.events(config, message(), message())

    with runtime.transaction(config.workspace_id) as first:
        held = take(first, ids[:1])
        with runtime.transaction(config.workspace_id) as second:
            left = take(second, ids)

    assert held.ids == ids[:1]
    assert left.ids == ids[1:]


@pytest.mark.shows("B1", "K3")
def test_of_many_workers_each_event_goes_to_one(runtime, make, config):
    ids = make.events(config, *(message() for _ in range(50)))
    start = Barrier(4)

    def work(_):
        with runtime.transaction(config.workspace_id) as tx:
            start.wait(10)
            return take(tx, ids).ids

    with ThreadPoolExecutor(4) as pool:
        taken = [one for ids in pool.map(work, range(4)) for one in ids]

    assert sorted(taken) == sorted(ids)
    assert {make.event(one).attempts for one in ids} == {1}


@pytest.mark.parametrize(
    ("columns", "is_due"),
    [
        ({}, True),
        ({"status": "materialized"}, False),
        ({"status": "stored", "finished_at": "now"}, False),
        ({"finished_at": "now"}, False),
        ({"lease_expires_at": SECOND}, False),
        ({"lease_expires_at": -SECOND}, True),
        ({"next_attempt_at": SECOND}, False),
        ({"next_attempt_at": -SECOND}, True),
        ({"lease_expires_at": -SECOND, "next_attempt_at": SECOND}, False),
        ({"lease_expires_at": SECOND, "next_attempt_at": -SECOND}, False),
    ],
    ids=[
        "just arrived",
        "in another state",
        "ended",
        "ended, whatever its state",
        "a lease that still holds",
        "a lease that has lapsed",
        "a back-off that lasts",
        "a back-off that is over",
        "lapsed, but waiting",
        "waited, but held",
    ],
)
def test_only_what_is_due_is_claimed(
    make, config, claim, set_row, now, columns, is_due
):
    (event_id,) = make.events(config, message())
    if columns:
        moment = now()
        set_row("message_events", event_id, **at(moment, columns))
    before = make.event(event_id).attempts

    taken = claim([event_id])

    assert taken.ids == ([event_id] if is_due else [])
    assert make.event(event_id).attempts == before + is_due


def test_only_the_events_that_are_named_are_claimed(make, config, claim):
    named, other = make.events(config, message(), message())

    taken = claim([named, uuid4()])

    assert taken.ids == [named]
    assert make.event(other).attempts == 0


def test_no_names_claim_nothing(make, config, claim):
    make.events(config, message())

    assert claim([]).events == []


@pytest.mark.shows("L1")
def test_another_tenants_events_are_not_claimed(runtime, make, config):
    ids = make.events(config, message())

    with runtime.transaction(make.workspace().id) as tx:
        taken = take(tx, ids)

    assert taken.events == []
    assert make.event(ids[0]).attempts == 0


@pytest.fixture
def overtaken(make, config, claim, set_row, now):
    """A worker whose lease has lapsed, and the one that took over."""
    (event_id,) = make.events(config, message())
    slow = claim([event_id])
    set_row("message_events", event_id, lease_expires_at=now() - SECOND)
    quick = claim([event_id])
    assert quick.ids == [event_id]
    return event_id, slow, quick


def test_a_lapsed_lease_is_taken_over_and_counted(make, overtaken):
    event_id, slow, quick = overtaken

    event = make.event(event_id)

    assert quick.token != slow.token
    assert (event.attempts, event.lease_token) == (2, quick.token)


WRITES = {
    "materialized": lambda tx, claim, one: store.claims.save_materialized(
        tx, claim, [placed(one)]
    ),
    "decided": lambda tx, claim, one: store.claims.save_decided(
        tx, claim, [{"id": one, "decision": {}, "reason": None, "finished": True}]
    ),
    "finished": lambda tx, claim, one: store.claims.finish(
        tx, claim, [one], status=EventStatus.DRAFTED, reason=None
    ),
    "put off": lambda tx, claim, one: store.claims.put_off(
        tx, claim, one, until=tx.now, error="slow", counted=True
    ),
    "failed": lambda tx, claim, one: store.claims.fail(tx, claim, one, "slow"),
    "locked": lambda tx, claim, one: store.claims.lock(tx, claim),
}


@pytest.mark.shows("K3")
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_who_was_overtaken_changes_nothing(runtime, make, config, overtaken, write):
    event_id, slow, _ = overtaken
    before = columns_of(make.event(event_id))

    with runtime.transaction(config.workspace_id) as tx:
        written = write(tx, slow, event_id)

    assert not written
    assert columns_of(make.event(event_id)) == before


@pytest.mark.shows("K3")
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_who_was_overtaken_changes_nothing_after_a_reset(
    runtime, make, config, claim, set_row, now, write
):
    """An operator sends the event on again while its first worker still believes to hold it."""
    (event_id,) = make.events(config, message())
    slow = claim([event_id])
    set_row("message_events", event_id, lease_expires_at=now() - SECOND)
    with runtime.system_transaction() as tx:
        store.events.reset(tx, [event_id], status=EventStatus.RECEIVED)
    before = columns_of(make.event(event_id))

    with runtime.transaction(config.workspace_id) as tx:
        written = write(tx, slow, event_id)

    assert not written
    assert columns_of(make.event(event_id)) == before


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_who_holds_the_lease_may_write(runtime, make, config, overtaken, write):
    """The counterpart: else the tests above would show nothing."""
    event_id, _, quick = overtaken
    before = columns_of(make.event(event_id))

    with runtime.transaction(config.workspace_id) as tx:
        written = write(tx, quick, event_id)

    assert written or columns_of(make.event(event_id)) != before


@pytest.mark.parametrize(
    ("counted", "attempts"), [(True, 1), (False, 0)], ids=["counted", "not counted"]
)
@pytest.mark.shows("A17")
def test_an_event_that_is_put_off_comes_back_when_its_time_comes(
    runtime, make, config, claim, set_row, now, counted, attempts
):
    (event_id,) = make.events(config, message())
    taken = claim([event_id])
    until = now() + timedelta(minutes=1)

    with runtime.transaction(config.workspace_id) as tx:
        store.claims.put_off(
            tx, taken, event_id, until=until, error="busy", counted=counted
        )

    event = make.event(event_id)
    assert (event.attempts, event.next_attempt_at) == (attempts, until)
    assert (event.lease_token, event.lease_expires_at) == (None, None)
    assert (event.status, event.last_error) == (EventStatus.RECEIVED, "busy")
    assert event.finished_at is None
    assert claim([event_id]).events == []

    set_row("message_events", event_id, next_attempt_at=now())

    (again,) = claim([event_id]).events
    assert again.attempts == attempts + 1


def test_a_failed_event_is_over(runtime, make, config, claim):
    (event_id,) = make.events(config, message())
    taken = claim([event_id])

    with runtime.transaction(config.workspace_id) as tx:
        failed = store.claims.fail(tx, taken, event_id, "cannot be read")

    event = make.event(event_id)
    assert failed
    assert (event.status, event.reason) == (EventStatus.FAILED, "dead_lettered")
    assert (event.last_error, event.finished_at) == ("cannot be read", tx.now)
    assert (event.lease_token, event.lease_expires_at) == (None, None)
    assert claim([event_id]).events == []


def test_a_stage_that_is_done_begins_the_next_with_no_attempt(
    runtime, make, config, claim
):
    (event_id,) = make.events(config, message())
    taken = claim([event_id])

    with runtime.transaction(config.workspace_id) as tx:
        store.claims.save_materialized(tx, taken, [placed(event_id)])

    event = make.event(event_id)
    assert (event.status, event.attempts) == (EventStatus.MATERIALIZED, 0)
    assert (event.materialized_at, event.finished_at) == (tx.now, None)
    assert (event.lease_token, event.next_attempt_at) == (None, None)
    # Its next job is published with this commit.
    assert event.rung_at == tx.now


@pytest.mark.shows("G2")
def test_a_newer_message_ends_the_events_before_it(runtime, make, config):
    older, newer = thread_of_two(runtime, make, config)

    first, second = make.event(older), make.event(newer)

    assert (first.status, first.reason) == (EventStatus.SUPERSEDED, "newer_message")
    assert first.superseded_by == newer
    assert first.finished_at is not None
    assert (second.status, second.superseded_by) == (EventStatus.MATERIALIZED, None)


@pytest.mark.shows("G2")
def test_an_event_that_ends_superseded_names_its_successor(
    runtime, make, config, claim
):
    older, newer = thread_of_two(runtime, make, config)
    with runtime.system_transaction() as tx:
        store.events.reset(tx, [older], status=EventStatus.MATERIALIZED)
    taken = claim([older], status=EventStatus.MATERIALIZED)

    with runtime.transaction(config.workspace_id) as tx:
        store.claims.finish(
            tx, taken, [older], status=EventStatus.SUPERSEDED, reason="newer_message"
        )

    event = make.event(older)
    assert event.superseded_by == newer
    assert event.finished_at == tx.now
    assert event.drafted_at is None


def test_other_conversations_are_not_superseded(runtime, make, config):
    ids = make.events(config, message(external_id="a@x"), message(external_id="b@x"))

    materialize(runtime, make.materialize_job(config, ids))

    assert [make.event(one).status for one in ids] == [EventStatus.MATERIALIZED] * 2


def test_a_reset_leaves_alone_what_is_being_worked_on(runtime, make, config, claim):
    held, free = make.events(config, message(), message())
    claim([held])

    with runtime.system_transaction() as tx:
        done = store.events.reset(tx, [held, free], status=EventStatus.DECIDED)

    assert done == [free]
    assert make.event(held).status is EventStatus.RECEIVED
    assert make.event(free).status is EventStatus.DECIDED
    assert make.event(free).rung_at == tx.now


def take(tx, ids, status=EventStatus.RECEIVED):
    return store.claims.take(tx, ids, status=status, lease=LEASE)


def at(moment, columns):
    """Intervals count from this moment."""
    return {
        name: moment + value
        if isinstance(value, timedelta)
        else (moment if value == "now" else value)
        for name, value in columns.items()
    }


def placed(event_id):
    return {
        "id": event_id,
        "status": "materialized",
        "reason": None,
        "finished": False,
        "conversation_id": None,
        "message_id": None,
        "superseded_by": None,
    }


def columns_of(event):
    return {
        column.name: getattr(event, column.name) for column in event.__table__.columns
    }


def thread_of_two(runtime, make, config):
    first = message(external_id="a@x")
    reply = message(external_id="b@x", in_reply_to="a@x", references=["a@x"])
    (older,) = make.events(config, first)
    materialize(runtime, make.materialize_job(config, [older]))
    (newer,) = make.events(config, reply)
    materialize(runtime, make.materialize_job(config, [newer]))
    return older, newer


@pytest.fixture
def claim(runtime, config):
    """Takes events in a transaction of its own."""

    def claim(ids, status=EventStatus.RECEIVED):
        with runtime.database.transaction(config.workspace_id, NoPublisher()) as tx:
            return take(tx, ids, status)

    return claim
