"""Who may call what."""

import pytest
from sqlalchemy import select

from app.domain.status import Scope
from app.http import create_app
from app.http.auth import access_to
from app.models import AuditEntry
from app.services.accounts import revoke_key
from tests.factories import message
from tests.http.client import WORKER_TOKEN, mail, rows

SOME_ID = "019a9f00-0000-7000-8000-000000000000"

#: Method, path, and the scopes of which one opens it.
ROUTES = [
    ("POST", "/unified-ingest", {Scope.INGEST}),
    ("POST", "/start-email-import", {Scope.IMPORT}),
    ("GET", f"/api/v1/runs/{SOME_ID}", {Scope.READ, Scope.IMPORT}),
    ("GET", "/api/v1/conversations", {Scope.READ}),
    ("GET", f"/api/v1/conversations/{SOME_ID}", {Scope.READ}),
    ("GET", f"/api/v1/conversations/{SOME_ID}/messages", {Scope.READ}),
    ("PATCH", f"/api/v1/conversations/{SOME_ID}", {Scope.SEND}),
    ("POST", "/api/v1/messaging/outbound", {Scope.SEND}),
    ("GET", "/api/v1/messaging/outbound", {Scope.READ}),
    ("POST", "/api/v1/messaging/outbound/dispatch-next", {Scope.SEND}),
    ("GET", f"/api/v1/messaging/outbound/{SOME_ID}", {Scope.READ}),
    ("POST", f"/api/v1/messaging/outbound/{SOME_ID}/settle", {Scope.SEND}),
    ("PUT", f"/api/v1/conversations/{SOME_ID}/draft", {Scope.SEND}),
    ("POST", f"/api/v1/conversations/{SOME_ID}/draft/approve", {Scope.SEND}),
    ("GET", f"/api/v1/conversations/{SOME_ID}/drafts", {Scope.READ}),
    ("GET", "/api/v1/workspace", {Scope.READ}),
    ("PATCH", "/api/v1/workspace", {Scope.OPS, Scope.SEND}),
    ("GET", f"/api/v1/customers/{SOME_ID}", {Scope.READ}),
    ("GET", "/api/v1/products", {Scope.READ}),
    ("POST", "/api/v1/products", {Scope.OPS}),
    ("PATCH", f"/api/v1/products/{SOME_ID}", {Scope.OPS}),
    ("GET", "/api/v1/orders", {Scope.READ}),
    ("GET", f"/api/v1/orders/{SOME_ID}", {Scope.READ}),
    ("PATCH", f"/api/v1/orders/{SOME_ID}", {Scope.SEND}),
    ("POST", f"/api/v1/customers/{SOME_ID}/merge", {Scope.SEND, Scope.OPS}),
    ("POST", f"/api/v1/customers/merges/{SOME_ID}/undo", {Scope.SEND, Scope.OPS}),
    ("GET", f"/api/v1/events/{SOME_ID}/explain", {Scope.READ, Scope.OPS}),
    ("GET", "/jobs/scheduler", {Scope.OPS}),
    ("POST", "/jobs/scheduler/tick", {Scope.OPS}),
    ("GET", "/jobs/status", {Scope.OPS}),
]


@pytest.mark.parametrize(("method", "path", "_scopes"), ROUTES)
def test_without_a_key_no_route_opens(client, method, path, _scopes):
    response = client.open(path, method=method)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="bizzybee"'
    assert response.json["detail"] == (
        "an API key is needed: Authorization: Bearer <key>"
    )


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize(("method", "path", "scopes"), ROUTES)
def test_a_route_opens_to_a_key_with_its_scope_only(
    client, as_key, method, path, scopes, scope
):
    response = client.open(path, method=method, headers=as_key(scope))

    if scope in scopes:
        assert response.status_code not in {401, 403}
    else:
        assert response.status_code == 403
        assert "lacks the scope" in response.json["detail"]
        assert "insufficient_scope" in response.headers["WWW-Authenticate"]


def test_what_is_missing_is_named(client, as_key):
    path = f"/api/v1/events/{SOME_ID}/explain"

    response = client.get(path, headers=as_key(Scope.INGEST))

    assert response.json["detail"] == "the API key lacks the scope 'read' or 'ops'"


