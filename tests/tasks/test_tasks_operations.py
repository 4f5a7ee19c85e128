"""What runs on beat's tick."""

from datetime import timedelta

import pytest

from app import store
from app.jobs.contracts import Scheduled
from app.models import ScheduledRun
from app.services.operations.schedule import list_scheduled
from tests.factories import message


@pytest.mark.shows("K1", "K2")
def test_a_tick_rings_for_what_is_due(pipeline, runtime, make, config, broker):
    from tasks import operations

    (event_id,) = make.events(config, message())
    age(runtime, "message_events", "rung_at")

    operations.sweep()

    (doorbell,) = broker.peek("bb_ingest_jobs")
    assert doorbell["task"] == "pipeline.materialize"
    assert str(event_id) in doorbell["args"]


@pytest.mark.shows("K7")
def test_ticks_of_two_beats_do_the_work_of_one(pipeline, runtime, make, config, broker):
    from tasks import operations

    make.events(config, message())
    age(runtime, "message_events", "rung_at")
    operations.sweep()
    age(runtime, "message_events", "rung_at")

    operations.sweep()

    assert broker.depths()["bb_ingest_jobs"] == 1


@pytest.mark.shows("K5")
def test_a_tick_of_the_supervisor_opens_an_incident(pipeline, runtime, make, config):
    from tasks import operations

    make.events(config, message())
    age(runtime, "message_events", "updated_at")

    operations.supervise()
    operations.supervise()

    with runtime.system_transaction() as tx:
        counts = {one.kind: one.count for one in store.incidents.find(tx)}
    assert counts["events_stalled"] == 1


def test_a_notice_of_dead_letters_is_a_line_in_the_log(pipeline, log_lines):
    from tasks import operations

    operations.notice_dead_letters({"job_type": "DEAD_LETTER", "letter_ids": ["x"]})

    (line,) = log_lines()
    assert (line["event"], line["level"]) == ("dead letters", "warning")
    assert line["letter_ids"] == ["x"]


@pytest.mark.shows("K7")
def test_a_tick_rings_once_for_a_scheduled_job_and_the_job_runs_it(
    pipeline, runtime, workspace, broker
):
    from tasks import operations

    operations.tick_schedules()
    operations.tick_schedules()

    (doorbell,) = broker.peek("bb_ops_jobs")
    assert doorbell["task"] == "operations.run_scheduled"
    (scheduled,) = list_scheduled(runtime)
    job = Scheduled(workspace_id=workspace.id, scheduled_id=scheduled.id)
    operations.run_scheduled(job.payload())
    operations.run_scheduled(job.payload())
    with runtime.system_transaction() as tx:
        runs = [(one.kind, one.outcome) for one in tx.session.query(ScheduledRun)]
    assert runs == [("retention", "done")]


def age(runtime, table, column):
    with runtime.system_transaction() as tx:
        tx.session.connection().exec_driver_sql(
            f"UPDATE {table} SET {column} = %s", (tx.now - timedelta(hours=1),)
        )
