"""The views that operators query, with the statements they know."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import store
from app.domain.status import EventStatus, RunState
from app.services.pipeline.materialize import materialize
from tests.factories import message

VIEWS = [
    "bb_open_incidents",
    "bb_stalled_events",
    "bb_pipeline_progress",
    "bb_queue_depths",
    "bb_needs_classification",
    "bb_stage_latency",
    "bb_unreplied_messages",
]

#: As operators have written them down.
USEFUL = {
    "live run progress": (
        "select * from public.bb_pipeline_progress order by started_at desc;"
    ),
    "queue backlog": "select * from public.bb_queue_depths;",
    "active incidents": "select * from public.bb_open_incidents;",
    "stalled event rows": "select * from public.bb_stalled_events;",
    "dead letters": (
        "select * from public.dead_letters order by created_at desc limit 100;"
    ),
}


@pytest.mark.parametrize("role", ["bizzybee_app", "bizzybee_system"])
@pytest.mark.parametrize("view", VIEWS)
def test_both_roles_may_ask_every_view(runtime, workspace, role, view):
    opened = (
        runtime.transaction(workspace.id)
        if role == "bizzybee_app"
        else runtime.system_transaction()
    )
    with opened as tx:
        assert tx.session.scalar(text("SELECT current_user")) == role
        tx.session.execute(text(f"SELECT * FROM {view}")).all()


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_for_reading(runtime, view):
    with (
        pytest.raises(DBAPIError, match=r"permission denied|cannot delete from view"),
        runtime.system_transaction() as tx,
    ):
        tx.session.execute(text(f"DELETE FROM {view}"))


@pytest.mark.parametrize("statement", USEFUL.values(), ids=USEFUL.keys())
def test_the_statements_that_operators_know_work(runtime, statement):
    with runtime.system_transaction() as tx:
        tx.session.execute(text(statement)).all()


@pytest.mark.shows("K6")
def test_depths_count_what_is_due_per_queue(
    runtime, make, config, set_row, now, depths
):
    moment = now()
    states = {
        "received": EventStatus.RECEIVED,
        "held": EventStatus.RECEIVED,
        "materialized": EventStatus.MATERIALIZED,
        "decided": EventStatus.DECIDED,
        "drafted": EventStatus.DRAFTED,
    }
    ids = dict(
        zip(states, make.events(config, *(message() for _ in states)), strict=True)
    )
    for number, (name, status) in enumerate(states.items()):
        set_row(
            "message_events",
            ids[name],
            status=status.value,
            received_at=moment - timedelta(minutes=number),
            lease_expires_at=moment + timedelta(minutes=1) if name == "held" else None,
            finished_at=moment if name == "drafted" else None,
        )
    make.run(config)
    with runtime.system_transaction() as tx:
        letters = [a_letter("one"), a_letter("two")]
        store.dead_letters.add(tx, letters)

    found = depths()

    assert {
        queue: (row["depth"], row["in_progress"]) for queue, row in found.items()
    } == {
        "bb_import_jobs": (1, 0),
        "bb_ingest_jobs": (2, 1),
        "bb_classify_jobs": (1, 0),
        "bb_draft_jobs": (1, 0),
        "bb_outbound_jobs": (0, 0),
        "bb_deadletter_jobs": (2, 0),
    }
    assert found["bb_ingest_jobs"]["oldest_at"] == moment - timedelta(minutes=1)
    assert found["bb_draft_jobs"]["oldest_at"] == moment - timedelta(minutes=3)


def test_every_queue_stands_in_the_depths_when_nothing_is_due(depths):
    assert {
        queue: (row["depth"], row["in_progress"], row["oldest_at"])
        for queue, row in depths().items()
    } == {
        "bb_import_jobs": (0, 0, None),
        "bb_ingest_jobs": (0, 0, None),
        "bb_classify_jobs": (0, 0, None),
        "bb_draft_jobs": (0, 0, None),
        "bb_outbound_jobs": (0, 0, None),
        "bb_deadletter_jobs": (0, 0, None),
    }


def test_a_letter_that_is_settled_is_no_longer_counted(runtime, depths):
    with runtime.system_transaction() as tx:
        store.dead_letters.add(tx, [a_letter("one")])
        (letter,) = store.dead_letters.find(tx)
        store.dead_letters.settle(tx, [letter.id], "discarded")

    assert depths()["bb_deadletter_jobs"]["depth"] == 0


def test_progress_counts_the_events_of_a_run(runtime, make, config, set_row, now):
    run = make.run(config)
    ids = make.events(config, *(message() for _ in range(4)), run=run)
    make.events(config, message())
    set_row("message_events", ids[0], status="drafted", finished_at=now())
    set_row("message_events", ids[1], status="failed", finished_at=now())

    with runtime.transaction(config.workspace_id) as tx:
        progress = store.reports.progress(tx, run.id)

    assert (progress["run_id"], progress["config_id"]) == (run.id, config.id)
    assert (progress["state"], progress["cap"]) == (RunState.QUEUED, 1000)
    assert progress["events"] == 4
    assert (progress["finished_events"], progress["failed_events"]) == (2, 1)


def test_progress_of_a_run_without_events_is_nought(runtime, make, config):
    run = make.run(config)

    with runtime.transaction(config.workspace_id) as tx:
        progress = store.reports.progress(tx, run.id)

    assert (progress["events"], progress["finished_events"]) == (0, 0)


@pytest.mark.parametrize(
    ("columns", "is_stalled"),
    [
        ({"updated_at": -timedelta(minutes=14)}, False),
        ({"updated_at": -timedelta(minutes=16)}, True),
        (
            {
                "updated_at": -timedelta(minutes=16),
                "next_attempt_at": timedelta(minutes=1),
            },
            False,
        ),
        (
            {
                "updated_at": -timedelta(minutes=16),
                "lease_expires_at": timedelta(minutes=1),
            },
            False,
        ),
        (
            {"updated_at": -timedelta(minutes=16), "finished_at": timedelta(0)},
            False,
        ),
    ],
    ids=["touched lately", "untouched", "waits for its time", "held", "ended"],
)
def test_what_counts_as_stalled(ask, make, config, set_row, now, columns, is_stalled):
    (event_id,) = make.events(config, message())
    moment = now()
    set_row(
        "message_events",
        event_id,
        **{name: moment + age for name, age in columns.items()},
    )

    found = ask("SELECT id, stalled_for FROM bb_stalled_events")

    assert [row.id for row in found] == ([event_id] if is_stalled else [])
    for row in found:
        assert timedelta(minutes=15) < row.stalled_for < timedelta(minutes=17)


def test_only_what_is_not_resolved_is_an_open_incident(runtime, ask):
    with runtime.system_transaction() as tx:
        for key in ("open", "acknowledged", "resolved"):
            store.incidents.report(tx, kind=key, dedupe_key=key)
        for one in store.incidents.find(tx):
            store.incidents.set_status(tx, one.id, one.kind)

    found = ask("SELECT kind, status FROM bb_open_incidents ORDER BY kind")

    assert found == [("acknowledged", "acknowledged"), ("open", "open")]


def test_the_newest_inbound_message_needs_classification_until_it_is_decided(
    runtime, make, config, ask, set_row
):
    (event_id,) = make.events(config, message())
    materialize(runtime, make.materialize_job(config, [event_id]))
    needs = "SELECT event_id, conversation_id FROM bb_needs_classification"
    event = make.event(event_id)

    before = ask(needs)
    set_row(
        "conversations",
        event.conversation_id,
        last_classified_message_id=str(event.message_id),
    )

    assert before == [(event_id, event.conversation_id)]
    assert ask(needs) == []


@pytest.mark.parametrize(
    ("table", "columns", "is_unreplied"),
    [
        ("messages", {}, True),
        ("messages", {"is_old": True}, False),
        ("messages", {"reply_sent": True}, False),
        ("messages", {"sender_type": "employee"}, False),
        ("conversations", {"last_outbound_message_at": timedelta(seconds=1)}, False),
        ("conversations", {"last_outbound_message_at": -timedelta(seconds=1)}, True),
    ],
    ids=[
        "waiting",
        "older than the account",
        "replied to",
        "of our own",
        "answered since",
        "answered before",
    ],
)
def test_which_messages_are_unreplied(
    runtime, make, config, ask, set_row, now, table, columns, is_unreplied
):
    (event_id,) = make.events(config, message(sent_at=now()))
    materialize(runtime, make.materialize_job(config, [event_id]))
    event = make.event(event_id)
    ((sent,),) = ask("SELECT occurred_at FROM messages")
    row_id = event.message_id if table == "messages" else event.conversation_id
    if columns:
        set_row(
            table,
            row_id,
            **{
                name: sent + value if isinstance(value, timedelta) else value
                for name, value in columns.items()
            },
        )

    found = ask("SELECT id FROM bb_unreplied_messages")

    assert found == ([(event.message_id,)] if is_unreplied else [])


@pytest.mark.shows("K6")
def test_latency_per_stage_and_hour(make, config, ask, set_row, now):
    arrived = now().replace(minute=30, second=0, microsecond=0)
    for seconds, event_id in enumerate(
        make.events(config, *(message() for _ in range(100))), start=1
    ):
        decided = arrived + timedelta(seconds=seconds + 10)
        set_row(
            "message_events",
            event_id,
            received_at=arrived,
            materialized_at=arrived + timedelta(seconds=seconds),
            decided_at=decided,
            drafted_at=decided + timedelta(seconds=2) if seconds <= 50 else None,
        )

    found = ask("""
        SELECT stage, hour, events, p50_seconds, p95_seconds, p99_seconds
        FROM bb_stage_latency ORDER BY stage
    """)

    hour = arrived.replace(minute=0)
    assert [(row.stage, row.hour, row.events) for row in found] == [
        ("classify", hour, 100),
        ("draft", hour, 50),
        ("materialize", hour, 100),
    ]
    assert [tuple(round(float(value), 2) for value in row[3:]) for row in found] == [
        (10, 10, 10),
        (2, 2, 2),
        (50.5, 95.05, 99.01),
    ]


def a_letter(name):
    return {
        "source_queue": "bb_ingest_jobs",
        "job_type": "MATERIALIZE",
        "payload": {"name": name},
        "error": "InvalidPayload",
    }


@pytest.fixture
def ask(runtime):
    def ask(statement):
        with runtime.system_transaction() as tx:
            return tx.session.execute(text(statement)).all()

    return ask


@pytest.fixture
def depths(runtime):
    def depths():
        with runtime.system_transaction() as tx:
            return {row["queue"]: row for row in store.reports.queue_depths(tx)}

    return depths
