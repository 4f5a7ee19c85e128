"""The order of the stages, and the doorbells as the broker holds them."""

from uuid import uuid4

import pytest

from app.jobs.contracts import (
    Classify,
    DeadLetterNotice,
    Draft,
    FetchMessages,
    ImportFetch,
    Job,
    Materialize,
    Poll,
    StoreFiles,
    Subscribe,
)

STAGES = ["pipeline.materialize", "pipeline.classify", "pipeline.draft"]

WORKSPACE = uuid4()
JOBS = {
    ImportFetch: ImportFetch(
        workspace_id=WORKSPACE, run_id=uuid4(), config_id=uuid4(), folder="SENT"
    ),
    Poll: Poll(workspace_id=WORKSPACE, config_id=uuid4()),
    FetchMessages: FetchMessages(
        workspace_id=WORKSPACE, config_id=uuid4(), fetch_ids=(uuid4(),)
    ),
    Materialize: Materialize(workspace_id=WORKSPACE, event_ids=(uuid4(),)),
    Classify: Classify(workspace_id=WORKSPACE, event_ids=(uuid4(),)),
    Draft: Draft(workspace_id=WORKSPACE, event_ids=(uuid4(),)),
}
#: The tasks of the chain that takes each job.
CHAINS = {
    ImportFetch: ["pipeline.fetch_page", *STAGES],
    Poll: ["sync.poll", *STAGES],
    FetchMessages: ["sync.fetch_messages", *STAGES],
    Materialize: STAGES,
    Classify: STAGES[1:],
    Draft: STAGES[2:],
}
each_job = pytest.mark.parametrize(
    ("job", "tasks"),
    [(job, CHAINS[contract]) for contract, job in JOBS.items()],
    ids=[one.__name__ for one in JOBS],
)


@each_job
def test_a_chain_goes_from_the_stage_of_its_job_to_the_last(chains, job, tasks):
    made = chains.chain_for(job)

    assert [stage.task for stage in made.tasks] == tasks
    assert [stage.args for stage in made.tasks] == [
        (job.payload(),),
        *[()] * (len(tasks) - 1),
    ]


@each_job
def test_making_a_chain_leaves_the_next_one_clean(chains, job, tasks):
    chains.chain_for(job)

    again = chains.chain_for(job)

    assert again.tasks[0].args == (job.payload(),)


def test_every_contract_has_its_stage(chains):
    from app.jobs.contracts import CONTRACTS

    for contract in CONTRACTS.values():
        taken_by = [
            contract in chains.SOURCES,
            contract in chains.SINGLE,
            contract in dict(chains.STAGES),
        ]
        assert taken_by.count(True) == 1, contract


def test_what_nothing_follows_is_no_chain(chains):
    job = Subscribe(workspace_id=WORKSPACE, config_id=uuid4())

    made = chains.chain_for(job)

    assert (made.task, made.args) == ("sync.subscribe", (job.payload(),))


def test_a_job_without_a_stage_has_no_chain(chains):
    class Unknown(Job):
        queue = "nowhere"
        job_type: str = "UNKNOWN"

    with pytest.raises(ValueError, match="is not in list"):
        chains.chain_for(Unknown(workspace_id=WORKSPACE))


@each_job
def test_a_published_job_waits_in_its_own_queue(publisher, broker, job, tasks):
    taken = publisher.publish([job])

    (message,) = broker.peek(job.queue)
    depths = broker.depths()
    assert taken == 1
    assert {name for name, count in depths.items() if count} == {job.queue}
    assert message["task"] == tasks[0]
    assert str(WORKSPACE) in message["args"]


def test_the_files_of_an_import_keep_no_news_waiting(publisher, broker):
    from tasks.celery_app import celery_app

    files = StoreFiles(workspace_id=WORKSPACE, message_ids=(uuid4(),))
    publisher.publish([files, files, JOBS[Poll], JOBS[FetchMessages]])
    shown = [message["task"] for message in broker.peek("bb_sync_jobs")]

    taken = []
    with celery_app.connection_for_read() as connection:
        channel = connection.channel()
        for _ in range(4):
            message = channel.basic_get("bb_sync_jobs", no_ack=True)
            taken.append(message.headers["task"])

    files_last = ["sync.poll", "sync.fetch_messages"] + ["sync.store_files"] * 2
    assert taken == shown == files_last


def test_each_job_is_a_message_of_its_own(publisher, broker):
    taken = publisher.publish([*JOBS.values(), JOBS[Draft]])

    assert taken == 7
    assert broker.depths() == {
        "bb_import_jobs": 1,
        "bb_ingest_jobs": 1,
        "bb_classify_jobs": 1,
        "bb_draft_jobs": 2,
        "bb_outbound_jobs": 0,
        "bb_sync_jobs": 2,
        "bb_knowledge_jobs": 0,
        "bb_deadletter_jobs": 0,
        "bb_ops_jobs": 0,
        "unacked": 0,
    }


@pytest.mark.shows("K4")
def test_notice_of_dead_letters_is_no_stage(publisher, broker):
    notice = DeadLetterNotice(letter_ids=(letter := uuid4(),))

    taken = publisher.publish([notice])

    (message,) = broker.peek("bb_deadletter_jobs")
    assert taken == 1
    assert message["task"] == "operations.notice_dead_letters"
    assert str(letter) in message["args"]


def test_what_waits_can_be_asked_for(publisher, broker):
    publisher.publish([JOBS[Draft], JOBS[Draft], JOBS[Classify]])

    waiting = publisher.waiting()

    assert (waiting["bb_draft_jobs"], waiting["bb_classify_jobs"]) == (2, 1)


def test_nothing_to_publish_publishes_nothing(publisher, broker):
    assert publisher.publish([]) == 0
    assert set(broker.depths().values()) == {0}


@pytest.fixture
def chains(pipeline):
    from tasks import chains

    return chains


@pytest.fixture
def publisher(chains):
    from tasks.publisher import CeleryPublisher

    return CeleryPublisher()
