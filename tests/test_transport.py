import gzip
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.errors import (
    AuthError,
    Gone,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryableError,
)
from app.transport import Bearer, HTTPClient
from tests.fakes import ScriptedServer

SECRET = "tok-secret-1"
AUTH = Bearer(SECRET)


def test_the_answer_is_the_json_and_the_token_goes_along(server, client):
    server.answer({"records": [1]})

    answer = client.get("/v1/things", auth=AUTH, params={"q": "in:sent", "limit": 2})

    assert answer == {"records": [1]}
    [asked] = server.requests
    assert (asked.method, asked.path) == ("GET", "/v1/things")
    assert asked.query == {"q": "in:sent", "limit": "2"}
    assert asked.headers["Authorization"] == f"Bearer {SECRET}"


def test_a_post_sends_json(server, client):
    server.answer({"id": 7}, status=201)

    assert client.post("/v1/things", auth=AUTH, body={"a": "ü"}) == {"id": 7}

    assert server.requests[0].method == "POST"
    assert server.requests[0].body == {"a": "ü"}


def test_a_base_url_may_have_a_path(server):
    server.answer({})

    HTTPClient("test", f"{server.url}/aurinko/").get("/v1/x", auth=AUTH)

    assert server.requests[0].path == "/aurinko/v1/x"


@pytest.mark.parametrize(
    ("status", "headers", "error", "wait"),
    [
        pytest.param(400, {}, PermanentError, None, id="bad request"),
        pytest.param(401, {}, AuthError, None, id="token refused"),
        pytest.param(403, {}, AuthError, None, id="scope missing"),
        pytest.param(404, {}, Gone, None, id="not there"),
        pytest.param(405, {}, PermanentError, None, id="wrong method"),
        pytest.param(408, {}, RetryableError, None, id="not ready"),
        pytest.param(
            408, {"Retry-After": "7"}, RetryableError, 7.0, id="not ready, wait"
        ),
        pytest.param(409, {}, PermanentError, None, id="conflict"),
        pytest.param(410, {}, Gone, None, id="gone"),
        pytest.param(413, {}, PermanentError, None, id="too large"),
        pytest.param(422, {}, PermanentError, None, id="unprocessable"),
        pytest.param(500, {}, RetryableError, None, id="server error"),
        pytest.param(502, {}, RetryableError, None, id="bad gateway"),
        pytest.param(
            503, {"Retry-After": "12"}, RetryableError, 12.0, id="maintenance"
        ),
        pytest.param(
            302, {"Location": "/"}, RetryableError, None, id="page in the way"
        ),
    ],
)
def test_a_status_becomes_the_error_that_says_what_follows(
    server, client, status, headers, error, wait
):
    server.answer({"message": "body text"}, status=status, headers=headers)

    with pytest.raises(error) as raised:
        client.get("/v1/things", auth=AUTH, params={"q": "anna@example.com"})

    assert type(raised.value) is error
    assert str(raised.value) == f"test: GET /v1/things answered {status}"
    assert getattr(raised.value, "retry_after", None) == wait
    assert len(server.requests) == 1


@pytest.mark.shows("A17")
@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        pytest.param(None, 30.0, id="no header"),
        pytest.param("120", 120.0, id="seconds"),
        pytest.param("0.5", 0.5, id="part of a second"),
        pytest.param("0", 0.0, id="at once"),
        pytest.param("-5", 0.0, id="negative"),
        pytest.param("soon", 30.0, id="not a number"),
        pytest.param("nan", 30.0, id="nan"),
        pytest.param("inf", 30.0, id="for ever"),
        pytest.param("Wed, 01 Jan 2020 00:00:00 GMT", 0.0, id="date in the past"),
    ],
)
def test_too_many_requests_says_how_long_to_wait(server, client, retry_after, wait):
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    server.answer({}, status=429, headers=headers)

    with pytest.raises(RateLimited) as raised:
        client.get("/v1/things", auth=AUTH)

    assert raised.value.retry_after == wait
    assert len(server.requests) == 1


