"""A look into the queues, without taking anything."""

import json

import pytest
import redis

from app.jobs import queues
from app.jobs.broker import Broker


def test_the_depths_count_waiting_and_held_messages(broker, client):
    client.lpush("bb_draft_jobs", "one", "two")
    client.lpush("bb_draft_jobs\x06\x163", "of another priority")
    client.hset("unacked", "tag", "held by a worker")

    assert broker.depths() == dict.fromkeys(queues.ALL, 0) | {
        "bb_draft_jobs": 3,
        "unacked": 1,
    }


def test_peeking_shows_what_comes_next_and_takes_nothing(broker, client):
    for number in range(3):
        client.lpush("bb_draft_jobs", message(f"job {number}"))

    shown = broker.peek("bb_draft_jobs", limit=2)

    assert shown == [
        {"id": "job 0", "task": "pipeline.draft", "args": "({},)"},
        {"id": "job 1", "task": "pipeline.draft", "args": "({},)"},
    ]
    assert broker.depths()["bb_draft_jobs"] == 3


@pytest.mark.parametrize(
    "foreign", ["not JSON", "[]", "{}", '{"headers": null}', b"\xff\xfe"], ids=repr
)
def test_what_cannot_be_read_is_shown_as_it_is(broker, client, foreign):
    client.lpush("bb_draft_jobs", foreign)

    (shown,) = broker.peek("bb_draft_jobs")

    assert (shown["id"], shown["task"]) == (None, "unreadable")
    assert len(shown["args"]) > 1


def test_purging_forgets_one_queue(broker, client):
    client.lpush("bb_draft_jobs", "one", "two")
    client.lpush("bb_draft_jobs\x06\x163", "of another priority")
    client.lpush("bb_ingest_jobs", "three")

    forgotten = broker.purge("bb_draft_jobs")

    assert forgotten == 3
    assert broker.depths()["bb_draft_jobs"] == 0
    assert broker.depths()["bb_ingest_jobs"] == 1


def test_an_empty_queue_can_be_peeked_into_and_purged(broker):
    assert broker.peek("bb_draft_jobs") == []
    assert broker.purge("bb_draft_jobs") == 0


def test_a_broker_that_is_away_says_so():
    with pytest.raises(redis.ConnectionError):
        Broker("redis://127.0.0.1:1/0", timeout=0.2).ping()


def test_the_memory_policy_can_be_asked_for(broker, client):
    assert broker.eviction_policy() == client.config_get()["maxmemory-policy"]


def message(name):
    headers = {"id": name, "task": "pipeline.draft", "argsrepr": "({},)"}
    return json.dumps({"headers": headers, "body": "e30="})


@pytest.fixture
def client(servers):
    with redis.Redis.from_url(servers.redis_url, decode_responses=True) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture
def broker(servers, client):
    return Broker(servers.redis_url)
