"""Recurring work over HTTP: what is scheduled, a tick from outside, how it is doing."""

import pytest

from app import store
from app.domain.status import Scope
from app.jobs.contracts import Scheduled
from app.services.operations import schedule
from app.services.operations.schedule_kinds import NAMES
from tests.factories import message
from tests.http.client import WORKER_TOKEN

OPERATOR = {"x-bb-worker-token": WORKER_TOKEN}


@pytest.fixture
def ops(as_key):
    return as_key(Scope.OPS)


def test_what_is_scheduled_is_listed(client, ops, workspace, foreign):
    answer = client.get("/jobs/scheduler", headers=ops).json

    (job,) = answer["jobs"]
    assert (job["workspace_id"], job["kind"]) == (str(workspace.id), "retention")
    assert (job["enabled"], job["every_seconds"]) == (True, 24 * 3600)
    assert job["last_outcome"] is None
    assert set(answer["not_available"]) == set(NAMES) - {"retention"}


@pytest.mark.shows("K7")
def test_a_tick_from_outside_rings_as_beat_does_and_once(
    client, runtime, ops, workspace, foreign
):
    first = client.post("/jobs/scheduler/tick", headers=ops).json
    again = client.post("/jobs/scheduler/tick", headers=ops).json

    (rung,) = first["rung"]
    assert rung["kind"] == "retention"
    assert again["rung"] == []
    assert [(type(one), one.workspace_id) for one in runtime.publisher.jobs] == [
        (Scheduled, workspace.id)
    ]


@pytest.mark.shows("L6")
def test_operators_tick_for_every_workspace(client, workspace, foreign):
    rung = client.post("/jobs/scheduler/tick", headers=OPERATOR).json["rung"]
    listed = client.get("/jobs/scheduler", headers=OPERATOR).json["jobs"]

    everybody = {str(workspace.id), str(foreign.id)}
    assert {one["workspace_id"] for one in rung} == everybody
    assert {one["workspace_id"] for one in listed} == everybody


def test_the_status_says_what_ran_what_there_is_and_how_far_accounts_are_read(
    client, runtime, ops, workspace, config, arrive, make
):
    arrive(message(), message(sender="ben@example.com"))
    schedule.run_now(runtime, workspace.id, "retention")
    schedule.run_now(runtime, workspace.id, "retention")
    with runtime.system_transaction() as tx:
        store.tenants.set_polling(tx, config.id, 60)
        store.watermarks.add_missing(tx)

    status = client.get("/jobs/status", headers=ops).json

    (run,) = status["job_runs"]
    assert (run["kind"], run["outcome"], run["counts"]) == ("retention", "done", {})
    assert run["duration_ms"] >= 0
    assert status["entities"] == {"contacts": 2, "conversations": 2, "messages": 2}
    (watermark,) = status["sync_watermarks"]
    assert (watermark["account"], watermark["resource"]) == (config.name, "messages")
    storage = status["storage"]
    assert storage["database_bytes"] > 1_000_000
    assert storage["budget_bytes"] == 20_000_000_000
    assert storage["total_bytes"] == storage["database_bytes"] + storage["object_bytes"]
    assert storage["used_pct"] == round(
        storage["total_bytes"] / 20_000_000_000 * 100, 2
    )
    assert (storage["alert"], storage["alert_threshold_pct"]) == (False, 85.0)
    assert storage["tables"]["message_events"] > 0


@pytest.mark.shows("L1")
def test_the_status_of_another_workspace_is_not_told(
    client, runtime, ops, make, foreign
):
    make.events(make.config(foreign), message())
    schedule.run_now(runtime, foreign.id, "retention")

    ours = client.get("/jobs/status", headers=ops).json
    everybody = client.get("/jobs/status", headers=OPERATOR).json

    assert (ours["job_runs"], ours["sync_watermarks"]) == ([], [])
    assert [one["workspace_id"] for one in everybody["job_runs"]] == [str(foreign.id)]