@pytest.mark.shows("A17")
def test_a_date_to_retry_at_is_counted_from_now(server, client):
    moment = datetime.now(UTC) + timedelta(seconds=90)
    server.answer(
        {}, status=429, headers={"Retry-After": format_datetime(moment, usegmt=True)}
    )

    with pytest.raises(RateLimited) as raised:
        client.get("/v1/things", auth=AUTH)

    assert raised.value.retry_after == pytest.approx(89, abs=2)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"content": b"<html>busy</html>"}, id="html"),
        pytest.param({"content": b""}, id="nothing"),
        pytest.param({"content": b'{"a": 1'}, id="half of an object"),
        pytest.param({"content": b"[" * 100_000}, id="nested too deep"),
        pytest.param({"content": {"a": "b" * 1000}, "cut": True}, id="cut off"),
        pytest.param(
            {
                "content": b"5\r\n[1,2,\r\n",
                "headers": {"Transfer-Encoding": "chunked", "Connection": "close"},
            },
            id="cut off between chunks",
        ),
        pytest.param(
            {"content": b"no gzip", "headers": {"Content-Encoding": "gzip"}},
            id="not compressed as it says",
        ),
        pytest.param({"drop": True}, id="hung up"),
        pytest.param({"content": {}, "delay": 0.4}, id="silent for too long"),
        pytest.param({"content": {"a": 1}, "drip": 0.1}, id="dripped for too long"),
    ],
)
def test_an_answer_that_is_none_may_come_later(server, answer):
    client = HTTPClient("test", server.url, timeout=(1.0, 0.3), deadline=0.3)
    server.answer(**answer)

    with pytest.raises(RetryableError) as raised:
        client.get("/v1/things", auth=AUTH, params={"q": "anna@example.com"})

    assert type(raised.value) is RetryableError
    assert str(raised.value).startswith("test: GET /v1/things")
    assert "anna" not in str(raised.value)
    assert raised.value.retry_after is None
    assert len(server.requests) == 1


def test_nobody_listening_is_retryable_and_tells_no_query(server):
    url = server.url
    server.close()

    with pytest.raises(RetryableError) as raised:
        HTTPClient("test", url).get("/v1/x", auth=AUTH, params={"q": "secret"})

    assert str(raised.value) == "test: GET /v1/x: no answer (ConnectionError)"
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="plain"),
        pytest.param({"Content-Encoding": "gzip"}, id="compressed"),
    ],
)
def test_an_answer_that_is_too_large_is_refused(server, headers):
    body = json.dumps("x" * 100_000).encode()
    server.answer(gzip.compress(body) if headers else body, headers=headers)

    with pytest.raises(PermanentError, match="answered more than 99999 bytes"):
        HTTPClient("test", server.url, max_bytes=99_999).get("/x", auth=AUTH)


def test_an_answer_of_just_the_largest_size_is_read(server):
    server.answer(json.dumps("x" * 998).encode())

    answer = HTTPClient("test", server.url, max_bytes=1000).get("/x", auth=AUTH)

    assert answer == "x" * 998


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param(b'["a\xffb"]', ["a�b"], id="a byte that is no UTF-8"),
        pytest.param(b"\xef\xbb\xbf[1]", [1], id="a byte order mark"),
        pytest.param(b"[NaN, -Infinity, 1e999]", [None] * 3, id="no numbers"),
        pytest.param(b"[1.5, -2e3]", [1.5, -2000.0], id="numbers"),
    ],
)
def test_what_cannot_be_stored_does_not_cost_the_page(server, client, body, value):
    server.answer(body)

    assert client.get("/x", auth=AUTH) == value


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param(17, id="a number"),
        pytest.param("tok\r\nX-Admin: yes", id="a line break"),
        pytest.param("tok en", id="a blank"),
        pytest.param("tokén", id="a letter with an accent"),
    ],
)
def test_a_token_that_cannot_be_sent_is_refused_without_being_told(token):
    with pytest.raises(AuthError, match=r"^the account has no usable access token$"):
        Bearer(token)


