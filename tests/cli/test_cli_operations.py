"""`runs`, `events`, `queues`, `deadletters`, `requeue`, `incidents`, `sweep`, `supervise`."""

from datetime import timedelta
from uuid import uuid4

import pytest

from app import store
from app.domain.status import DeadLetterStatus, EventStatus, IncidentStatus, RunState
from app.services.pipeline.materialize import materialize
from tests.factories import message

GONE = str(uuid4())


def test_runs_are_listed_and_shown(bizzybee, make, workspace, config):
    run = make.run(config)
    make.events(config, message(), message(), run=run)

    listed = bizzybee("runs", "list", "-w", workspace.name, "--json").json
    shown = bizzybee("runs", "show", "-w", workspace.name, run.id, "--json").json

    assert listed == [shown]
    assert shown["run_id"] == str(run.id)
    assert (shown["state"], shown["mode"], shown["source"]) == (
        "queued",
        "triage",
        "aurinko",
    )
    assert (shown["events"], shown["finished_events"]) == (2, 0)
    assert str(run.id) in bizzybee("runs", "list", "-w", workspace.name).out


@pytest.mark.shows("L6")
def test_a_run_is_cancelled_once(bizzybee, runtime, make, workspace, config):
    run = make.run(config)

    first = bizzybee("runs", "cancel", "-w", workspace.name, run.id)
    second = bizzybee("runs", "cancel", "-w", workspace.name, run.id)

    assert (first.code, first.err) == (0, f"{run.id} is cancelled\n")
    assert (second.code, second.err) == (1, "the run has ended already\n")
    with runtime.transaction(workspace.id) as tx:
        assert store.runs.get(tx, run.id).state is RunState.CANCELLED


@pytest.mark.shows("L1")
@pytest.mark.parametrize("verb", ["show", "cancel"])
def test_a_run_of_another_workspace_is_not_there(bizzybee, runtime, make, config, verb):
    run = make.run(config)

    done = bizzybee("runs", verb, "-w", make.workspace().name, run.id)

    assert (done.code, done.out, done.err) == (1, "", f"no run {run.id}\n")
    with runtime.system_transaction() as tx:
        assert store.runs.get(tx, run.id).state is RunState.QUEUED


def test_events_are_listed_by_state_and_run(bizzybee, make, workspace, config):
    run = make.run(config)
    (of_run,) = make.events(config, message(external_id="a@x"), run=run)
    (other,) = make.events(config, message(external_id="b@x"))
    listing = ("events", "list", "-w", workspace.name, "--json")

    everything = bizzybee(*listing).json

    assert [row["id"] for row in everything] == [str(of_run), str(other)]
    assert everything[0]["external_id"] == "a@x"
    assert everything[0]["status"] == "received"
    by_run = bizzybee(*listing, "--run", run.id).json
    assert [row["id"] for row in by_run] == [str(of_run)]
    assert bizzybee(*listing, "--status", "failed").json == []
    assert len(bizzybee(*listing, "--limit", "1").json) == 1


@pytest.mark.shows("L1")
def test_events_of_another_workspace_are_not_listed(bizzybee, make, config):
    make.events(config, message())

    other = make.workspace()

    assert bizzybee("events", "list", "-w", other.name, "--json").json == []


def test_what_others_chose_as_an_id_is_shown_as_it_is(
    bizzybee, make, workspace, config
):
    make.events(config, message(external_id="[/red]@x"))

    assert "[/red]@x" in bizzybee("events", "list", "-w", workspace.name).out


@pytest.mark.shows("L6")
@pytest.mark.parametrize("verb", ["show", "explain"])
def test_an_event_is_explained_without_its_body(bizzybee, runtime, make, config, verb):
    (event_id,) = make.events(
        config, message(external_id="a@x", body_text="a turquoise kettle")
    )
    materialize(runtime, make.materialize_job(config, [event_id]))

    done = bizzybee("events", verb, event_id, "--json")
    for_people = bizzybee("events", verb, event_id)

    assert done.json["arrival"]["external_id"] == "a@x"
    assert done.json["state"]["status"] == "materialized"
    assert done.json["place"]["thread_evidence"] == "new"
    (tried,) = done.json["tries"]
    assert (tried["job_type"], tried["outcome"]) == ("MATERIALIZE", "materialized")
    assert "kettle" not in done.out + for_people.out
    assert "  - job_type: MATERIALIZE" in for_people.out


def test_an_unknown_event_is_one_sentence(bizzybee):
    done = bizzybee("events", "show", GONE)

    assert (done.code, done.out, done.err) == (1, "", f"no event {GONE}\n")


def test_depths_stand_beside_the_messages_of_the_broker(bizzybee, make, config, failed):
    make.events(config, message())
    bizzybee("sweep")

    rows = {row["queue"]: row for row in bizzybee("queues", "depths", "--json").json}

    assert list(rows) == [
        "bb_import_jobs",
        "bb_ingest_jobs",
        "bb_classify_jobs",
        "bb_draft_jobs",
        "bb_outbound_jobs",
        "bb_sync_jobs",
        "bb_knowledge_jobs",
        "bb_deadletter_jobs",
        "bb_ops_jobs",
        "unacked",
    ]
    assert (rows["bb_ingest_jobs"]["due"], rows["bb_ingest_jobs"]["messages"]) == (1, 0)
    assert rows["bb_deadletter_jobs"]["due"] == 1
    assert rows["bb_ops_jobs"]["due"] is None


