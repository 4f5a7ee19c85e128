"""`POST /unified-ingest`: what a partner posts is kept once, and each message judged alone."""

import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.channels.base import Item
from app.domain.status import ConfigStatus, Scope, Source
from app.domain.unified_message import UnifiedMessage
from app.jobs.contracts import Materialize
from app.services.accounts import set_config_status
from app.services.pipeline.ingest import ingest
from app.services.sync.unified_ingest import ingest_batch
from tests.http.client import client_of, mail, rows

MIB = 2**20


def test_messages_are_stored_and_rung_for(
    client, runtime, as_key, batch, workspace, config
):
    response = client.post(
        "/unified-ingest", json=batch(mail("a"), mail("b")), headers=as_key()
    )

    stored = rows(runtime, "message_events", "id, external_id, status, workspace_id")
    assert response.status_code == 202
    assert response.json == {
        "accepted": 2,
        "created": 2,
        "duplicates": 0,
        "rejected": [],
        "event_ids": [str(row[0]) for row in stored],
    }
    assert [row[1:] for row in stored] == [
        ("a", "received", workspace.id),
        ("b", "received", workspace.id),
    ]
    assert runtime.publisher.jobs == [
        Materialize(
            workspace_id=workspace.id,
            config_id=config.id,
            channel="email",
            event_ids=tuple(row[0] for row in stored),
        )
    ]
    assert rows(runtime, "messages") == []


def test_what_was_posted_is_kept_beside_what_was_understood(
    client, runtime, as_key, batch
):
    posted = mail("a", subject="Hello", of_no_concern={"x": [1]})

    client.post("/unified-ingest", json=batch(posted), headers=as_key())

    [(raw, payload)] = rows(runtime, "message_events", "raw, payload")
    assert raw == posted
    assert payload == mail("a", subject="Hello")


def test_a_replayed_batch_adds_nothing(client, runtime, as_key, batch):
    headers = as_key()
    client.post("/unified-ingest", json=batch(mail("a"), mail("b")), headers=headers)
    runtime.publisher.jobs.clear()

    response = client.post(
        "/unified-ingest", json=batch(mail("a"), mail("b")), headers=headers
    )

    assert response.status_code == 202
    assert response.json == {
        "accepted": 2,
        "created": 0,
        "duplicates": 2,
        "rejected": [],
        "event_ids": [],
    }
    assert len(rows(runtime, "message_events")) == 2
    assert runtime.publisher.jobs == []


def test_a_message_that_stands_twice_in_a_batch_is_stored_once(
    client, runtime, as_key, batch
):
    posted = batch(mail("a", body_text="first"), mail("b"), mail("a"))

    response = client.post("/unified-ingest", json=posted, headers=as_key())

    assert (response.json["created"], response.json["duplicates"]) == (2, 1)
    stored = rows(runtime, "message_events", "external_id, payload ->> 'body_text'")
    assert stored == [("a", "first"), ("b", "Where is my order?")]
    assert [len(job.event_ids) for job in stage_jobs(runtime)] == [2]


@pytest.mark.shows("B1")
def test_fifty_deliveries_at_once_make_one_event_of_each_message(
    client, runtime, as_key, batch
):
    headers = as_key()
    body = json.dumps(batch(mail("a"), mail("b")))

    with ThreadPoolExecutor(10) as threads:
        answers = list(
            threads.map(
                lambda _: in_one(client.application.test_client(), body, headers),
                range(50),
            )
        )

    assert {answer.status_code for answer in answers} == {202}
    assert sum(answer.json["created"] for answer in answers) == 2
    assert sum(answer.json["duplicates"] for answer in answers) == 98
    assert rows(runtime, "message_events", "external_id") == [("a",), ("b",)]
    named = [len(job.event_ids) for job in runtime.publisher.jobs]
    assert sum(named) == 2


