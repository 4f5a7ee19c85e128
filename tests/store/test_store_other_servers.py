"""Rows that another server writes itself, and how we hear of them."""

import json
import select
from datetime import timedelta

import psycopg2
import pytest
from sqlalchemy import make_url

from app import store
from app.domain.status import EventStatus
from app.domain.unified_message import Direction
from app.jobs.contracts import Materialize
from app.services.operations.sweep import sweep
from app.services.pipeline.materialize import materialize
from tests.factories import message


def test_a_row_of_another_server_needs_six_columns(runtime, make, config, foreign, now):
    foreign(config, message(external_id="a@x"))

    (event,) = unfinished(runtime)

    assert event.id.version == 7
    assert (event.status, event.attempts) == (EventStatus.RECEIVED, 0)
    assert (event.direction, event.id_collision) == (Direction.INBOUND, False)
    assert abs(event.received_at - now()) < timedelta(seconds=5)
    assert event.updated_at == event.received_at
    nothing = {
        column.name
        for column in event.__table__.columns
        if getattr(event, column.name) is None
    }
    assert nothing == {
        "external_thread_id", "run_id", "receipt_id", "raw", "archive_id", "content_digest",
        "fingerprint", "reason", "decision",
        "next_attempt_at", "lease_token", "lease_expires_at", "rung_at", "last_error",
        "conversation_id", "message_id", "superseded_by", "materialized_at",
        "classified_at", "decided_at", "drafted_at", "finished_at",
    }  # fmt: skip


def test_such_a_row_is_picked_up_at_once_and_passes_through(
    runtime, make, config, foreign
):
    foreign(config, message(external_id="a@x", body_text="Is it there?"))

    swept = sweep(runtime, forced=True)
    (job,) = runtime.publisher.jobs
    outcome = materialize(runtime, job)

    (event,) = unfinished(runtime)
    assert (swept["events"], swept["jobs"]) == (1, 1)
    assert isinstance(job, Materialize)
    assert outcome.counts == {"materialized": 1}
    with runtime.transaction(config.workspace_id) as tx:
        (stored,) = store.messages.of_ids(tx, [event.message_id]).values()
    assert stored.body == "Is it there?"


def test_such_a_row_that_is_there_already_is_refused(config, foreign):
    foreign(config, message(external_id="a@x"))

    with pytest.raises(psycopg2.errors.UniqueViolation):
        foreign(config, message(external_id="a@x"))


@pytest.mark.parametrize(
    "wrong",
    [{"direction": "sideways"}, {"channel": None}, {"payload": None}],
    ids=["an unknown direction", "no channel", "no payload"],
)
def test_such_a_row_must_be_whole(runtime, config, foreign, wrong):
    with pytest.raises(psycopg2.IntegrityError):
        foreign(config, message(), **wrong)

    assert unfinished(runtime) == []


def test_a_row_of_another_server_rings(config, foreign, heard):
    foreign(config, message())

    assert heard() == [("bizzybee_events", "")]


def test_many_rows_ring_once(config, foreign, heard):
    foreign(config, message(), message(), message())

    assert heard() == [("bizzybee_events", "")]


def test_our_own_rows_do_not_ring(make, config, foreign, heard):
    """We publish their jobs ourselves, and a NOTIFY takes a lock that all commits share."""
    make.events(config, message())
    assert heard(seconds=0.1) == []

    foreign(config, message())

    assert len(heard()) == 1


def test_what_is_rolled_back_does_not_ring(config, foreign, heard):
    with pytest.raises(psycopg2.IntegrityError):
        foreign(config, message(), direction="sideways")

    assert heard(seconds=0.1) == []


def test_the_listener_listens_to_what_rings(environment):
    from app import listener

    assert listener.CHANNEL == "bizzybee_events"


def unfinished(runtime):
    with runtime.system_transaction() as tx:
        return list(store.events.find(tx))


@pytest.fixture
def libpq(servers):
    """Opens connections that know nothing of us."""
    url = make_url(str(servers.database_url)).set(drivername="postgresql")
    opened = []

    def connect():
        connection = psycopg2.connect(url.render_as_string(hide_password=False))
        connection.autocommit = True
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        connection.close()


@pytest.fixture
def foreign(libpq):
    """Inserts messages as another server would, in one statement."""
    connection = libpq()

    def insert(config, *messages, **wrong):
        rows = [
            {
                "workspace_id": str(config.workspace_id),
                "channel": "email",
                "config_id": str(config.id),
                "external_id": one.external_id,
                "direction": one.direction.value,
                "payload": json.dumps(one.model_dump(mode="json")),
            }
            | wrong
            for one in messages
        ]
        names = ", ".join(rows[0])
        places = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(rows))
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO message_events ({names}) VALUES {places}",
                [value for row in rows for value in row.values()],
            )

    return insert


@pytest.fixture
def heard(libpq):
    """What a listening connection has been told since the last time."""
    connection = libpq()
    with connection.cursor() as cursor:
        cursor.execute("LISTEN bizzybee_events")

    def heard(seconds=5.0):
        select.select([connection], [], [], seconds)
        connection.poll()
        told = [(one.channel, one.payload) for one in connection.notifies]
        connection.notifies.clear()
        return told

    return heard