@pytest.mark.shows("L6")
def test_a_queue_is_peeked_into_and_purged(bizzybee, broker, make, config):
    (event_id,) = make.events(config, message())
    bizzybee("requeue", "--event", event_id)

    (shown,) = bizzybee("queues", "peek", "bb_ingest_jobs", "--json").json
    assert shown["task"] == "pipeline.materialize"
    assert str(event_id) in shown["args"]

    asked = bizzybee("queues", "purge", "bb_ingest_jobs", stdin="n\n")
    assert asked.code == 1
    assert broker.depths()["bb_ingest_jobs"] == 1

    done = bizzybee("queues", "purge", "bb_ingest_jobs", "--yes")
    assert (done.code, done.out, done.err) == (0, "", "1 messages forgotten\n")
    assert broker.depths()["bb_ingest_jobs"] == 0
    assert make.event(event_id).status is EventStatus.RECEIVED


def test_a_queue_that_is_not_there_is_a_usage_error(bizzybee):
    done = bizzybee("queues", "peek", "bb_nothing_jobs")

    assert done.code == 2
    assert "bb_draft_jobs" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("events", "list", "-w", "x", "--limit", "0"),
        ("deadletters", "list", "--limit", "-1"),
        ("queues", "peek", "bb_draft_jobs", "--limit", "0"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_limit_is_at_least_one(bizzybee, words):
    done = bizzybee(*words)

    assert done.code == 2
    assert "is not in the range x>=1" in done.err


def test_dead_letters_are_listed_and_shown(bizzybee, failed):
    event_id, letter_id = failed

    (listed,) = bizzybee("deadletters", "list", "--json").json
    shown = bizzybee("deadletters", "show", letter_id, "--json").json

    assert listed["id"] == str(letter_id)
    assert (listed["job_type"], listed["status"]) == ("MATERIALIZE", "open")
    assert (listed["event_id"], listed["attempts"]) == (str(event_id), 6)
    assert shown.items() >= listed.items()
    assert shown["payload"] == {"event_ids": [str(event_id)]}
    assert shown["traceback"] == "line 1"
    assert bizzybee("deadletters", "list", "--type", "DRAFT", "--json").json == []
    discarded = bizzybee("deadletters", "list", "--status", "discarded", "--json")
    assert discarded.json == []
    assert str(letter_id) in bizzybee("deadletters", "list").out


@pytest.mark.shows("K4")
@pytest.mark.parametrize(
    ("verb", "planned"), [("requeue", "requeued"), ("discard", "discarded")]
)
def test_a_dry_run_changes_nothing(
    bizzybee, make, broker, failed, letter, verb, planned
):
    event_id, letter_id = failed
    before = letter()

    done = bizzybee("deadletters", verb, "--all", "--dry-run", "--json")

    assert done.json == [{"id": str(letter_id)}]
    assert done.err == f"1 would be {planned}\n"
    assert letter() == before
    assert make.event(event_id).status is EventStatus.FAILED
    assert set(broker.depths().values()) == {0}


@pytest.mark.shows("K4", "L6")
@pytest.mark.parametrize("chosen", ["by id", "all", "all of a type"])
def test_a_dead_letter_is_requeued_once(bizzybee, make, broker, failed, letter, chosen):
    event_id, letter_id = failed
    which = {
        "by id": [letter_id],
        "all": ["--all"],
        "all of a type": ["--all", "--type", "MATERIALIZE"],
    }[chosen]

    first = bizzybee("deadletters", "requeue", *which, "--json")
    second = bizzybee("deadletters", "requeue", *which, "--json")

    assert (first.json, first.err) == ([{"id": str(letter_id)}], "1 are requeued\n")
    assert (second.json, second.err) == ([], "0 are requeued\n")
    assert letter() == (DeadLetterStatus.REQUEUED, "InvalidPayload: no sender")
    event = make.event(event_id)
    assert (event.status, event.finished_at) == (EventStatus.RECEIVED, None)
    (doorbell,) = broker.peek("bb_ingest_jobs")
    assert str(event_id) in doorbell["args"]


def test_a_discarded_letter_stays_readable(bizzybee, make, broker, failed, letter):
    event_id, letter_id = failed

    done = bizzybee("deadletters", "discard", letter_id, "--json")

    assert done.json == [{"id": str(letter_id)}]
    assert letter() == (DeadLetterStatus.DISCARDED, "InvalidPayload: no sender")
    assert make.event(event_id).status is EventStatus.FAILED
    assert set(broker.depths().values()) == {0}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("deadletters", "requeue"), "name dead letters, or --all"),
        (("deadletters", "discard"), "name dead letters, or --all"),
        (("requeue",), "name the events: --event, --run or --status"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
)
def test_what_is_meant_must_be_said(bizzybee, broker, failed, letter, words, sentence):
    done = bizzybee(*words)

    assert (done.code, done.out) == (2, "")
    assert f"Error: {sentence}\n" in done.err
    assert letter()[0] is DeadLetterStatus.OPEN
    assert set(broker.depths().values()) == {0}