def test_two_batches_in_opposite_order_do_not_wait_for_each_other_for_ever(
    runtime, make, workspace, config
):
    def post(*external_ids):
        return ingest_batch(
            runtime,
            workspace.id,
            config.id,
            channel="email",
            messages=[mail(external_id) for external_id in external_ids],
        )

    with ThreadPoolExecutor(2) as threads, runtime.transaction(workspace.id) as tx:
        # Who brings the message in the middle has to wait until we let go of it.
        held = UnifiedMessage.model_validate(mail("m"))
        ingest(tx, config, [Item(raw={}, message=held)], source=Source.POST)
        posted = [threads.submit(post, *"amz"), threads.submit(post, *"zma")]
        until_waiting(runtime, 2)
        tx.session.rollback()
        created = [one.result(timeout=10).created for one in posted]

    assert sum(created) == 3
    assert len(rows(runtime, "message_events")) == 3


@pytest.mark.shows("A2")
def test_a_malformed_message_is_dead_lettered_alone(
    client, runtime, as_key, batch, workspace, config
):
    broken = mail("b", direction="sideways")
    del broken["sender"]

    response = client.post(
        "/unified-ingest", json=batch(mail("a"), broken, mail("c")), headers=as_key()
    )

    assert response.status_code == 202
    assert response.json["created"] == response.json["accepted"] == 2
    assert response.json["rejected"] == [
        {
            "index": 1,
            "external_id": "b",
            "errors": [
                {
                    "loc": ["direction"],
                    "msg": "Input should be 'inbound' or 'outbound'",
                },
                {"loc": ["sender"], "msg": "Field required"},
            ],
        }
    ]
    stored = rows(runtime, "message_events", "external_id")
    assert stored == [("a",), ("c",)]
    letters = rows(
        runtime, "dead_letters", "workspace_id, job_type, payload, error, status"
    )
    assert letters == [
        (
            workspace.id,
            "INGEST",
            {
                "channel": "email",
                "config_id": str(config.id),
                "external_id": "b",
                "raw": broken,
            },
            "direction: Input should be 'inbound' or 'outbound'; sender: Field required",
            "open",
        )
    ]
    assert [len(job.event_ids) for job in stage_jobs(runtime)] == [2]


def test_a_replayed_malformed_message_is_dead_lettered_once(
    client, runtime, as_key, batch
):
    headers = as_key()
    posted = batch(mail("a"), {"external_id": "b"})
    client.post("/unified-ingest", json=posted, headers=headers)

    response = client.post("/unified-ingest", json=posted, headers=headers)

    assert [one["index"] for one in response.json["rejected"]] == [1]
    assert len(rows(runtime, "dead_letters")) == 1


@pytest.mark.parametrize(
    ("element", "kept_as"),
    [
        pytest.param(None, {"value": None}, id="null"),
        pytest.param("text", {"value": "text"}, id="text"),
        pytest.param([mail("x")], {"value": [mail("x")]}, id="a list"),
        pytest.param({}, {}, id="an empty object"),
    ],
)
@pytest.mark.shows("A2")
def test_what_is_no_message_at_all_is_kept_too(
    client, runtime, as_key, batch, element, kept_as
):
    response = client.post(
        "/unified-ingest", json=batch(element, mail("a")), headers=as_key()
    )

    assert response.status_code == 202
    assert response.json["created"] == 1
    assert [one["index"] for one in response.json["rejected"]] == [0]
    assert [row[0]["raw"] for row in rows(runtime, "dead_letters", "payload")] == [
        kept_as
    ]


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param('{"a":' * 101 + "1" + "}" * 101, id="nested too deeply"),
        pytest.param('{"a": 1e400}', id="a number that is too large"),
    ],
)
@pytest.mark.shows("A2")
def test_what_cannot_be_held_is_kept_as_text(client, runtime, as_key, batch, metadata):
    body = json.dumps(batch(mail("a"), mail("b", metadata="HERE")))

    response = client.post(
        "/unified-ingest",
        data=body.replace('"HERE"', metadata),
        headers=as_key(),
    )

    assert response.status_code == 202
    assert (response.json["created"], len(response.json["rejected"])) == (1, 1)
    [(letter,)] = rows(runtime, "dead_letters", "payload")
    assert letter["external_id"] == "b"
    assert letter["raw"]["json"].startswith('{"external_id": "b"')


