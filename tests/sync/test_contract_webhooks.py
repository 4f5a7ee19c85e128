"""Every provider that calls, over the web application and through the pipeline's first stage."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from app.channels.registry import Adapters
from app.channels.webhook import Receiver, WebhookRequest
from app.config import Settings, environment_of
from app.domain.status import EventStatus
from app.jobs.contracts import Materialize
from app.models import ChannelConfig, DeadLetter, Message, WebhookReceipt
from app.services.pipeline.materialize import materialize
from tests.channels.examples import SECRET, Examples
from tests.channels.test_contract import ADAPTERS, examples_of, file_of
from tests.http.client import client_of

RECEIVERS = [name for name, one in ADAPTERS.items() if isinstance(one, Receiver)]


@pytest.mark.shows("A3", "A4", "B1", "L3")
def test_what_a_provider_says_is_kept_once_and_finds_its_place(line, events, jobs):
    refused = [line.call(request, "another-secret") for request in line.requests]
    assert {answer.status_code for answer in refused} == {401}
    assert (events(), line.count(WebhookReceipt)) == ([], 0)

    first = [line.call(request) for request in line.requests]
    kept = len(events())
    again = [line.call(request) for request in line.requests]

    assert {answer.status_code for answer in (*first, *again)} == {200}
    assert kept == len(events()) == line.items
    assert line.count(WebhookReceipt) == 2 * len(line.requests)
    assert line.count(DeadLetter) == 0
    assert not line.receipts_hold(SECRET)
    for job in jobs(Materialize):
        materialize(line.runtime, job)
    assert {event.last_error for event in events()} <= {None}
    assert EventStatus.RECEIVED not in {event.status for event in events()}
    assert line.items == 0 or line.count(Message) > 0


@dataclass(frozen=True)
class Line:
    """A provider that calls the address of an account."""

    runtime: Any
    client: Any
    config: ChannelConfig
    adapter: Any
    examples: Examples

    @property
    def requests(self) -> tuple[WebhookRequest, ...]:
        return self.examples.requests

    @property
    def items(self) -> int:
        """Of all requests together, each thing once."""
        return len(
            {
                item.external_id
                for request in self.requests
                for delivery in self.adapter.receive(request)
                for item in delivery.items
            }
        )

    def call(self, request: WebhookRequest, secret: str = SECRET) -> Any:
        path = f"/webhooks/{self.config.provider}/{self.config.id}"
        url = f"{self.runtime.settings.public_url}{path}"
        signed = self.examples.sign(replace(request, url=url), secret)
        return self.client.open(
            path,
            method=signed.method,
            query_string=urlsplit(signed.url).query,
            data=signed.body,
            headers=dict(signed.headers),
        )

    def count(self, table: Any) -> int:
        with self.runtime.system_transaction() as tx:
            return tx.session.scalar(select(func.count()).select_from(table)) or 0

    def receipts_hold(self, secret: str) -> bool:
        with self.runtime.system_transaction() as tx:
            kept = tx.session.scalars(select(WebhookReceipt)).all()
        return any(secret in f"{one.headers}{one.query}" for one in kept)


@pytest.fixture(params=RECEIVERS)
def line(request, runtime, make, workspace) -> Line:
    examples = examples_of(file_of(ADAPTERS[request.param]))
    settings = Settings.model_validate(
        environment_of(runtime.settings) | dict(examples.settings)
    )
    live = replace(runtime, settings=settings, adapters=Adapters(settings))
    adapter = live.adapters[request.param]
    config = make.config(
        workspace,
        provider=adapter.provider,
        channel=adapter.channel,
        addresses=[],
        credentials=dict(examples.credentials) or {"access_token": "t"},
        external_account_id=examples.account_id,
    )
    return Line(live, client_of(live), config, adapter, examples)
