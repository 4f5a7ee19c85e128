"""Errors as callers see them."""

from dataclasses import replace
from uuid import UUID

import pytest
import structlog
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError

from app import errors
from app.http import create_app
from app.http.auth import public
from app.store.transaction import Database
from tests.http.client import NOBODY_LISTENS, changed, client_of, mail, rows


def test_an_unknown_address_is_a_problem(client):
    response = client.get("/nothing/here")

    assert response.status_code == 404
    assert response.content_type == "application/problem+json"
    assert response.json == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": response.json["detail"],
        "request_id": response.headers["X-Request-Id"],
    }


def test_a_wrong_method_names_the_right_ones(client):
    response = client.delete("/unified-ingest")

    assert response.status_code == 405
    assert response.content_type == "application/problem+json"
    assert set(response.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


def test_an_id_that_is_none_is_not_found(client, as_key):
    response = client.get("/api/v1/conversations/mine", headers=as_key())

    assert response.status_code == 404


@pytest.mark.shows("A9")
def test_a_database_that_is_away_says_when_to_come_back(runtime, as_key, batch):
    headers = as_key()
    away = replace(runtime, database=Database(NOBODY_LISTENS))

    response = client_of(away).post(
        "/unified-ingest", json=batch(mail("a")), headers=headers
    )

    assert response.status_code == 503
    assert response.content_type == "application/problem+json"
    assert response.headers["Retry-After"] == "5"
    assert response.json["detail"] == ("the database is away; try again later")
    assert rows(runtime, "message_events") == []
    assert runtime.publisher.jobs == []


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (errors.InvalidInput("why"), 400, {}),
        (errors.InvalidPayload("why"), 400, {}),
        (
            errors.AccessDenied("why"),
            401,
            {"WWW-Authenticate": 'Bearer realm="bizzybee"'},
        ),
        (errors.AccessDenied("why", known=True), 403, {}),
        (errors.NotFound("why"), 404, {}),
        (errors.Conflict("why"), 409, {}),
        (errors.TooLarge("why"), 413, {}),
        (errors.Gone("why"), 502, {}),
        (errors.AuthError("why"), 502, {}),
        (errors.RetryableError("why"), 503, {"Retry-After": "5"}),
        (errors.RateLimited("why", 1.2), 503, {"Retry-After": "2"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_error_of_ours_has_its_status(runtime, error, status, headers):
    response = client_that_raises(runtime, error).get("/raise")

    assert response.status_code == status
    assert response.json["detail"] == "why"
    assert {name: response.headers[name] for name in headers} == headers


@pytest.mark.parametrize(
    "error",
    [
        errors.ConfigurationError("the key is secret123"),
        ValidationError.from_exception_data("secret123", []),
        ZeroDivisionError("anna@example.com wrote secret123"),
        IntegrityError("INSERT", {"body": "secret123"}, Exception("secret123")),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.shows("L3")
def test_what_nobody_foresaw_says_nothing_of_itself(runtime, error):
    with structlog.testing.capture_logs() as lines:
        response = client_that_raises(runtime, error).get("/raise")

    assert response.status_code == 500
    number = response.headers["X-Request-Id"]
    assert response.json["detail"] == f"this is a fault of ours; its number is {number}"
    assert "secret123" not in response.text
    failure = next(line for line in lines if line["event"] == "request failed")
    assert failure["error"] == type(error).__name__
    assert "in view" in failure["traceback"]
    assert "secret123" not in str(lines)


def test_a_sane_request_id_is_taken_over(client):
    response = client.get("/healthz", headers={"X-Request-Id": "trace-1.2:3_4"})

    assert response.headers["X-Request-Id"] == "trace-1.2:3_4"


@pytest.mark.parametrize("given", ["", "a b", "<script>", "x" * 101, "é"])
def test_another_request_id_is_replaced(client, given):
    response = client.get("/healthz", headers={"X-Request-Id": given})

    assert UUID(response.headers["X-Request-Id"]).version == 7


def test_a_request_is_logged_in_fields_with_its_id(client, as_key, workspace):
    headers = as_key() | {"X-Request-Id": "trace-1"}

    with structlog.testing.capture_logs(
        processors=[structlog.contextvars.merge_contextvars]
    ) as lines:
        client.get("/api/v1/conversations?cursor=private", headers=headers)

    [line] = lines
    assert isinstance(line.pop("duration_ms"), int)
    assert line == {
        "event": "request",
        "log_level": "info",
        "request_id": "trace-1",
        "workspace": str(workspace.id),
        "method": "GET",
        "route": "/api/v1/conversations",
        "status": 400,
    }


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/openapi.json", "/docs"])
def test_every_answer_carries_the_headers_of_an_api(client, path):
    headers = client.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in headers


def test_behind_https_browsers_are_told_to_stay_there(runtime):
    settings = changed(runtime.settings, public_url="https://bees.example")

    response = client_of(replace(runtime, settings=settings)).get("/healthz")

    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


def client_that_raises(runtime, error):
    """A client of an application with one more route, which fails."""
    app = create_app(runtime)

    @app.route("/raise")
    @public
    def view():
        raise error

    return app.test_client()