def test_a_message_as_deep_as_is_allowed_is_stored(client, runtime, as_key, batch):
    # The message and its metadata are two levels, the number is the last.
    metadata = 1
    for _ in range(98):
        metadata = {"a": metadata}

    response = client.post(
        "/unified-ingest", json=batch(mail("a", metadata=metadata)), headers=as_key()
    )

    assert response.json["created"] == 1


@pytest.mark.shows("C3")
def test_nul_and_lone_surrogates_are_replaced(client, runtime, as_key, batch):
    strange = mail(
        "a\x00",
        subject="\ud83d lone",
        body_text="NUL \x00 here",
        metadata={"key \udc00": ["\x00"]},
    )

    response = client.post("/unified-ingest", json=batch(strange), headers=as_key())

    assert response.status_code == 202
    assert response.json["created"] == 1
    [(external_id, payload)] = rows(runtime, "message_events", "external_id, payload")
    assert external_id == "a\ufffd"
    assert payload["subject"] == "\ufffd lone"
    assert payload["body_text"] == "NUL \ufffd here"
    assert payload["metadata"] == {"key \ufffd": ["\ufffd"]}


@pytest.mark.shows("C3")
def test_nul_and_lone_surrogates_in_a_malformed_message_do_not_cost_its_letter(
    client, runtime, as_key, batch
):
    strange = {"external_id": "a\x00\ud800", "subject": "\x00"}

    response = client.post("/unified-ingest", json=batch(strange), headers=as_key())

    assert response.json["rejected"][0]["external_id"] == "a\ufffd\ufffd"
    [(letter,)] = rows(runtime, "dead_letters", "payload")
    assert letter["raw"] == {"external_id": "a\ufffd\ufffd", "subject": "\ufffd"}


@pytest.mark.shows("C14")
def test_a_year_far_ahead_is_kept_as_claimed(client, runtime, as_key, batch):
    posted = mail("a", sent_at="3610-01-02T03:04:05+01:00")

    response = client.post("/unified-ingest", json=batch(posted), headers=as_key())

    assert response.json["created"] == 1
    [(claimed,)] = rows(runtime, "message_events", "payload ->> 'sent_at'")
    assert claimed == "3610-01-02T02:04:05Z"


@pytest.mark.parametrize(
    "sent_at",
    [
        pytest.param("0001-01-01T00:00:00+14:00", id="before the calendar"),
        pytest.param("9999-12-31T23:59:59-12:00", id="after the calendar"),
        pytest.param("9001-01-01T00:00:00Z", id="after the year 9000"),
        pytest.param("yesterday", id="in words"),
        pytest.param(1e300, id="a number of seconds without end"),
    ],
)
def test_a_time_that_is_none_is_rejected_alone(client, runtime, as_key, batch, sent_at):
    posted = batch(mail("a", sent_at=sent_at), mail("b"))

    response = client.post("/unified-ingest", json=posted, headers=as_key())

    assert response.status_code == 202
    assert response.json["created"] == 1
    assert [one["errors"][0]["loc"] for one in response.json["rejected"]] == [
        ["sent_at"]
    ]


@pytest.mark.parametrize("field", ["external_id", "external_thread_id"])
def test_an_id_that_no_index_can_hold_is_rejected_alone(
    client, runtime, as_key, batch, field
):
    # What repeats is compressed; this does not.
    letters = [chr(0x1F300 + number * 7 % 700) for number in range(1000)]
    longest, too_long = "".join(letters[:500]), "".join(letters[:501])
    posted = batch(mail("a") | {field: longest}, mail("b") | {field: too_long})

    response = client.post("/unified-ingest", json=posted, headers=as_key())

    assert response.status_code == 202
    assert response.json["created"] == 1
    assert response.json["rejected"][0]["index"] == 1
    assert response.json["rejected"][0]["errors"] == [
        {"loc": [field], "msg": "is longer than 2000 bytes"}
    ]


