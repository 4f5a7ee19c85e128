"""Different stages at work on the same conversations."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from app import store
from app.domain.ids import new_id
from app.domain.status import EventStatus
from app.models import Message
from app.services.pipeline.classify import classify
from app.services.pipeline.materialize import materialize
from tests.factories import message
from tests.fakes import ScriptedClassifier

CONVERSATIONS = 40


@pytest.mark.shows("G2")
@pytest.mark.parametrize("turn", range(3))
def test_newer_messages_and_decisions_do_not_block_each_other(
    runtime, make, config, turn
):
    """Storing a message shares its conversation's key while deciding locks it: in opposite
    order this deadlocked."""
    current = replace(runtime, classifier=ScriptedClassifier())
    threads = [f"t{number}" for number in range(CONVERSATIONS)]
    older = make.events(config, *(message(external_thread_id=one) for one in threads))
    materialize(current, make.materialize_job(config, older))
    newer = make.events(
        config, *(message(external_thread_id=one) for one in threads[::-1])
    )
    start = Barrier(2)

    def decide():
        start.wait(10)
        return classify(current, make.classify_job(config, older))

    def place():
        start.wait(10)
        return materialize(current, make.materialize_job(config, newer))

    with ThreadPoolExecutor(2) as pool:
        decided, placed = pool.submit(decide), pool.submit(place)

    assert placed.result().counts == {EventStatus.MATERIALIZED: CONVERSATIONS}
    assert set(decided.result().counts) <= {EventStatus.DECIDED, EventStatus.SUPERSEDED}
    finished = [make.event(event_id) for event_id in older]
    assert all(event.finished_at is not None for event in finished)


def test_a_conversation_can_be_locked_while_a_message_of_it_is_stored(
    runtime, make, config
):
    (event_id,) = make.events(config, message())
    materialize(runtime, make.materialize_job(config, [event_id]))
    event = make.event(event_id)

    with runtime.transaction(config.workspace_id) as storing:
        store.messages.add_new(storing, [another_message(storing, event)])
        with runtime.transaction(config.workspace_id) as locking:
            impatient(locking)
            locked = store.conversations.lock(locking, [event.conversation_id])
        with runtime.transaction(config.workspace_id) as deciding:
            impatient(deciding)
            saved = store.conversations.save_decisions(deciding, [decision_on(event)])

    assert list(locked) == [event.conversation_id]
    assert [row.message_id for row in saved.values()] == [event.message_id]


def test_who_waits_for_a_conversation_reads_it_as_it_is_then(runtime, make, config):
    """Joined in the statement that waited, the head that took over meanwhile had no message."""
    (note,) = make.events(config, message(headers={"auto-submitted": "auto-replied"}))
    materialize(runtime, make.materialize_job(config, [note]))
    automatic = make.event(note)
    head = {
        "id": automatic.conversation_id,
        "last_inbound_message_id": automatic.message_id,
    }
    with runtime.transaction(config.workspace_id) as tx:
        store.conversations.save_newest(tx, [{**head, "last_inbound_message_id": None}])

    def wait_and_lock():
        with runtime.transaction(config.workspace_id) as tx:
            return store.conversations.lock(tx, [automatic.conversation_id])

    with ThreadPoolExecutor(1) as pool:
        with runtime.transaction(config.workspace_id) as tx:
            store.conversations.save_newest(tx, [head])
            waiting = pool.submit(wait_and_lock)
            until_somebody_waits(runtime)
        (locked,) = waiting.result(10).values()

    assert locked.last_inbound_message_id == automatic.message_id
    assert locked.last_inbound_is_automatic


def until_somebody_waits(runtime):
    deadline = time.monotonic() + 10
    with runtime.database.engine.connect() as connection:
        while not connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ).scalar():
            assert time.monotonic() < deadline
            connection.rollback()
            time.sleep(0.01)


def impatient(tx):
    tx.session.connection().exec_driver_sql("SET LOCAL lock_timeout = '500ms'")


def another_message(tx, event):
    stored = store.messages.of_ids(tx, [event.message_id])[event.message_id]
    row = {column.name: getattr(stored, column.name) for column in Message.__table__.c}
    return row | {"id": new_id(), "external_id": "another@example.com"}


def decision_on(event):
    return {
        "id": event.conversation_id,
        "message_id": event.message_id,
        "decision": "quick_win",
        "category": "order",
        "confidence": 0.9,
        "reason": "asks about an order",
    }