def test_connections_are_kept_for_the_next_request(server, client):
    for _ in range(3):
        server.answer({})
        client.get("/x", auth=AUTH)

    assert len({asked.connection for asked in server.requests}) == 1


def test_threads_do_not_share_connections(server, client):
    for _ in range(4):
        server.answer({}, delay=0.05)
    threads = [
        threading.Thread(target=client.get, args=["/x"], kwargs={"auth": AUTH})
        for _ in range(4)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({asked.connection for asked in server.requests}) == 4


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_connections_of_its_own(server, client):
    for _ in range(3):
        server.answer({})
    client.get("/before", auth=AUTH)

    child = os.fork()
    if child == 0:
        try:
            client.get("/child", auth=AUTH)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    client.get("/after", auth=AUTH)

    before, in_child, after = (asked.connection for asked in server.requests)
    assert before == after
    assert in_child != before


def test_cookies_of_one_account_are_not_sent_for_another(server, client):
    server.answer({}, headers={"Set-Cookie": "session=anna"})
    server.answer({})

    client.get("/x", auth=AUTH)
    client.get("/x", auth=AUTH)

    assert "Cookie" not in server.requests[1].headers


def test_no_proxy_stands_between_us_and_this_machine(server, client, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    server.answer({"direct": True})

    assert client.get("/x", auth=AUTH) == {"direct": True}


def test_a_netrc_file_does_not_replace_the_token(server, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine proxied.example login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")
    server.answer({})

    HTTPClient("test", "http://proxied.example").get("/x", auth=AUTH)

    assert server.requests[0].headers["Authorization"] == f"Bearer {SECRET}"


def test_what_must_not_be_done_twice_has_a_connection_of_its_own(server, client):
    for _ in range(3):
        server.answer({"id": 1}, status=201)

    client.get("/x", auth=AUTH)
    assert client.submit("/x", auth=AUTH, body={"a": "ü"}) == {"id": 1}
    assert client.submit("/x", auth=AUTH, form={"To": "+4", "Body": "ü"}) == {"id": 1}

    _, as_json, as_form = server.requests
    assert len({asked.connection for asked in server.requests}) == 3
    assert as_json.body == {"a": "ü"}
    assert as_json.headers["Content-Type"] == "application/json"
    assert as_form.body == {"To": "+4", "Body": "ü"}
    assert as_form.headers["Authorization"] == f"Bearer {SECRET}"


@pytest.mark.shows("I1")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"content": {}, "delay": 0.6}, id="silent"),
        pytest.param({"content": {"a": "b" * 99}, "drip": 0.05}, id="dripping"),
        pytest.param({"drop": True}, id="hung up"),
        pytest.param({"content": b"x" * 2000}, id="no end"),
    ],
)
def test_after_the_request_was_sent_nobody_knows_what_became_of_it(server, answer):
    client = HTTPClient(
        "test", server.url, timeout=(1.0, 0.3), deadline=0.3, max_bytes=1000
    )
    server.answer(**answer)

    with pytest.raises(OutcomeUnknown):
        client.submit("/x", auth=AUTH, body={})

    assert len(server.requests) == 1


@pytest.mark.shows("I1")
@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://127.0.0.1:1", id="nobody listens"),
        pytest.param("https://127.0.0.1:{port}", id="no TLS there"),
        pytest.param("http://nowhere.invalid", id="no such name"),
    ],
)
def test_what_never_left_may_be_tried_again(server, url):
    client = HTTPClient("test", url.format(port=server.url.rpartition(":")[2]))

    with pytest.raises(RetryableError):
        client.submit("/x", auth=AUTH, body={"a": "b"})

    assert server.requests == []


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A provider that answers as told."""
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def client(server: ScriptedServer) -> HTTPClient:
    return HTTPClient("test", server.url)