def test_of_a_thousand_faults_the_first_are_named(client, as_key, batch):
    posted = mail("a", recipients=[{}] * 1000)

    response = client.post("/unified-ingest", json=batch(posted), headers=as_key())

    assert len(response.json["rejected"][0]["errors"]) == 20


def test_an_empty_batch_does_nothing(client, runtime, as_key, batch):
    response = client.post("/unified-ingest", json=batch(), headers=as_key())

    assert response.status_code == 202
    assert response.json["accepted"] == 0
    assert rows(runtime, "message_events") == []
    assert runtime.publisher.jobs == []


@pytest.mark.shows("A20")
def test_a_disconnected_account_still_takes_messages(
    client, runtime, as_key, batch, workspace, config
):
    set_config_status(
        runtime, workspace.id, config.id, status=ConfigStatus.DISCONNECTED
    )

    response = client.post("/unified-ingest", json=batch(mail("a")), headers=as_key())

    assert response.json["created"] == 1


def test_five_hundred_messages_are_taken_and_one_more_is_not(
    client, runtime, as_key, batch
):
    headers = as_key()
    most = [mail(str(number)) for number in range(500)]

    refused = client.post(
        "/unified-ingest", json=batch(*most, mail("one more")), headers=headers
    )
    assert rows(runtime, "message_events") == []
    taken = client.post("/unified-ingest", json=batch(*most), headers=headers)

    assert refused.status_code == 413
    assert refused.json["detail"] == "501 messages in one batch; 500 are accepted"
    assert taken.status_code == 202
    assert taken.json["created"] == 500
    sizes = [len(job.event_ids) for job in runtime.publisher.jobs]
    assert sizes == [100, 100, 100, 100, 100]


def test_a_body_of_eleven_mib_is_refused_by_its_length(client, runtime, as_key, batch):
    body = json.dumps(batch(mail("a", body_text="x" * 11 * MIB)))

    response = client.post("/unified-ingest", data=body, headers=as_key())

    assert response.status_code == 413
    assert response.content_type == "application/problem+json"
    assert response.json["detail"] == "the body is larger than 10 MiB"
    assert rows(runtime, "message_events") == []


@pytest.mark.parametrize("length_is_given", [True, False])
def test_ten_mib_are_taken_and_one_byte_more_is_not(
    client, runtime, as_key, batch, length_is_given
):
    headers = as_key()
    most = [mail(str(number), body_text="x" * 1_800_000) for number in range(5)]
    body = json.dumps(batch(*most)).encode()
    body += b" " * (10 * MIB - len(body))
    post = in_one if length_is_given else in_chunks

    refused = post(client, body + b" ", headers)
    assert rows(runtime, "message_events") == []
    taken = post(client, body, headers)

    assert refused.status_code == 413
    assert refused.json["detail"] == "the body is larger than 10 MiB"
    assert taken.status_code == 202
    assert len(rows(runtime, "message_events")) == 5


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "the body is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b'{"messages": [', "the body is not JSON: Expecting value: line 1 column 15"),
        (b'{"messages": [NaN]}', "the body is not JSON: NaN is not a JSON number"),
        (b'{"x": -Infinity}', "the body is not JSON: -Infinity is not a JSON number"),
        (b'{"x": "\xff"}', "the body is not UTF-8: byte 7 is the first that does not"),
        (b"[" * 100_000, "the body is nested too deeply"),
        (b'{"x": ' + b"9" * 5000 + b"}", "the body is not JSON: Exceeds the limit"),
        (b"[]", "the body must be a JSON object"),
    ],
    ids=[
        "nothing",
        "cut off",
        "not a number",
        "infinity",
        "not UTF-8",
        "very deep",
        "a very long number",
        "a list",
    ],
)
def test_a_body_that_is_no_json_object_is_refused_in_clear_words(
    client, runtime, as_key, body, detail
):
    response = client.post("/unified-ingest", data=body, headers=as_key())

    assert response.status_code == 400
    assert response.content_type == "application/problem+json"
    assert response.json["detail"].startswith(detail)
    assert rows(runtime, "message_events") == rows(runtime, "dead_letters") == []