@pytest.mark.shows("L5")
def test_who_is_turned_away_at_a_door_is_written_down(client, make, workspace, runtime):
    key = make.key(workspace, Scope.READ)
    client.post("/api/v1/products", json={}, headers={"Authorization": f"Bearer {key}"})

    with runtime.transaction(workspace.id) as tx:
        [denied] = tx.session.scalars(
            select(AuditEntry).where(AuditEntry.action == "access.denied")
        ).all()
    assert (denied.actor, denied.subject) == (f"key {key.split('_')[1]}", "'ops'")


@pytest.mark.parametrize(
    "credentials",
    [
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Bearer bb_",
        "Bearer bb_000000000000_nobody",
        "Bearer bb_\x00_x",
        "Bearer bb_é_x",
        "Basic YTpi",
        "bb_without_a_scheme",
    ],
)
def test_what_is_no_key_opens_nothing(client, credentials):
    response = client.get(
        "/api/v1/conversations",
        # Past the checks of the client's own library, as a socket would bring it.
        environ_overrides={"HTTP_AUTHORIZATION": credentials},
    )

    assert response.status_code == 401


def test_the_scheme_may_be_written_in_any_case(client, as_key):
    key = as_key()["Authorization"].removeprefix("Bearer ")

    response = client.get(
        "/api/v1/conversations", headers={"Authorization": f"bearer {key}"}
    )

    assert response.status_code == 200


def test_a_key_with_another_secret_opens_nothing(client, as_key):
    headers = as_key()
    changed = {"Authorization": headers["Authorization"][:-1] + "~"}

    assert client.get("/api/v1/conversations", headers=headers).status_code == 200
    assert client.get("/api/v1/conversations", headers=changed).status_code == 401


def test_a_revoked_key_opens_nothing(client, runtime, as_key, batch):
    headers = as_key()
    prefix = headers["Authorization"].split("_")[1]
    revoke_key(runtime, prefix)

    response = client.post("/unified-ingest", json=batch(mail("a")), headers=headers)

    assert response.status_code == 401
    assert response.json["detail"] == "the API key is missing or not valid"
    assert rows(runtime, "message_events") == []


def test_who_may_not_call_is_told_so_before_the_request_is_read(client, runtime):
    response = client.get("/api/v1/conversations?limit=none")

    assert response.status_code == 401


@pytest.mark.shows("L6")
def test_an_operator_sees_every_workspace(client, make, foreign):
    [event_id] = make.events(make.config(foreign), message())

    response = client.get(
        f"/api/v1/events/{event_id}/explain",
        headers={"x-bb-worker-token": WORKER_TOKEN},
    )

    assert response.status_code == 200
    assert response.json["workspace_id"] == str(foreign.id)


@pytest.mark.parametrize("token", ["", "a token", WORKER_TOKEN + " ", "é"])
def test_a_wrong_token_opens_nothing(client, make, config, token):
    [event_id] = make.events(config, message())

    response = client.get(
        f"/api/v1/events/{event_id}/explain", headers={"x-bb-worker-token": token}
    )

    assert response.status_code == 401
    assert response.json["detail"] == "the worker token is not valid"


def test_where_no_token_is_configured_none_opens(runtime, make, config):
    [event_id] = make.events(config, message())

    response = (
        create_app(runtime)
        .test_client()
        .get(f"/api/v1/events/{event_id}/explain", headers={"x-bb-worker-token": ""})
    )

    assert runtime.settings.worker_token is None
    assert response.status_code == 401


def test_the_token_opens_operators_routes_only(client):
    response = client.get(
        "/api/v1/conversations", headers={"x-bb-worker-token": WORKER_TOKEN}
    )

    assert response.status_code == 401


@pytest.mark.shows("L1")
@pytest.mark.parametrize(
    "path", [path for method, path, _ in ROUTES if method == "GET" and SOME_ID in path]
)
def test_ids_that_nobody_has_are_not_found(client, as_key, path):
    response = client.get(path, headers=as_key())

    assert response.status_code == 404


def test_every_route_says_who_may_call_it(client):
    app = client.application

    silent = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if access_to(app, rule.endpoint) is None
    ]

    assert silent == []


def test_a_route_that_does_not_say_is_closed(runtime):
    app = create_app(runtime)
    app.add_url_rule("/forgotten", view_func=lambda: "secret")

    response = app.test_client().get("/forgotten")

    assert response.status_code == 403
    assert b"secret" not in response.data
