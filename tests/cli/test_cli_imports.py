"""`import`: from a file at once, from a provider through the workers."""

from uuid import UUID

import pytest

from app import store
from app.domain.status import RunState
from app.services import accounts

MBOX = b"""\
From anna@example.com Mon Nov  2 09:00:00 2026
From: Anna <anna@example.com>
To: shop@shop.example
Subject: Where is it?
Message-ID: <a@x>
Date: Mon, 02 Nov 2026 09:00:00 +0000

A turquoise kettle.

From shop@shop.example Mon Nov  2 10:00:00 2026
From: shop@shop.example
To: Anna <anna@example.com>
Subject: Re: Where is it?
Message-ID: <b@x>
In-Reply-To: <a@x>
Date: Mon, 02 Nov 2026 10:00:00 +0000

On its way.
"""


@pytest.mark.shows("B5")
def test_a_mailbox_is_imported_and_again_adds_nothing(
    bizzybee, runtime, broker, workspace, config, mbox
):
    words = ("import", "mbox", "-w", workspace.name, "-c", config.name, mbox, "--json")

    first = bizzybee(*words).json
    again = bizzybee(*words).json

    assert first | {"run_id": ""} == {
        "run_id": "",
        "state": "completed",
        "created": 2,
        "duplicates": 0,
        "rejected": 0,
        "truncated": False,
    }
    assert (again["created"], again["duplicates"]) == (0, 2)
    assert broker.depths()["bb_ingest_jobs"] == 1
    with runtime.system_transaction() as tx:
        events = store.events.find(tx)
    assert {event.external_id for event in events} == {"a@x", "b@x"}
    assert {event.run_id for event in events} == {UUID(first["run_id"])}


@pytest.mark.shows("A16")
def test_a_cap_ends_an_import_and_says_so(bizzybee, workspace, config, mbox):
    done = bizzybee(
        *("import", "mbox", "-w", workspace.name, "-c", config.name),
        *("--cap", "1", mbox, "--json"),
    ).json

    assert (done["created"], done["truncated"]) == (1, True)


def test_an_import_from_a_provider_is_queued_once(
    bizzybee, runtime, broker, workspace, config
):
    words = ("import", "aurinko", "-w", workspace.name, "-c", config.name, "--json")

    first = bizzybee(*words)
    second = bizzybee(*words)

    (doorbell,) = broker.peek("bb_import_jobs")
    assert first.json["run_id"] in doorbell["args"]
    assert (second.code, second.out) == (1, "")
    assert second.err == "an import of this account is going already\n"


def test_an_import_over_imap_is_queued(bizzybee, make, broker, workspace):
    config = make.config(workspace, provider="imap")

    done = bizzybee(
        *("import", "imap", "-w", workspace.name, "-c", config.name),
        *("--mode", "history", "--cap", "7", "--json"),
    )

    (doorbell,) = broker.peek("bb_import_jobs")
    assert done.json["run_id"] in doorbell["args"]


def test_an_import_from_another_provider_is_refused(
    bizzybee, broker, workspace, config
):
    done = bizzybee("import", "imap", "-w", workspace.name, "-c", config.name)

    assert done.code == 1
    assert done.err == f"{config.name} is an account of aurinko, not of imap\n"
    assert set(broker.depths().values()) == {0}


@pytest.mark.shows("L6")
def test_the_demo_goes_on_with_an_import_that_was_broken_off(
    bizzybee, runtime, make, workspace, config
):
    from app.cli.demo import broken_off

    make.run(make.config(workspace))
    assert broken_off(workspace, config) is None
    run = make.run(config)
    assert broken_off(workspace, config) == run.id

    with runtime.system_transaction() as tx:
        store.runs.end(tx, run.id, RunState.CANCELLED)
    assert broken_off(workspace, config) is None


def test_a_paused_account_is_not_imported(bizzybee, broker, workspace, config):
    bizzybee("config", "pause", "-w", workspace.name, config.name)

    done = bizzybee("import", "aurinko", "-w", workspace.name, "-c", config.name)

    assert (done.code, done.err) == (1, "the account is paused: by cli\n")
    assert set(broker.depths().values()) == {0}


@pytest.mark.parametrize(
    "words",
    [("--cap", "0"), ("--mode", "everything"), ()],
    ids=["no cap", "no such mode", "no such file"],
)
def test_what_cannot_be_imported_is_a_usage_error(
    bizzybee, runtime, workspace, config, mbox, words
):
    path = mbox if words else mbox.with_name("nothing.mbox")

    done = bizzybee(
        "import", "mbox", "-w", workspace.name, "-c", config.name, *words, path
    )

    assert (done.code, done.out) == (2, "")
    with runtime.system_transaction() as tx:
        assert store.runs.newest_first(tx) == []


@pytest.mark.shows("L1")
def test_nothing_is_imported_into_an_account_of_another_workspace(
    bizzybee, runtime, make, config, mbox
):
    other = make.workspace()

    done = bizzybee("import", "mbox", "-w", other.name, "-c", config.id, mbox)

    assert done.code == 1
    assert done.err.startswith(f"no account '{config.id}'")
    with runtime.system_transaction() as tx:
        assert store.events.find(tx) == []
    assert accounts.find_config(runtime, config.workspace_id, str(config.id))


@pytest.fixture
def mbox(tmp_path):
    path = tmp_path / "test.mbox"
    path.write_bytes(MBOX)
    return path
