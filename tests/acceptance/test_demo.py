"""The main job as a user runs it: `make demo`, from nothing, and then again.

Then the live part: a customer who is answered by itself and orders.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest

from app.config import ROOT
from app.domain.decision import Decision

#: In the mailbox, and how many of these are the same mail under another id of the provider.
FETCHED, REDELIVERED = 214, 1
MAILS = FETCHED - REDELIVERED

#: Two runs, each with all processes starting on a busy machine.
pytestmark = [pytest.mark.first, pytest.mark.timeout(300)]


#: What the customer buys, and what that costs.
ORDERED = {"state": "pending_review", "items": ["2 × Blue mug"], "total": "25.00 EUR"}


@pytest.mark.shows("A15", "B1", "H2", "L3")
def test_the_demo_decides_every_mail_once_however_often_it_runs(data_dir):
    first, second = demo(data_dir), demo(data_dir)

    every_mail_is_decided_once(first)
    every_decision_occurs_and_drafts_do(first)
    a_customer_is_answered_by_itself_and_orders(first["chat"])
    running_it_again_adds_nothing(first, second)
    logs_carry_ids_and_no_texts((data_dir / "demo" / "processes.log").read_text())


def every_mail_is_decided_once(report):
    assert report["import"]["state"] == "completed"
    assert report["import"]["new"] == MAILS
    assert report["import"]["known before"] == REDELIVERED
    assert (report["events"], report["messages"]) == (MAILS, MAILS)
    assert report["unfinished"] == 0
    assert report["stored_twice"] == 0
    assert report["dead_letters"] == 0
    assert sum(report["statuses"].values()) == MAILS


def every_decision_occurs_and_drafts_do(report):
    assert set(report["decisions"]) == {decision.value for decision in Decision}
    assert report["live_drafts"] == report["statuses"]["drafted"] > 50
    assert {"evidence", "model"} <= set(report["judged_by"])


def a_customer_is_answered_by_itself_and_orders(chat):
    said = [(one["who"], one["delivery"]) for one in chat["dialogue"]]
    assert said == 2 * [("Anna Lind", None), ("Demo shop, by itself", "read")]
    _, offered, _, noted = (one["said"] for one in chat["dialogue"])
    assert "Blue mug: 12.50 EUR" in offered
    assert "2 × Blue mug" in noted
    [order] = chat["orders"]
    assert order.items() >= ORDERED.items()
    assert (chat["replies"], chat["unfinished"]) == (2, 0)
    assert chat["this_time"]["sent"] == 2


def running_it_again_adds_nothing(first, second):
    told, again = first.pop("chat"), second.pop("chat")
    told.pop("this_time")
    assert again.pop("this_time")["sent"] == 0
    assert again == told
    assert (second["import"]["new"], second["import"]["known before"]) == (0, FETCHED)
    unchanged = first.keys() - {"import", "seconds_from_receipt"}
    assert {name: second[name] for name in unchanged} == {
        name: first[name] for name in unchanged
    }


def logs_carry_ids_and_no_texts(log):
    jobs = [line for line in log.splitlines() if '"event": "job"' in line]
    assert jobs
    assert "sandbox-demo" not in log
    assert not any("@" in line.partition("{")[2] for line in jobs)


@pytest.fixture
def data_dir():
    place = ROOT / "var" / f"test-demo-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    shutil.rmtree(place, ignore_errors=True)
    yield place
    shutil.rmtree(place, ignore_errors=True)


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
