"""What all stages have in common: read the job, run the use case, log one line."""

import json
from uuid import uuid4

import pytest

from app import store
from app.jobs.contracts import Classify, Materialize
from app.jobs.publishing import NoPublisher
from app.services.pipeline.outcome import Outcome
from app.store.transaction import Database


def test_a_stage_gets_its_job_and_hands_on_the_next(pipeline, stage, broker, job):
    follower = Classify(workspace_id=job.workspace_id, event_ids=job.event_ids)
    stage.outcome = Outcome({"materialized": 1}, [follower])

    answer = pipeline.materialize.run_stage(stage, Materialize, job.payload())

    assert stage.jobs == [job]
    assert answer == follower.payload()
    assert waiting(broker) == {}


def test_a_stage_with_nothing_more_to_do_ends_the_chain(pipeline, stage, broker, job):
    answer = pipeline.materialize.run_stage(stage, Materialize, job.payload())

    assert answer is None
    assert waiting(broker) == {}


def test_of_many_next_jobs_the_others_get_chains_of_their_own(
    pipeline, stage, broker, job
):
    followers = [
        Classify(workspace_id=job.workspace_id, event_ids=(uuid4(),)) for _ in range(3)
    ]
    stage.outcome = Outcome({}, followers)

    answer = pipeline.materialize.run_stage(stage, Materialize, job.payload())

    assert answer == followers[0].payload()
    assert waiting(broker) == {"bb_classify_jobs": 2}
    for message, follower in zip(
        broker.peek("bb_classify_jobs"), followers[1:], strict=True
    ):
        assert message["task"] == "pipeline.classify"
        assert str(follower.event_ids[0]) in message["args"]


def test_a_chain_that_has_run_out_stays_out(pipeline, stage, broker, log_lines):
    answer = pipeline.classify.run_stage(stage, Classify, None)

    assert answer is None
    assert stage.jobs == []
    assert waiting(broker) == {}
    assert log_lines() == []


@pytest.mark.shows("K4")
def test_an_unreadable_job_becomes_a_dead_letter_with_the_reason(
    pipeline, stage, broker, letters
):
    payload = {"job_type": "MATERIALIZE", "workspace_id": "x", "event_id": str(uuid4())}

    answer = pipeline.materialize.run_stage(stage, Materialize, payload)

    (letter,) = letters()
    assert answer is None
    assert stage.jobs == []
    assert waiting(broker) == {"bb_deadletter_jobs": 1}
    assert (letter.source_queue, letter.job_type) == ("bb_ingest_jobs", "MATERIALIZE")
    assert letter.payload == payload
    assert letter.error.startswith(
        "InvalidPayload: Materialize job unreadable: workspace_id: "
    )
    # What such a job claims cannot be trusted.
    assert (letter.workspace_id, letter.event_id) == (None, None)


@pytest.mark.parametrize(
    ("payload", "kept", "job_type"),
    [
        ("DRAFT", {"payload": "'DRAFT'"}, "UNKNOWN"),
        ([1, 2], {"payload": "[1, 2]"}, "UNKNOWN"),
        ({"a": "nul \x00"}, {"a": "nul \ufffd"}, "UNKNOWN"),
        ({"job_type": "D\x00"}, {"job_type": "D\ufffd"}, "D\ufffd"),
        ({"job_type": 5}, {"job_type": 5}, "5"),
        ({"job_type": "x" * 500}, {"job_type": "x" * 500}, "x" * 100),
    ],
    ids=["a text", "a list", "a NUL", "a NUL in its type", "a number", "a long type"],
)
def test_whatever_was_queued_is_kept(pipeline, stage, letters, payload, kept, job_type):
    assert pipeline.draft.run_stage(stage, Materialize, payload) is None

    (letter,) = letters()
    assert (letter.payload, letter.job_type) == (kept, job_type)