def test_of_a_key_that_stands_twice_the_last_counts(client, runtime, as_key, batch):
    body = json.dumps(batch(mail("a"))).replace("{", '{"messages": [], ', 1)

    response = client.post("/unified-ingest", data=body, headers=as_key())

    assert response.json["created"] == 1


def test_a_byte_order_mark_is_no_fault(client, as_key, batch):
    body = b"\xef\xbb\xbf" + json.dumps(batch(mail("a"))).encode()

    response = client.post("/unified-ingest", data=body, headers=as_key())

    assert response.json["created"] == 1


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"workspace_id": "ours"}, "workspace_id"),
        ({"config_id": None}, "config_id"),
        ({"channel": 7}, "channel"),
        ({"run_id": "the last"}, "run_id"),
        ({"messages": {"0": mail("a")}}, "messages"),
        ({"messages": None}, "messages"),
    ],
)
def test_a_wrong_envelope_is_refused_whole(client, runtime, as_key, batch, fields, loc):
    response = client.post(
        "/unified-ingest", json=batch(mail("a"), **fields), headers=as_key()
    )

    assert response.status_code == 400
    assert [fault["loc"] for fault in response.json["errors"]] == [[loc]]
    assert rows(runtime, "message_events") == rows(runtime, "dead_letters") == []


def test_every_fault_of_an_envelope_is_named(client, as_key):
    response = client.post("/unified-ingest", json={}, headers=as_key())

    assert response.json == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "the body is not valid",
        "errors": [
            {"loc": [name], "msg": "Field required"}
            for name in ("workspace_id", "config_id", "channel", "messages")
        ],
        "request_id": response.headers["X-Request-Id"],
    }


def test_another_channel_than_the_accounts_is_refused(client, runtime, as_key, batch):
    response = client.post(
        "/unified-ingest", json=batch(mail("a"), channel="sms"), headers=as_key()
    )

    assert response.status_code == 400
    assert response.json["errors"] == [{"loc": ["channel"], "msg": "should be 'email'"}]
    assert rows(runtime, "message_events") == []


@pytest.mark.shows("L1")
def test_a_key_does_not_open_another_workspace(
    client, runtime, make, as_key, batch, foreign
):
    theirs = make.config(foreign)
    posted = batch(mail("a"), workspace_id=str(foreign.id), config_id=str(theirs.id))

    response = client.post("/unified-ingest", json=posted, headers=as_key())

    assert response.status_code == 404
    assert response.json["detail"] == f"no workspace {foreign.id}"
    assert rows(runtime, "message_events") == []


@pytest.mark.shows("L1")
def test_the_account_of_another_workspace_is_not_found(
    client, runtime, make, as_key, batch, foreign
):
    theirs = make.config(foreign)

    response = client.post(
        "/unified-ingest",
        json=batch(mail("a"), config_id=str(theirs.id)),
        headers=as_key(),
    )

    assert response.status_code == 404
    assert rows(runtime, "message_events") == []


def test_an_unknown_account_is_not_found(client, as_key, batch):
    unknown = str(uuid4())

    response = client.post(
        "/unified-ingest", json=batch(mail("a"), config_id=unknown), headers=as_key()
    )

    assert response.status_code == 404
    assert response.json["detail"] == f"no account {unknown} in this workspace"


