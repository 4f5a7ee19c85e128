"""Different stages at work on the same conversations."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from app.domain.status import EventStatus
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
