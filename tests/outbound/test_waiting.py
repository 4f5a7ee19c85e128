"""What waits to be sent is counted, and somebody is told when nobody sends it."""

from datetime import UTC, datetime, timedelta

import pytest

from app import store
from app.domain.status import ConfigStatus
from app.services.operations.supervise import supervise


@pytest.mark.shows("K6")
def test_depths_count_what_is_to_be_sent_until_it_is(answer, dispatch, depth):
    answer("One")
    answer("Two")
    before = depth()

    dispatch()

    assert (before, depth()) == (2, 0)


def test_what_is_to_be_sent_later_is_counted_from_its_time_on(answer, due_now, depth):
    answer(send_at=datetime.now(UTC) + timedelta(hours=1))
    before = depth()

    due_now()

    assert (before, depth()) == (0, 1)


@pytest.mark.shows("K5", "K6")
@pytest.mark.parametrize(
    ("minutes", "kinds"),
    [
        (1, set()),
        (3, {"workers_idle"}),
        (6, {"workers_idle", "queue_old"}),
    ],
)
def test_messages_that_nobody_sends_are_an_incident(answer, wait, look, minutes, kinds):
    answer("One")
    answer("Two")
    wait(timedelta(minutes=minutes))

    found = look()

    assert found.keys() == kinds
    assert {one.details["status"] for one in found.values()} <= {"to_send"}


def test_what_waits_behind_one_that_is_tried_again_is_not_late(
    world, answer, wait, look
):
    first, _ = answer("One")[0], answer("Two")
    wait(timedelta(hours=1))
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE outbound_messages SET first_tried_at = now(), "
            "next_attempt_at = now() + interval '1 minute' "
            f"WHERE id = '{first.id}'"
        )

    assert look() == {}


def test_what_waits_for_a_paused_account_is_not_late(
    world, workspace, account, answer, wait, look
):
    answer()
    wait(timedelta(hours=1))
    with world.transaction(workspace.id) as tx:
        store.tenants.set_config_status(tx, account.id, ConfigStatus.PAUSED, "by test")

    assert look() == {}


@pytest.fixture
def depth(world):
    """How much is to be sent, as operators see it."""

    def depth():
        with world.system_transaction() as tx:
            rows = {row["queue"]: row for row in store.reports.queue_depths(tx)}
        return rows["bb_outbound_jobs"]["depth"]

    return depth


@pytest.fixture
def wait(world):
    """Let the messages of the queue have waited so long."""

    def wait(time):
        with world.database.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE outbound_messages SET updated_at = now() - %(time)s",
                {"time": time},
            )

    return wait


@pytest.fixture
def look(world):
    """Supervise once; returns the open incidents by kind."""

    def look():
        supervise(world, forced=True)
        with world.system_transaction() as tx:
            return {one.kind: one for one in store.incidents.find(tx)}

    return look
