"""What goes wrong on demand, and what the sandbox says it has seen."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

ACCOUNT = "/aurinko/v1/account"
MESSAGES = "/aurinko/v1/email/messages"


def test_a_fault_is_played_as_often_as_it_says(sandbox):
    sandbox.control(
        "faults",
        {
            "provider": "aurinko",
            "status": 429,
            "headers": {"Retry-After": "2"},
            "times": 3,
            "match": "/v1/email/messages",
            "body": {"code": "slow.down"},
        },
    )

    answers = [sandbox.get(MESSAGES) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [429, 429, 429, 200, 200]
    assert answers[0].headers["Retry-After"] == "2"
    assert answers[0].json() == {"code": "slow.down"}


def test_a_fault_is_played_as_often_under_concurrency(sandbox):
    sandbox.control("faults", {"provider": "aurinko", "status": 503, "times": 7})

    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: sandbox.get(ACCOUNT), range(60)))

    assert [answer.status_code for answer in answers].count(503) == 7


def test_a_fault_spares_other_paths_and_providers(sandbox):
    sandbox.control("faults", {"provider": "gateway", "status": 500})
    fault = {"provider": "aurinko", "status": 500, "match": "pageToken="}
    sandbox.control("faults", fault)

    assert sandbox.get(MESSAGES).status_code == 200
    assert sandbox.get(MESSAGES, pageToken="x").status_code == 500
    assert [f["provider"] for f in sandbox.get("/_control/faults").json()] == [
        "gateway"
    ]


def test_faults_and_replies_come_in_their_order(sandbox):
    sandbox.control("faults", {"provider": "gateway", "status": 500, "times": 2})
    sandbox.control("replies", {"provider": "gateway", "body": {"choices": []}})

    answers = [sandbox.post("/gateway/v1/chat/completions", {}) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [500, 500, 200, 400]
    assert answers[2].json() == {"choices": []}


@pytest.mark.parametrize(
    ("path", "provider", "status", "body"),
    [
        (ACCOUNT, "aurinko", 401, {"code": "unauthorized"}),
        (
            "/gateway/v1/chat/completions",
            "gateway",
            429,
            {"error": {"type": "requests", "code": "rate_limit_exceeded"}},
        ),
        (
            "/anthropic/v1/messages",
            "anthropic",
            529,
            {"type": "error", "error": {"type": "overloaded_error"}},
        ),
        (
            "/openai/v1/embeddings",
            "openai",
            401,
            {"error": {"code": "invalid_api_key"}},
        ),
    ],
    ids=["aurinko", "gateway", "anthropic", "openai"],
)
def test_a_fault_without_a_body_has_the_providers_own(
    sandbox, path, provider, status, body
):
    sandbox.control("faults", {"provider": provider, "status": status})

    answer = sandbox.get(path)

    assert answer.status_code == status
    assert contains(answer.json(), body)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/aurinko/v1/email/sync"),
        ("GET", "/aurinko/v1/email/sync/updated"),
        ("GET", "/aurinko/v1/email/sync/deleted"),
        ("GET", "/aurinko/v1/email/conversations/x"),
        ("POST", MESSAGES),
        ("POST", f"{MESSAGES}/x/reply"),
        ("GET", f"{MESSAGES}/x/attachments/y"),
        ("POST", "/aurinko/v1/subscriptions"),
        ("DELETE", "/aurinko/v1/subscriptions/1"),
    ],
)
def test_faults_reach_every_route_of_aurinko(sandbox, method, path):
    def ask():
        return sandbox.session.request(method, sandbox.url + path, timeout=10)

    limit = {"provider": "aurinko", "status": 429}
    sandbox.control("faults", {**limit, "headers": {"Retry-After": "2"}})
    sandbox.control("faults", limit)
    sandbox.control("faults", {"provider": "aurinko", "status": 401})
    sandbox.control("faults", {"provider": "aurinko", "mode": "drop"})
    sandbox.control("faults", {"provider": "aurinko", "mode": "half"})

    answers = [ask() for _ in range(3)]
    for _ in range(2):
        with pytest.raises(requests.RequestException):
            ask()

    assert [answer.status_code for answer in answers] == [429, 429, 401]
    waits = [answer.headers.get("Retry-After") for answer in answers]
    assert waits == ["2", None, None]
    assert answers[2].json()["code"] == "unauthorized"


def test_a_fault_may_be_for_one_method(sandbox):
    fault = {"provider": "aurinko", "status": 500, "method": "post"}
    sandbox.control("faults", fault)

    answers = [sandbox.get(MESSAGES), sandbox.post(MESSAGES, {})]

    assert [answer.status_code for answer in answers] == [200, 500]


def test_a_served_request_takes_effect_before_its_answer_is_delayed(sandbox):
    fault = {"provider": "aurinko", "served": True, "delay_ms": 1000}
    sandbox.control("faults", fault)
    letter = {"to": [{"address": "anna@example.com"}]}

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(sandbox.post, MESSAGES, letter)
        while not sandbox.get("/_control/sends").json():
            assert not answer.done()
        assert not answer.done()

    assert answer.result().status_code == 201


def test_a_dropped_connection_gives_no_answer(sandbox):
    sandbox.control("faults", {"provider": "aurinko", "mode": "drop"})

    with pytest.raises(requests.ConnectionError):
        sandbox.get(ACCOUNT)

    assert sandbox.get(ACCOUNT).status_code == 200
    seen = sandbox.get("/_control/requests").json()
    assert [request["status"] for request in seen] == [None, 200]


def test_half_an_answer_ends_in_its_middle(sandbox):
    sandbox.control("faults", {"provider": "aurinko", "mode": "half"})

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        sandbox.get(ACCOUNT)

    answer = requests.get(
        sandbox.url + ACCOUNT,
        headers={"Authorization": "Bearer sandbox-test"},
        timeout=10,
    )
    assert answer.status_code == 200


def test_garbage_is_html_with_status_200(sandbox):
    sandbox.control("faults", {"provider": "aurinko", "mode": "garbage"})

    answer = sandbox.get(ACCOUNT)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_delay_alone_delays_the_true_answer(sandbox):
    sandbox.control("faults", {"provider": "aurinko", "delay_ms": 80})

    started = time.monotonic()
    answer = sandbox.get(ACCOUNT)

    assert answer.json()["tokenStatus"] == "active"
    assert time.monotonic() - started >= 0.08


def test_latency_is_set_for_one_provider_and_waited_for_at_the_same_time(sandbox):
    sandbox.control("latency", {"provider": "aurinko", "ms": 200})

    started = time.monotonic()
    with ThreadPoolExecutor(30) as pool:
        list(pool.map(lambda _: sandbox.get(ACCOUNT), range(30)))

    assert 0.2 <= time.monotonic() - started < 3
    latency = sandbox.control("latency", {"provider": "aurinko", "ms": 0})
    assert set(latency.values()) == {0}


def test_faults_can_be_cleared(sandbox):
    sandbox.control("faults", {"provider": "aurinko", "status": 500, "times": 9})

    sandbox.session.delete(f"{sandbox.url}/_control/faults")

    assert sandbox.get(ACCOUNT).status_code == 200


def test_requests_are_listed_and_counted_by_route(sandbox):
    sandbox.get(f"{MESSAGES}/one", bodyType="html")
    sandbox.get(f"{MESSAGES}/two")
    sandbox.post("/gateway/v1/chat/completions", {"pad": "x" * 20_000})
    sandbox.post("/gateway/v1/elsewhere", {"a": "ä"})

    seen = sandbox.get("/_control/requests").json()
    counts = sandbox.get("/_control/counts").json()

    assert [(s["method"], s["path"], s["query"], s["status"]) for s in seen] == [
        ("GET", "/v1/email/messages/one", "bodyType=html", 404),
        ("GET", "/v1/email/messages/two", "", 404),
        ("POST", "/v1/chat/completions", "", 400),
        ("POST", "/v1/elsewhere", "", 404),
    ]
    assert [s["body"] is None for s in seen] == [False, False, True, False]
    assert counts == {
        "aurinko": {"/v1/email/messages/<message_id>": 2},
        "gateway": {"(unknown)": 1, "/v1/chat/completions": 1},
    }
    sandbox.session.delete(f"{sandbox.url}/_control/requests")
    assert sandbox.get("/_control/requests").json() == []
    assert sandbox.get("/_control/counts").json() == {}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"status": 500}),
        ("faults", {"provider": "nobody", "status": 500}),
        ("faults", {"provider": "aurinko"}),
        ("faults", {"provider": "aurinko", "mode": "explode"}),
        ("faults", {"provider": "aurinko", "status": 500, "times": 0}),
        ("faults", {"provider": "aurinko", "status": "500"}),
        ("faults", {"provider": "aurinko", "status": 500, "match": 1}),
        ("faults", {"provider": "aurinko", "status": 500, "count": 2}),
        ("faults", {"provider": "aurinko", "status": 500, "served": 1}),
        ("replies", {"provider": "gateway"}),
        ("latency", {"ms": -1}),
        ("latency", {"ms": 5, "provider": "nobody"}),
        ("mailboxes", {"name": "x"}),
        ("mailboxes", {"name": "x", "path": "/nowhere.mbox", "owner": "a@b"}),
    ],
)
def test_a_direction_that_makes_no_sense_is_refused(sandbox, path, body):
    answer = sandbox.post(f"/_control/{path}", body)

    assert answer.status_code == 400
    assert answer.json()["error"]


def contains(whole, part):
    """Whether all of a nested object stands in another."""
    if not isinstance(part, dict):
        return whole == part
    return all(name in whole and contains(whole[name], v) for name, v in part.items())