@pytest.mark.shows("K5")
def test_unreadable_jobs_of_one_queue_are_one_incident(pipeline, runtime, letters):
    for _ in range(3):
        pipeline.materialize({"job_type": "MATERIALIZE"})
    pipeline.draft({"job_type": "DRAFT"})

    with runtime.system_transaction() as tx:
        incidents = store.incidents.find(tx)
    assert sorted((one.dedupe_key, one.count) for one in incidents) == [
        ("unreadable_job:bb_draft_jobs", 1),
        ("unreadable_job:bb_ingest_jobs", 3),
    ]
    assert {one.kind for one in incidents} == {"unreadable_job"}
    assert len(letters()) == 4


def test_an_unreadable_job_ends_its_chain(pipeline, letters, broker):
    from celery import chain

    stages = chain(
        pipeline.materialize.s({"workspace_id": "x"}),
        pipeline.classify.s(),
        pipeline.draft.s(),
    )

    assert stages.apply().get() is None
    assert [letter.source_queue for letter in letters()] == ["bb_ingest_jobs"]
    assert waiting(broker) == {"bb_deadletter_jobs": 1}


@pytest.mark.shows("A9")
def test_a_database_that_is_away_is_logged_and_nothing_else(
    pipeline, broker, job, log_lines
):
    away = Database("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")

    def stage(runtime, job):
        with away.transaction(job.workspace_id, NoPublisher()):
            raise AssertionError("there is no such database")

    answer = pipeline.materialize.run_stage(stage, Materialize, job.payload())

    (line,) = log_lines()
    assert answer is None
    assert waiting(broker) == {}
    assert (line["level"], line["outcome"]) == ("error", "database_error")
    assert line["error"] == "OperationalError"
    assert line["task"] == "pipeline.materialize"


@pytest.mark.shows("L3")
def test_a_fault_that_nobody_foresaw_is_told_without_its_text(pipeline, job, log_lines):
    from tasks.base import JobBrokeOff

    # Not written out where it is raised: the traceback shows lines of the source.
    body = " ".join(["Dear", "shop"])

    def stage(runtime, job):
        raise ValueError(body)

    with pytest.raises(JobBrokeOff, match="ValueError") as raised:
        pipeline.materialize.run_stage(stage, Materialize, job.payload())

    (line,) = log_lines()
    assert line["outcome"] == "broke_off"
    assert "in stage" in line["where"]
    assert body not in str(line) + str(raised.value)
    assert raised.value.__cause__ is None


def test_a_job_is_one_line_of_fields(pipeline, stage, job, log_lines):
    stage.outcome = Outcome({"materialized": 2, "superseded": 1})

    pipeline.materialize.run_stage(stage, Materialize, job.payload())

    (line,) = log_lines()
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "job",
        "level": "info",
        "logger": "job",
        "task": "pipeline.materialize",
        "queue": "bb_ingest_jobs",
        "workspace": str(job.workspace_id),
        "run": str(job.run_id),
        "outcome": {"materialized": 2, "superseded": 1},
    }


def test_a_job_that_found_nothing_due_says_so(pipeline, stage, job, log_lines):
    pipeline.materialize.run_stage(stage, Materialize, job.payload())

    (line,) = log_lines()
    assert line["outcome"] == "nothing_due"


def test_the_line_about_an_unreadable_job_names_the_fault_not_the_value(
    pipeline, log_lines
):
    pipeline.materialize({"workspace_id": "anna@example.com", "event_id": "secret"})

    (line,) = log_lines()
    assert (line["level"], line["outcome"]) == ("warning", "dead_lettered")
    assert "workspace_id" in line["error"]
    assert "anna@example.com" not in json.dumps(line)


def waiting(broker):
    return {name: count for name, count in broker.depths().items() if count}


class Stage:
    """A use case that answers what it is told."""

    def __init__(self):
        self.jobs = []
        self.outcome = Outcome()

    def __call__(self, runtime, job):
        self.jobs.append(job)
        return self.outcome


@pytest.fixture
def stage():
    return Stage()


@pytest.fixture
def job():
    return Materialize(workspace_id=uuid4(), run_id=uuid4(), event_ids=(uuid4(),))


@pytest.fixture
def letters(runtime):
    def letters():
        with runtime.system_transaction() as tx:
            return list(store.dead_letters.find(tx))

    return letters
