"""Accounts at a simulated provider, over real HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import requests

from app import store
from app.channels.registry import Adapters
from app.config import Settings, environment_of
from app.models import ChannelConfig, MessageEvent
from app.runtime import Runtime
from sandbox.server import create_sandbox, listen
from tests.factories import Maker
from tests.sandboxes import running
from tests.sync.mailbox import LiveMailbox

SECRET = "sandbox-signing-secret"


@pytest.fixture(scope="module")
def sandbox_url(tmp_path_factory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("mailbox") / "empty.mbox"
    path.write_text("")
    sandbox = create_sandbox(path, "shop@shop.example", signing_secret=SECRET)
    with running(sandbox, listen) as url:
        yield url


@pytest.fixture
def live(runtime: Runtime, sandbox_url: str) -> Runtime:
    """A runtime whose provider is the sandbox."""
    settings = Settings.model_validate(
        environment_of(runtime.settings)
        | {
            "AURINKO_API_BASE_URL": f"{sandbox_url}/aurinko",
            "AURINKO_WEBHOOK_SECRET": SECRET,
            "BB_IMPORT_BATCH_SIZE": "3",
        }
    )
    return replace(runtime, settings=settings, adapters=Adapters(settings))


@pytest.fixture
def mailbox(sandbox_url: str) -> LiveMailbox:
    requests.delete(f"{sandbox_url}/_control/faults", timeout=5)
    return LiveMailbox(sandbox_url, uuid4().hex[:12])


@pytest.fixture
def account(make: Maker, workspace, mailbox: LiveMailbox) -> ChannelConfig:
    """The mailbox as an account that is polled and that its provider knows by `4242`."""
    return connect(make, workspace, mailbox)


def connect(make: Maker, workspace, mailbox: LiveMailbox, **fields: Any):
    config = make.config(
        workspace,
        credentials={"access_token": mailbox.token},
        **({"poll_seconds": 10} | fields),
    )
    with make.runtime.transaction(workspace.id) as tx:
        store.tenants.set_external_account(tx, config.id, "4242")
    return config


@pytest.fixture
def events(live: Runtime) -> Callable[[], list[MessageEvent]]:
    """All events there are, the oldest first."""

    def events() -> list[MessageEvent]:
        with live.system_transaction() as tx:
            return sorted(store.events.find(tx), key=lambda event: event.id)

    return events


@pytest.fixture
def jobs(live: Runtime) -> Callable[..., list[Any]]:
    """Takes the published jobs of a contract."""

    def jobs(contract: type) -> list[Any]:
        taken = [job for job in live.publisher.jobs if isinstance(job, contract)]
        live.publisher.jobs[:] = [
            job for job in live.publisher.jobs if not isinstance(job, contract)
        ]
        return taken

    return jobs


@pytest.fixture
def open_incidents(live: Runtime) -> Callable[[], list[str]]:
    """The kinds of the incidents that are open."""

    def open_incidents() -> list[str]:
        with live.system_transaction() as tx:
            return sorted(incident.kind for incident in store.incidents.find(tx))

    return open_incidents


@pytest.fixture
def write(live: Runtime) -> Callable[..., None]:
    """Changes rows as time or somebody else would."""

    def write(statement: str, *params: Any) -> None:
        with live.system_transaction() as tx:
            tx.session.connection().exec_driver_sql(statement, params)

    return write
