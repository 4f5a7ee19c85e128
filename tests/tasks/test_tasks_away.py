"""What is left when broker or database are away: a line in the log, and a quick answer.

In processes of their own, since a process knows one broker only.
"""

import json
import socket
import subprocess
import sys

import pytest

from app.config import ROOT, process_environment

PUBLISH = """
from time import monotonic
from uuid import uuid4
from app.jobs.contracts import Draft
from app.logs import configure_logs
from tasks.celery_app import celery_app
from tasks.publisher import CeleryPublisher

configure_logs()
# As the web process sets it.
celery_app.conf.broker_transport_options |= {"socket_timeout": 1}
jobs = [Draft(workspace_id=uuid4(), event_ids=(uuid4(),)) for _ in range(3)]
started = monotonic()
print(CeleryPublisher().publish(jobs), monotonic() - started)
"""

WORK = """
from uuid import uuid4
from app.logs import configure_logs
from tasks import operations, pipeline

configure_logs()
readable = {"workspace_id": str(uuid4()), "event_ids": [str(uuid4())]}
print(pipeline.materialize(readable), pipeline.materialize({"workspace_id": "x"}))
"""


@pytest.mark.shows("A9")
@pytest.mark.parametrize("state", ["refused", "silent"])
def test_publishing_to_a_broker_that_is_away_ends_soon_and_does_no_harm(process, state):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        if state == "silent":
            # The kernel takes the connection, and nobody ever answers.
            listening.listen()
        port = listening.getsockname()[1]

        out, lines = process(PUBLISH, REDIS_URL=f"redis://127.0.0.1:{port}/0")

    taken, seconds = out.split()
    (line,) = lines
    assert taken == "0"
    assert float(seconds) < 3
    assert (line["event"], line["job_type"], line["left"]) == (
        "broker away",
        "DRAFT",
        3,
    )


@pytest.mark.shows("A9")
def test_a_job_that_finds_no_database_is_logged_and_does_no_harm(process):
    away = "postgresql://nobody@127.0.0.1:1/nothing"

    out, lines = process(WORK, DATABASE_URL=away)

    assert out == "None None"
    assert [(line["task"], line["outcome"]) for line in lines] == [
        ("pipeline.materialize", "database_error"),
        ("pipeline.materialize", "unreadable_and_database_error"),
    ]


@pytest.fixture
def process(servers):
    """Runs a program with our settings; returns what it printed and what it logged."""

    def run(program, **environment):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            cwd=ROOT,
            env=process_environment(servers) | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        return done.stdout.strip(), lines

    return run
