"""The description of the API, and the page that shows it."""

import re

import pytest
from flask_openapi.utils import parse_rule

from app.http.auth import access_to


@pytest.fixture
def spec(client):
    return client.get("/openapi.json").json


def test_the_description_is_of_version_3_1(spec):
    assert spec["openapi"] == "3.1.0"
    assert spec["info"]["title"] == "BizzyBee"


def test_every_route_is_described(client, spec):
    described = {
        (path, method) for path, methods in spec["paths"].items() for method in methods
    }

    routes = {
        (parse_rule(rule.rule), method.lower())
        for rule in client.application.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if not rule.endpoint.startswith(("docs.", "ui."))
    }
    assert described == routes


def test_what_a_route_asks_of_callers_is_described(client, spec):
    app = client.application
    asked = {
        (parse_rule(rule.rule), method.lower()): access_to(app, rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in rule.methods
    }

    for path, method, operation in operations(spec):
        access = asked[path, method]
        keys = [
            one["api_key"] for one in operation.get("security", []) if "api_key" in one
        ]
        assert keys == ([list(access.scopes)] if access.scopes else [])
        assert ("401" in operation["responses"]) is bool(access.scopes)


def test_what_the_operators_token_opens_is_described(spec):
    open_to_operators = [
        path
        for path, _, operation in operations(spec)
        if {"worker_token": []} in operation.get("security", [])
    ]

    assert sorted(open_to_operators) == [
        "/api/v1/events/{event_id}/explain",
        "/jobs/scheduler",
        "/jobs/scheduler/tick",
        "/jobs/status",
    ]
    assert spec["components"]["securitySchemes"]["api_key"]["scheme"] == "bearer"
    token = spec["components"]["securitySchemes"]["worker_token"]
    assert (token["in"], token["name"]) == ("header", "x-bb-worker-token")


def test_every_refusal_is_described_as_a_problem(spec):
    for path, _, operation in operations(spec):
        for status, response in operation["responses"].items():
            if status < "400" or path == "/readyz":
                continue
            assert list(response["content"]) == ["application/problem+json"]


def test_every_reference_leads_somewhere(client, spec):
    text = client.get("/openapi.json").text

    names = set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', text))

    assert names
    assert names <= set(spec["components"]["schemas"])


def test_every_operation_has_a_name_of_its_own(spec):
    names = [operation["operationId"] for _, _, operation in operations(spec)]

    assert len(names) == len(set(names))


def test_the_page_brings_its_own_files(client):
    page = client.get("/docs")

    assert page.status_code == 200
    assert page.content_type.startswith("text/html")
    named = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert named
    for address in named:
        assert not address.startswith(("http", "//"))
        with client.get(f"/{address}") as answered:
            assert answered.status_code == 200


def test_the_page_may_load_nothing_from_elsewhere(client):
    policy = client.get("/docs").headers["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "http" not in policy


def operations(spec):
    return [
        (path, method, operation)
        for path, methods in spec["paths"].items()
        for method, operation in methods.items()
    ]
