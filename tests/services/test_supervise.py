"""Noticing what gets stuck."""

from dataclasses import replace
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
    "storage_budget": 0,
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


@pytest.mark.parametrize(
    ("used", "severity"),
    [(84.9, None), (85.1, "warning"), (99.9, "warning"), (100.1, "critical")],
)
def test_room_that_runs_out_is_an_incident_until_there_is_more(
    runtime, make, config, look, used, severity
):
    """The budget is set so that what the database takes now is so many per cent of it."""
    with runtime.system_transaction() as tx:
        room = store.usage.room(tx)
    budget = room.total / used * 100 / 1_000_000_000
    small = replace(runtime, settings=changed(runtime.settings, budget))

    found = supervise(small, forced=True)["storage_budget"]
    incident = open_incidents(runtime).get("storage_budget")

    assert found == (severity is not None)
    assert (incident and incident.severity) == severity
    if incident:
        assert incident.workspace_id is None
        assert "STORAGE_BUDGET_GB" in incident.details["do"]
    assert "storage_budget" not in look()


def test_files_and_archives_take_room_too(runtime, make, config):
    with runtime.system_transaction() as tx:
        before = store.usage.room(tx).objects
        store.archives.add(
            tx,
            {
                "workspace_id": config.workspace_id,
                "kind": "raw",
                "storage_key": "k",
                "sha256": "s",
                "size": 70,
                "count": 1,
                "first_at": tx.now,
                "last_at": tx.now,
            },
        )
        after = store.usage.room(tx).objects

    (event_id,) = make.events(
        config,
        message(
            attachments=[{"url": f"https://a.example/{n}", "size": 5} for n in "ab"]
        ),
    )
    materialize(runtime, make.materialize_job(config, [event_id]))
    with runtime.system_transaction() as tx:
        listed = store.usage.room(tx).objects
        tx.session.connection().exec_driver_sql(
            "UPDATE attachments SET state = 'stored', storage_key = 'f'"
        )
        stored = store.usage.room(tx).objects

    assert (before, after, listed, stored) == (0, 70, 70, 75)


def changed(settings, budget):
    return settings.model_copy(update={"storage_budget_gb": budget})


def open_incidents(runtime):
    with runtime.system_transaction() as tx:
        return {one.kind: one for one in store.incidents.find(tx)}
