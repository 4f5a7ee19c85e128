"""The main job as a user runs it: `make demo`, from nothing, and then again."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from app.config import ROOT
from app.domain.decision import Decision

MAILS = 214

#: Two runs, each with all processes starting on a busy machine.
pytestmark = [pytest.mark.first, pytest.mark.timeout(300)]


@pytest.mark.shows("A15", "B1", "H2")
def test_every_mail_of_the_sample_is_decided_once(runs):
    first, _ = runs

    assert first["import"]["state"] == "completed"
    assert first["import"]["new"] == MAILS
    assert (first["events"], first["messages"], first["unfinished"]) == (
        MAILS,
        MAILS,
        0,
    )
    assert first["stored_twice"] == 0
    assert first["dead_letters"] == 0
    assert sum(first["statuses"].values()) == MAILS


def test_the_sample_shows_every_decision_and_drafts(runs):
    first, _ = runs

    assert set(first["decisions"]) == {decision.value for decision in Decision}
    assert first["live_drafts"] == first["statuses"]["drafted"] > 50
    assert {"evidence", "model"} <= set(first["judged_by"])


@pytest.mark.shows("B1")
def test_running_it_again_adds_nothing(runs):
    first, second = runs

    assert (second["import"]["new"], second["import"]["known before"]) == (0, MAILS)
    unchanged = first.keys() - {"import", "seconds_from_receipt"}
    assert {name: second[name] for name in unchanged} == {
        name: first[name] for name in unchanged
    }


@pytest.mark.shows("L3")
def test_logs_carry_ids_and_no_texts(runs, data_dir):
    log = (data_dir / "demo" / "processes.log").read_text()

    jobs = [line for line in log.splitlines() if '"event": "job"' in line]
    assert jobs
    assert "sandbox-demo" not in log
    assert not any("@" in line.partition("{")[2] for line in jobs)


@pytest.fixture(scope="module")
def data_dir():
    place = ROOT / "var" / f"test-demo-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    shutil.rmtree(place, ignore_errors=True)
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module")
def runs(data_dir):
    """The reports of two runs on one data directory."""
    return demo(data_dir), demo(data_dir)


def demo(data_dir):
    environment = os.environ | {"BB_DATA_DIR": str(data_dir)}
    for name in ("DATABASE_URL", "REDIS_URL", "BB_SECRET_KEY"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "demo", "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=140,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
