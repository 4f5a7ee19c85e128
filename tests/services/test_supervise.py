"""Noticing what gets stuck."""

from datetime import timedelta

import pytest

from app import store
from app.services.operations.supervise import supervise
from app.services.pipeline.materialize import materialize
from tests.factories import message

QUIET = {
    "run_stalled": 0,
    "events_stalled": 0,
    "queue_old": 0,
    "files_waiting": 0,
    "workers_idle": 0,
    "account_silent": 0,
    "sends_uncertain": 0,
}


@pytest.fixture
def set_rows(runtime):
    """Set columns to moments so long ago: `set_rows("message_events", updated_at=…)`."""

    def set_rows(table, **ages):
        assignments = ", ".join(f"{name} = now() - %({name})s" for name in ages)
        with runtime.system_transaction() as tx:
            tx.session.connection().exec_driver_sql(
                f"UPDATE {table} SET {assignments}", ages
            )

    return set_rows


@pytest.fixture
def look(runtime):
    """Supervise once; returns the open incidents by kind."""

    def look():
        supervise(runtime, forced=True)
        with runtime.system_transaction() as tx:
            return {one.kind: one for one in store.incidents.find(tx)}

    return look


def test_where_all_goes_well_there_is_nothing_to_say(runtime, make, config):
    make.events(config, message())

    assert supervise(runtime, forced=True) == QUIET


@pytest.mark.shows("K5")
def test_a_stalled_event_is_one_incident_that_resolves_and_reopens(
    make, config, set_rows, look
):
    make.events(config, message())
    set_rows("message_events", updated_at=timedelta(minutes=16))

    first, again = look()["events_stalled"], look()["events_stalled"]
    set_rows("message_events", updated_at=timedelta(minutes=14))
    cleared = look()
    set_rows("message_events", updated_at=timedelta(minutes=16))
    reopened = look()["events_stalled"]

    assert (first.count, again.count) == (1, 2)
    assert "events_stalled" not in cleared
    assert reopened.id == first.id
    assert (reopened.count, reopened.first_seen_at) == (3, first.first_seen_at)


@pytest.mark.shows("K5")
@pytest.mark.parametrize(("minutes", "stalled"), [(9, False), (11, True)])
def test_a_run_without_a_heartbeat_is_stalled(
    make, config, set_rows, look, minutes, stalled
):
    make.run(config)
    set_rows("pipeline_runs", heartbeat_at=timedelta(minutes=minutes))

    assert ("run_stalled" in look()) is stalled


@pytest.mark.shows("K6")
@pytest.mark.parametrize(("seconds", "late"), [(299, False), (301, True)])
def test_what_waits_too_long_for_a_worker_is_an_incident(
    make, config, set_rows, look, seconds, late
):
    make.events(config, message())
    set_rows("message_events", updated_at=timedelta(seconds=seconds))

    assert ("queue_old" in look()) is late


def test_work_that_waits_while_its_stage_does_nothing_is_critical(
    runtime, make, config, set_rows, look
):
    ids = make.events(config, message())
    set_rows("message_events", updated_at=timedelta(minutes=3))
    idle = look()["workers_idle"]

    with runtime.transaction(config.workspace_id) as tx:
        store.audit.record(
            tx,
            make.materialize_job(config, ids),
            [store.audit.EventOutcome(None, "materialized", 1)],
            started_at=tx.now,
        )

    assert idle.severity == "critical"
    assert "workers_idle" not in look()


def test_what_waits_for_its_back_off_is_not_late(make, config, set_rows, look):
    make.events(config, message())
    set_rows(
        "message_events",
        updated_at=timedelta(hours=1),
        next_attempt_at=timedelta(minutes=-5),
    )

    assert look() == {}


@pytest.mark.shows("A22")
@pytest.mark.parametrize(("hours", "silent"), [(5, False), (7, True)])
def test_an_account_that_falls_silent_is_an_incident(
    runtime, make, config, set_rows, look, hours, silent
):
    ids = make.events(config, *(message(sender=f"p{n}@example.com") for n in range(20)))
    with runtime.system_transaction() as tx:
        for place, event_id in enumerate(ids):
            tx.session.connection().exec_driver_sql(
                "UPDATE message_events SET finished_at = now(),"
                " received_at = now() - make_interval(hours => %s, mins => %s)"
                " WHERE id = %s",
                (hours, 5 * place, str(event_id)),
            )

    assert ("account_silent" in look()) is silent


@pytest.mark.shows("K7")
def test_two_supervisors_do_the_work_of_one(runtime):
    assert supervise(runtime) == QUIET
    assert supervise(runtime) == {}


@pytest.mark.shows("A19", "K5")
@pytest.mark.parametrize(("minutes", "late"), [(4, False), (6, True)])
def test_files_that_nobody_keeps_are_noticed(
    runtime, make, config, set_rows, look, minutes, late
):
    files = [{"url": "https://files.example/a"}, {"url": "https://files.example/b"}]
    (event_id,) = make.events(config, message(attachments=files))
    materialize(runtime, make.materialize_job(config, [event_id]))
    set_rows("attachments", updated_at=timedelta(minutes=minutes))

    found = look().get("files_waiting")

    assert (found is not None) is late
    if late:
        assert found.details["files"] == 2
        assert found.workspace_id == config.workspace_id
