"""Fixtures of the web application's tests."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from app import store
from app.domain.status import Scope
from app.models import ChannelConfig, MessageEvent, Workspace
from app.runtime import Runtime
from app.services.pipeline.classify import classify
from app.services.pipeline.draft import draft
from app.services.pipeline.materialize import materialize
from tests.factories import Maker
from tests.fakes import ScriptedClassifier, ScriptedDrafter
from tests.http.browser import Browser
from tests.http.client import client_of
from tests.outbound.conftest import US, chat
from tests.provider import Provider, through


@pytest.fixture
def client(runtime: Runtime) -> FlaskClient:
    return client_of(runtime)


@pytest.fixture
def as_key(make: Maker, workspace: Workspace) -> Callable[..., dict[str, str]]:
    """Headers with a new key of the workspace: `as_key(Scope.READ)`, or one that may do all."""

    def headers(*scopes: Scope, of: Workspace = workspace) -> dict[str, str]:
        return {"Authorization": f"Bearer {make.key(of, *scopes)}"}

    return headers


@pytest.fixture
def foreign(make: Maker) -> Workspace:
    """Somebody else's workspace."""
    return make.workspace()


@pytest.fixture
def batch(workspace: Workspace, config: ChannelConfig) -> Callable[..., dict[str, Any]]:
    """The body of a `POST /unified-ingest`: `batch(message, message, channel="sms")`."""

    def body(*messages: Any, **fields: Any) -> dict[str, Any]:
        return {
            "workspace_id": str(workspace.id),
            "config_id": str(config.id),
            "channel": "email",
            "messages": list(messages),
        } | fields

    return body


@pytest.fixture
def arrive(runtime, make, config):
    """Lets messages arrive and get their place; returns the conversation of each."""

    def arrive(*messages, at=config):
        ids = make.events(at, *messages)
        materialize(runtime, make.materialize_job(at, ids))
        return [make.event(event_id).conversation_id for event_id in ids]

    return arrive


@pytest.fixture
def decide(runtime, workspace):
    """Lets conversations be decided."""

    def decide(decision, *conversation_ids):
        with runtime.transaction(workspace.id) as tx:
            found = store.conversations.of_ids(tx, conversation_ids)
            store.conversations.save_decisions(
                tx,
                [
                    {
                        "id": one.id,
                        "message_id": one.last_inbound_message_id,
                        "decision": decision,
                        "category": "order",
                        "confidence": 0.9,
                        "reason": "asks about an order",
                    }
                    for one in found.values()
                ],
            )

    return decide


@pytest.fixture
def browser(client: FlaskClient) -> Browser:
    """A browser that nobody has signed in with."""
    return Browser(client)


@pytest.fixture
def signed_in(
    client: FlaskClient, make: Maker, workspace: Workspace
) -> Callable[..., Browser]:
    """A browser signed in with a new key: `signed_in(Scope.READ)`, or with one that may do all."""

    def sign_in(*scopes: Scope, of: Workspace = workspace) -> Browser:
        browser = Browser(client.application.test_client())
        assert browser.sign_in(make.key(of, *scopes)).status_code == 303
        return browser

    return sign_in


@pytest.fixture
def provider() -> Provider:
    """Takes what is sent through `chats`."""
    return Provider()


@pytest.fixture
def world(runtime: Runtime, provider: Provider) -> Runtime:
    """The runtime whose messages go to `provider`."""
    return through(runtime, provider)


@pytest.fixture
def chats(world: Runtime, workspace: Workspace) -> ChannelConfig:
    """A chat account that can send, connected an hour ago: what is sent now is not old."""
    config = Maker(world).config(
        workspace,
        provider="provider",
        channel="whatsapp",
        addresses=[US["value"]],
        credentials={"access_token": "test"},
    )
    with world.system_transaction() as tx:
        tx.session.execute(
            text("UPDATE channel_configs SET connected_at = now() - interval '1 hour'")
        )
    return config


@pytest.fixture
def drafted(world: Runtime, chats: ChannelConfig) -> Callable[..., MessageEvent]:
    """Brings a message of Anna through the whole pipeline; returns its event."""

    def drafted(*messages: Any) -> MessageEvent:
        current = replace(
            world, classifier=ScriptedClassifier(), drafter=ScriptedDrafter()
        )
        make = Maker(world)
        ids = make.events(chats, *(messages or (chat(),)))
        materialize(current, make.materialize_job(chats, ids))
        classify(current, make.classify_job(chats, ids))
        draft(current, make.draft_job(chats, ids))
        return make.event(ids[-1])

    return drafted
