"""`schedule`, `archive`: recurring work and what it moved away."""

from uuid import uuid4

import pytest

from app.services.operations.schedule_kinds import NAMES
from tests.factories import message


@pytest.fixture
def old(make, config, runtime):
    """An event that is done with for longer than it is kept."""
    (event_id,) = make.events(config, message())
    with runtime.system_transaction() as tx:
        tx.session.connection().exec_driver_sql(
            "UPDATE message_events SET raw = '{\"a\": 1}', status = 'stored',"
            " finished_at = now(), received_at = now() - interval '181 days'"
        )
    return event_id


def test_what_is_scheduled_is_listed(bizzybee, make, workspace):
    other = make.workspace()

    ours = bizzybee("schedule", "list", "-w", workspace.name, "--json").json
    everybody = bizzybee("schedule", "list", "--json").json
    table = bizzybee("schedule", "list").out

    assert [(one["workspace_id"], one["kind"]) for one in ours] == [
        (str(workspace.id), "retention")
    ]
    assert {one["workspace_id"] for one in everybody} == {
        str(workspace.id),
        str(other.id),
    }
    missing = ", ".join(name for name in NAMES if name != "retention")
    assert f"not available in this version: {missing}" in table


@pytest.mark.shows("L6")
def test_a_kind_is_run_by_hand_and_what_it_took_is_brought_back(
    bizzybee, make, workspace, old
):
    done = bizzybee("schedule", "run", "-w", workspace.name, "retention", "--json").json
    (archive,) = bizzybee("archive", "list", "-w", workspace.name, "--json").json
    gone = make.event(old).raw
    restored = bizzybee("archive", "restore", archive["id"], "--json").json

    assert done["last_outcome"] == "done"
    assert (archive["kind"], archive["count"]) == ("raw", 1)
    assert gone is None
    assert (restored["held"], restored["restored"]) == (1, 1)
    assert make.event(old).raw == {"a": 1}


def test_without_a_kind_whatever_is_due_is_rung_for(bizzybee, broker, workspace):
    first = bizzybee("schedule", "run", "--json").json
    again = bizzybee("schedule", "run").err

    assert [one["kind"] for one in first["rung"]] == ["retention"]
    assert again == "rung for 0 jobs\n"
    (doorbell,) = broker.peek("bb_ops_jobs")
    assert doorbell["task"] == "operations.run_scheduled"


@pytest.mark.shows("L6")
def test_a_kind_is_switched_off_and_on(bizzybee, workspace):
    def switch(*words):
        return bizzybee("schedule", *words, "-w", workspace.name, "retention")

    off, refused = switch("disable"), switch("run")
    on = switch("enable", "--every-minutes", "90", "--json").json

    assert (off.code, off.err) == (0, "retention is off\n")
    assert refused.code == 1
    assert "retention is switched off" in refused.err
    assert (on["enabled"], on["every_seconds"]) == (True, 5400)


@pytest.mark.parametrize("verb", ["run", "enable", "disable"])
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("tea", "no kind of scheduled job is named 'tea'"),
        ("campaign_scheduler", "campaign_scheduler is not available"),
    ],
)
def test_what_nothing_carries_out_is_refused_in_words(
    bizzybee, workspace, verb, kind, words
):
    done = bizzybee("schedule", verb, "-w", workspace.name, kind)

    assert done.code == 1
    assert words in done.err


def test_to_run_a_kind_one_names_the_workspace(bizzybee, workspace):
    done = bizzybee("schedule", "run", "retention")

    assert (done.code, done.err) == (
        1,
        "name the workspace in which to run it: -w NAME\n",
    )


def test_an_archive_that_is_not_there_is_said_so(bizzybee):
    unknown = uuid4()

    done = bizzybee("archive", "restore", unknown)

    assert (done.code, done.err) == (1, f"no archive {unknown}\n")