def test_a_batch_of_a_run_counts_for_it(client, runtime, make, as_key, batch, config):
    run = make.run(config)
    posted = batch(mail("a"), mail("a"), {}, run_id=str(run.id))

    client.post("/unified-ingest", json=posted, headers=as_key())

    counted = "created, duplicates, rejected, fetched_so_far"
    assert rows(runtime, "pipeline_runs", counted) == [(1, 1, 1, 3)]
    assert rows(runtime, "message_events", "run_id") == [(run.id,)]
    assert rows(runtime, "dead_letters", "run_id") == [(run.id,)]
    assert [job.run_id for job in stage_jobs(runtime)] == [run.id]


def test_what_is_posted_does_not_use_up_the_cap_of_a_run_that_fetches(
    client, runtime, make, as_key, batch, config
):
    run = make.run(config, folder="INBOX", cap=1)
    posted = batch(mail("a"), mail("b"), run_id=str(run.id))

    response = client.post("/unified-ingest", json=posted, headers=as_key())

    assert response.json["created"] == 2
    assert rows(runtime, "pipeline_runs", "created, fetched_so_far") == [(0, 0)]


@pytest.mark.shows("L1")
@pytest.mark.parametrize("whose", ["another workspace", "another account", "nobody"])
def test_the_run_of_another_is_not_found(
    client, runtime, make, as_key, batch, workspace, foreign, whose
):
    run_id = {
        "another workspace": lambda: make.run(make.config(foreign)).id,
        "another account": lambda: make.run(make.config(workspace)).id,
        "nobody": uuid4,
    }[whose]()

    response = client.post(
        "/unified-ingest", json=batch(mail("a"), run_id=str(run_id)), headers=as_key()
    )

    assert response.status_code == 404
    assert response.json["detail"] == f"no run {run_id} of this account"
    assert rows(runtime, "message_events") == []
    assert runtime.publisher.jobs == []


def test_a_broker_that_is_away_does_not_cost_a_message(runtime, as_key, batch):
    client = client_of(replace(runtime, publisher=BrokerAway()))

    response = client.post("/unified-ingest", json=batch(mail("a")), headers=as_key())

    assert response.status_code == 202
    assert rows(runtime, "message_events", "status") == [("received",)]


def test_the_ids_are_those_of_the_messages_in_their_order(
    client, runtime, as_key, batch
):
    posted = batch(mail("z"), mail("m"), mail("a"))

    response = client.post("/unified-ingest", json=posted, headers=as_key())

    by_id = dict(rows(runtime, "message_events", "id, external_id"))
    named = [by_id[UUID(event_id)] for event_id in response.json["event_ids"]]
    assert named == ["z", "m", "a"]


def test_a_key_without_the_scope_stores_nothing(client, runtime, as_key, batch):
    response = client.post(
        "/unified-ingest", json=batch(mail("a")), headers=as_key(Scope.READ)
    )

    assert response.status_code == 403
    assert rows(runtime, "message_events") == []


def until_waiting(runtime, count):
    """Wait until so many statements of this database wait for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with runtime.database.engine.connect() as connection:
        for _ in range(500):
            if connection.scalar(waiting) == count:
                return
            time.sleep(0.01)
    raise AssertionError(f"there are not {count} statements that wait")


def in_one(client, body, headers):
    return client.post("/unified-ingest", data=body, headers=headers)


def in_chunks(client, body, headers):
    """As a server hands over a body whose length it was not told."""
    return client.post(
        "/unified-ingest",
        input_stream=io.BytesIO(body),
        headers={**headers, "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )


class BrokerAway:
    """A publisher as the real one is without a broker: it takes nothing and does not raise."""

    def publish(self, jobs):
        return 0


def stage_jobs(runtime):
    """What goes on in the pipeline, notices of dead letters aside."""
    return [one for one in runtime.publisher.jobs if isinstance(one, Materialize)]
