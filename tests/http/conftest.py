"""Fixtures of the web application's tests."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain.status import Scope
from app.models import ChannelConfig, Workspace
from app.runtime import Runtime
from tests.factories import Maker
from tests.http.client import client_of


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
