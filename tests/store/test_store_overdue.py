"""What the sweep finds: unfinished events that nobody works on."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from app import store
from app.domain.status import EventStatus
from tests.factories import message

GRACE = timedelta(seconds=30)
SECOND = timedelta(seconds=1)
OLD = -timedelta(minutes=5)

UNFINISHED = [
    EventStatus.RECEIVED,
    EventStatus.MATERIALIZED,
    EventStatus.CLASSIFIED,
    EventStatus.DECIDED,
]


@pytest.mark.shows("K1", "K2")
@pytest.mark.parametrize(
    ("columns", "is_overdue"),
    [
        ({"rung_at": None}, True),
        ({"rung_at": -GRACE - SECOND}, True),
        ({"rung_at": -GRACE + SECOND}, False),
        ({"rung_at": OLD, "lease_expires_at": SECOND}, False),
        ({"rung_at": OLD, "lease_expires_at": -SECOND}, True),
        ({"rung_at": OLD, "next_attempt_at": SECOND}, False),
        ({"rung_at": OLD, "next_attempt_at": -SECOND}, True),
        ({"rung_at": -5 * SECOND, "next_attempt_at": -SECOND}, True),
        ({"rung_at": -SECOND, "next_attempt_at": -5 * SECOND}, False),
        ({"rung_at": OLD, "finished_at": -SECOND}, False),
    ],
    ids=[
        "never rung for",
        "rung for longer ago than the grace",
        "rung for within the grace",
        "held",
        "its lease has lapsed",
        "its back-off lasts",
        "its back-off is over",
        "its back-off ended after it was rung for",
        "rung for since its back-off ended",
        "ended",
    ],
)
def test_what_is_overdue(overdue, make, config, set_row, now, columns, is_overdue):
    (event_id,) = make.events(config, message())
    moment = now()
    set_row(
        "message_events",
        event_id,
        **{name: value and moment + value for name, value in columns.items()},
    )

    found = overdue()

    assert [event.id for event in found] == ([event_id] if is_overdue else [])


@pytest.mark.parametrize("status", UNFINISHED)
def test_every_state_that_is_not_finished_counts(
    overdue, make, config, set_row, status
):
    (event_id,) = make.events(config, message())
    set_row("message_events", event_id, status=status.value, rung_at=None)

    (found,) = overdue()

    assert (found.id, found.status) == (event_id, status)
    assert (found.workspace_id, found.config_id) == (config.workspace_id, config.id)


def test_of_an_import_only_the_states_that_are_asked_for_count(
    overdue, make, config, set_row
):
    run = make.run(config)
    ids = make.events(config, *(message() for _ in UNFINISHED), run=run)
    for event_id, status in zip(ids, UNFINISHED, strict=True):
        set_row("message_events", event_id, status=status.value, rung_at=None)

    found = overdue(statuses=[EventStatus.MATERIALIZED, EventStatus.DECIDED])

    assert {event.id for event in found} == {ids[1], ids[3]}
    assert overdue(statuses=[]) == []
    assert make.event(ids[0]).rung_at is None


@pytest.mark.shows("K8")
def test_a_live_message_is_not_left_behind_an_import(overdue, make, config, set_row):
    (event_id,) = make.events(config, message())
    set_row("message_events", event_id, rung_at=None)

    found = overdue(statuses=[])

    assert [event.id for event in found] == [event_id]


def test_who_takes_the_overdue_rings_for_them(overdue, make, config, set_row, now):
    (event_id,) = make.events(config, message())
    set_row("message_events", event_id, rung_at=None)
    before = now()

    first, second = overdue(), overdue()

    event = make.event(event_id)
    assert (len(first), len(second)) == (1, 0)
    assert event.rung_at > before
    assert event.attempts == 0
    assert event.lease_token is None


def test_the_oldest_come_first_up_to_the_limit(overdue, make, config, set_row, now):
    ids = make.events(config, *(message() for _ in range(3)))
    for age, event_id in enumerate(ids):
        set_row(
            "message_events",
            event_id,
            rung_at=None,
            received_at=now() - age * SECOND * 10,
        )

    first = {event.id for event in overdue(limit=2)}
    rest = {event.id for event in overdue(limit=2)}

    assert first == {ids[2], ids[1]}
    assert rest == {ids[0]}


@pytest.mark.shows("K7")
def test_two_sweeps_at_once_share_the_work(runtime, make, config, set_row):
    ids = make.events(config, *(message() for _ in range(20)))
    for event_id in ids:
        set_row("message_events", event_id, rung_at=None)
    start = Barrier(3)

    def sweep(_):
        with runtime.system_transaction() as tx:
            start.wait(10)
            found = store.events.take_overdue(
                tx, statuses=UNFINISHED, grace=GRACE, limit=50
            )
            return [event.id for event in found]

    with ThreadPoolExecutor(3) as pool:
        taken = [one for ids in pool.map(sweep, range(3)) for one in ids]

    assert sorted(taken) == sorted(ids)


def test_the_overdue_of_every_tenant_are_found(overdue, make, set_row):
    configs = [make.config(make.workspace()) for _ in range(2)]
    for config in configs:
        (event_id,) = make.events(config, message())
        set_row("message_events", event_id, rung_at=None)

    found = overdue()

    assert {event.workspace_id for event in found} == {
        config.workspace_id for config in configs
    }


@pytest.fixture
def overdue(runtime):
    def overdue(limit=100, statuses=UNFINISHED):
        with runtime.system_transaction() as tx:
            return store.events.take_overdue(
                tx, statuses=statuses, grace=GRACE, limit=limit
            )

    return overdue