def test_an_unknown_letter_is_one_sentence(bizzybee):
    done = bizzybee("deadletters", "show", GONE)

    assert (done.code, done.out, done.err) == (1, "", f"no dead letter {GONE}\n")


@pytest.mark.shows("L6")
@pytest.mark.parametrize("chosen", ["--event", "--run", "--status"])
def test_events_are_requeued(bizzybee, make, config, broker, chosen):
    run = make.run(config)
    (event_id,) = make.events(config, message(), run=run)
    which = {"--event": event_id, "--run": run.id, "--status": "received"}[chosen]

    planned = bizzybee("requeue", chosen, which, "--dry-run", "--json")
    assert planned.json == [{"id": str(event_id)}]
    assert set(broker.depths().values()) == {0}

    done = bizzybee("requeue", chosen, which, "--stage", "materialize", "--json")
    assert done.json == [{"id": str(event_id)}]
    assert done.err == "1 are requeued\n"
    assert broker.depths()["bb_ingest_jobs"] == 1


def test_requeueing_an_unknown_event_is_one_sentence(bizzybee, broker):
    done = bizzybee("requeue", "--event", GONE)

    assert (done.code, done.out, done.err) == (1, "", f"no event {GONE}\n")
    assert set(broker.depths().values()) == {0}


@pytest.mark.shows("K5")
def test_incidents_are_listed_acknowledged_and_resolved(bizzybee, runtime):
    with runtime.system_transaction() as tx:
        store.incidents.report(
            tx, kind="stalled", dedupe_key="a", details={"sender": "[/red]"}
        )

    (listed,) = bizzybee("incidents", "list", "--json").json
    assert (listed["kind"], listed["status"], listed["count"]) == ("stalled", "open", 1)
    assert "[/red]" in bizzybee("incidents", "list").out

    acknowledged = bizzybee("incidents", "ack", listed["id"])
    assert acknowledged.err == f"{listed['id']} is acknowledged\n"
    (listed,) = bizzybee("incidents", "list", "--json").json
    assert listed["status"] == IncidentStatus.ACKNOWLEDGED

    resolved = bizzybee("incidents", "resolve", listed["id"], "--json")
    assert resolved.json == {"id": listed["id"], "status": "resolved"}
    assert bizzybee("incidents", "list", "--json").json == []
    (kept,) = bizzybee("incidents", "list", "--all", "--json").json
    assert kept["status"] == "resolved"


@pytest.mark.parametrize("verb", ["ack", "resolve"])
def test_an_unknown_incident_is_one_sentence(bizzybee, verb):
    done = bizzybee("incidents", verb, GONE)

    assert (done.code, done.out, done.err) == (1, "", f"no incident {GONE}\n")


@pytest.mark.shows("K1")
def test_a_sweep_by_hand_does_what_beat_does(bizzybee, runtime, make, config, broker):
    make.events(config, message())
    with runtime.system_transaction() as tx:
        tx.session.connection().exec_driver_sql(
            "UPDATE message_events SET rung_at = NULL"
        )

    swept = bizzybee("sweep", "--json").json

    assert (swept["events"], swept["jobs"]) == (1, 1)
    assert broker.depths()["bb_ingest_jobs"] == 1


def test_supervising_by_hand_opens_incidents(bizzybee, runtime, make, config):
    make.run(config)
    with runtime.system_transaction() as tx:
        tx.session.connection().exec_driver_sql(
            "UPDATE pipeline_runs SET heartbeat_at = %s",
            (tx.now - timedelta(hours=1),),
        )

    found = bizzybee("supervise", "--json").json

    assert {kind: count for kind, count in found.items() if count} == {"run_stalled": 1}
    (incident,) = bizzybee("incidents", "list", "--json").json
    assert incident["kind"] == "run_stalled"


@pytest.fixture
def failed(runtime, make, config):
    """An event that was given up, and its dead letter."""
    (event_id,) = make.events(config, message())
    with runtime.transaction(config.workspace_id) as tx:
        claim = store.claims.take(
            tx,
            [event_id],
            status=EventStatus.RECEIVED,
            lease=timedelta(minutes=1),
        )
        store.claims.fail(tx, claim, event_id, "InvalidPayload: no sender")
        store.dead_letters.add(
            tx,
            [
                {
                    "workspace_id": config.workspace_id,
                    "source_queue": "bb_ingest_jobs",
                    "job_type": "MATERIALIZE",
                    "payload": {"event_ids": [str(event_id)]},
                    "error": "InvalidPayload: no sender",
                    "traceback": "line 1",
                    "attempts": 6,
                    "event_id": event_id,
                }
            ],
        )
        (letter,) = store.dead_letters.find(tx)
    return event_id, letter.id


@pytest.fixture
def letter(runtime, failed):
    def letter():
        with runtime.system_transaction() as tx:
            found = store.dead_letters.get(tx, failed[1])
            return found.status, found.error

    return letter
