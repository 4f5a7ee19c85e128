"""A real worker, in a process of its own, on the servers of the tests."""

import json
import signal
import subprocess
import sys
import time

import pytest

from app import store
from app.config import ROOT, process_environment
from app.domain.status import EventStatus
from app.jobs import queues
from tests.factories import message

BODY = "The parcel with the turquoise kettle never came."
ADDRESS = "anna.berg@example.com"


def test_a_message_passes_through_a_worker_and_leaves_its_log_clean(
    runtime, make, config, publisher, worker, until
):
    run = make.run(config)
    arrived = [message(body_text=BODY, sender=ADDRESS), message(sender=ADDRESS)]
    ids = make.events(config, *arrived, run=run)
    publisher.publish([make.materialize_job(config, ids, run.id)])

    until(lambda: all(make.event(one).finished_at for one in ids))
    out, log = worker()

    assert [(make.event(one).status, make.event(one).reason) for one in ids] == [
        (EventStatus.DECIDED, "no_drafter"),
        (EventStatus.DECIDED, "no_drafter"),
    ]
    lines = [json.loads(line) for line in log.splitlines()]
    jobs = [line for line in lines if line["event"] == "job"]
    assert [(line["task"], line["outcome"]) for line in jobs] == [
        ("pipeline.materialize", {"materialized": 2}),
        ("pipeline.classify", {"decided": 2}),
    ]
    for line in jobs:
        assert line["workspace"] == str(config.workspace_id)
        assert line["run"] == str(run.id)
    for private in ("kettle", "anna.berg", "Where is my order"):
        assert private not in log
        assert private not in out


@pytest.mark.shows("K4")
def test_a_worker_survives_a_job_that_it_cannot_read(
    runtime, make, config, publisher, pipeline, worker, until
):
    pipeline.materialize.apply_async(({"workspace_id": "x"},))
    (event_id,) = make.events(config, message())
    publisher.publish([make.materialize_job(config, [event_id])])

    until(lambda: make.event(event_id).finished_at)
    worker()

    with runtime.system_transaction() as tx:
        (letter,) = store.dead_letters.find(tx)
    assert letter.source_queue == "bb_ingest_jobs"
    assert make.event(event_id).status is EventStatus.DECIDED


@pytest.fixture
def publisher(pipeline):
    from tasks.publisher import CeleryPublisher

    return CeleryPublisher()


@pytest.fixture
def worker(servers, publisher, tmp_path):
    """A worker for all queues; call it to stop it and read what it wrote."""
    out, log = (tmp_path / "out").open("w+"), (tmp_path / "log").open("w+")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "celery", "-A", "tasks.celery_app", "worker"),
            *("--pool", "threads", "--concurrency", "2", "--queues"),
            *(",".join(queues.ALL), "--without-gossip", "--without-mingle"),
            *("--loglevel", "WARNING", "--hostname", f"{tmp_path.name}@test"),
        ],
        cwd=ROOT,
        # Celery remarks on root before it asks how to log.
        env=process_environment(servers)
        | {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"},
        stdout=out,
        stderr=log,
    )

    def stop():
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        out.seek(0)
        log.seek(0)
        return out.read(), log.read()

    yield stop
    if process.poll() is None:
        process.kill()
        process.wait()
    out.close()
    log.close()


@pytest.fixture
def until():
    """Waits until something is so."""

    def until(is_so, seconds=30):
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, "it did not come about"
            time.sleep(0.05)

    return until
