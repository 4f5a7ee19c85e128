"""Imports over HTTP."""

from uuid import UUID, uuid4

import pytest

from app import store
from app.domain.status import ConfigStatus, RunMode, RunState
from app.jobs.contracts import ImportFetch
from app.services.accounts import set_config_status
from tests.factories import message
from tests.http.client import rows


@pytest.fixture
def wanted(workspace, config):
    """The body of a `POST /start-email-import`."""

    def body(**fields):
        return {"workspace_id": str(workspace.id), "config_id": str(config.id)} | fields

    return body


def test_an_import_begins_and_its_first_page_is_rung_for(
    client, runtime, as_key, wanted, workspace, config
):
    response = client.post("/start-email-import", json=wanted(), headers=as_key())

    assert response.status_code == 202
    assert list(response.json) == ["run_id"]
    run_id = UUID(response.json["run_id"])
    assert rows(runtime, "pipeline_runs", "id, mode, state, cap") == [
        (run_id, "triage", "queued", 2500)
    ]
    assert runtime.publisher.jobs == [
        ImportFetch(
            workspace_id=workspace.id,
            run_id=run_id,
            config_id=config.id,
            folder="SENT",
            cap=2500,
        )
    ]


def test_mode_and_cap_are_taken_over(client, runtime, as_key, wanted):
    client.post(
        "/start-email-import",
        json=wanted(mode="history", cap=7),
        headers=as_key(),
    )

    assert rows(runtime, "pipeline_runs", "mode, cap") == [("history", 7)]


@pytest.mark.parametrize(("asked", "given"), [(50_000, 50_000), (10**30, 50_000)])
def test_no_cap_is_larger_than_the_largest(
    client, runtime, as_key, wanted, asked, given
):
    client.post("/start-email-import", json=wanted(cap=asked), headers=as_key())

    assert rows(runtime, "pipeline_runs", "cap") == [(given,)]


def test_a_second_import_of_an_account_is_a_conflict(client, runtime, as_key, wanted):
    headers = as_key()
    client.post("/start-email-import", json=wanted(), headers=headers)
    runtime.publisher.jobs.clear()

    response = client.post("/start-email-import", json=wanted(), headers=headers)

    assert response.status_code == 409
    assert response.json["detail"] == "an import of this account is going already"
    assert len(rows(runtime, "pipeline_runs")) == 1
    assert runtime.publisher.jobs == []


def test_after_one_has_ended_another_may_begin(client, runtime, as_key, wanted, make):
    headers = as_key()
    first = client.post("/start-email-import", json=wanted(), headers=headers)
    with runtime.system_transaction() as tx:
        store.runs.end(tx, UUID(first.json["run_id"]), RunState.CANCELLED)

    response = client.post("/start-email-import", json=wanted(), headers=headers)

    assert response.status_code == 202


def test_an_account_that_is_disconnected_cannot_be_imported(
    client, runtime, as_key, wanted, workspace, config
):
    set_config_status(
        runtime, workspace.id, config.id, status=ConfigStatus.DISCONNECTED
    )

    response = client.post("/start-email-import", json=wanted(), headers=as_key())

    assert response.status_code == 409
    assert rows(runtime, "pipeline_runs") == []


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"mode": "everything"}, "mode"),
        ({"cap": 0}, "cap"),
        ({"cap": "5"}, "cap"),
        ({"cap": 5.5}, "cap"),
        ({"cap": True}, "cap"),
        ({"config_id": "mine"}, "config_id"),
        ({"workspace_id": None}, "workspace_id"),
    ],
)
def test_what_cannot_be_meant_is_refused(client, runtime, as_key, wanted, fields, loc):
    response = client.post(
        "/start-email-import", json=wanted(**fields), headers=as_key()
    )

    assert response.status_code == 400
    assert [fault["loc"] for fault in response.json["errors"]] == [[loc]]
    assert rows(runtime, "pipeline_runs") == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"x": "\xff"}', b"null"])
def test_a_body_that_is_no_json_object_is_refused(client, as_key, body):
    response = client.post("/start-email-import", data=body, headers=as_key())

    assert response.status_code == 400
    assert response.json["errors"]


@pytest.mark.shows("L1")
@pytest.mark.parametrize("whose", ["workspace", "account", "both"])
def test_what_belongs_to_another_workspace_is_not_found(
    client, runtime, make, as_key, wanted, foreign, whose
):
    theirs = {
        "workspace_id": str(foreign.id),
        "config_id": str(make.config(foreign).id),
    }
    fields = {
        "workspace": {"workspace_id": theirs["workspace_id"]},
        "account": {"config_id": theirs["config_id"]},
        "both": theirs,
    }[whose]

    response = client.post(
        "/start-email-import", json=wanted(**fields), headers=as_key()
    )

    assert response.status_code == 404
    assert rows(runtime, "pipeline_runs") == []
    assert runtime.publisher.jobs == []


def test_an_unknown_account_is_not_found(client, as_key, wanted):
    response = client.post(
        "/start-email-import", json=wanted(config_id=str(uuid4())), headers=as_key()
    )

    assert response.status_code == 404


def test_progress_counts_the_events_of_a_run(client, make, as_key, config, workspace):
    run = make.run(config, mode=RunMode.HISTORY, cap=10)
    make.events(config, message(), message(), run=run)
    make.events(config, message())

    response = client.get(f"/api/v1/runs/{run.id}", headers=as_key())

    assert response.status_code == 200
    assert {
        name: response.json[name]
        for name in ("run_id", "workspace_id", "mode", "state", "cap", "finished_at")
    } == {
        "run_id": str(run.id),
        "workspace_id": str(workspace.id),
        "mode": "history",
        "state": "queued",
        "cap": 10,
        "finished_at": None,
    }
    assert (response.json["events"], response.json["finished_events"]) == (2, 0)
    assert response.json["started_at"].endswith("+00:00")


@pytest.mark.shows("L1")
def test_the_run_of_another_workspace_is_not_found(client, make, as_key, foreign):
    run = make.run(make.config(foreign))

    response = client.get(f"/api/v1/runs/{run.id}", headers=as_key())

    assert response.status_code == 404
