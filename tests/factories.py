"""Makes rows and messages for tests; every value has a default and can be given."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from app import store
from app.channels.base import Item
from app.domain.decision import Category
from app.domain.ids import new_id
from app.domain.status import RuleField, RunMode, Scope, Source
from app.domain.unified_message import UnifiedMessage
from app.jobs.contracts import Classify, Draft, Materialize
from app.models import (
    ChannelConfig,
    Message,
    MessageEvent,
    PipelineRun,
    Product,
    SenderRule,
    Workspace,
)
from app.runtime import Runtime
from app.services import accounts
from app.services.commerce import catalogue
from app.services.commerce.catalogue import ProductFields
from app.services.pipeline.ingest import ingest

_numbers = count(1)

#: Messages of tests are sent from here on, a minute apart unless told otherwise.
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def message(**fields: Any) -> UnifiedMessage:
    """A mail from Anna to the shop."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "external_id": f"m{number}@example.com",
        "direction": "inbound",
        "sender": {"kind": "email", "value": "anna@example.com", "name": "Anna Berg"},
        "recipients": [{"kind": "email", "value": "shop@shop.example", "role": "to"}],
        "subject": "Where is my order?",
        "body_text": "It has been two weeks.",
        "sent_at": START + timedelta(minutes=number),
    }
    values |= fields
    if isinstance(values["sender"], str):
        values["sender"] = {"kind": "email", "value": values["sender"]}
    return UnifiedMessage.model_validate(values)


class Maker:
    """Makes rows in the database of a runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def workspace(self, name: str | None = None) -> Workspace:
        return accounts.create_workspace(
            self.runtime, name or f"Workspace {next(_numbers)}"
        )

    def key(self, workspace: Workspace, *scopes: Scope) -> str:
        _, key = accounts.create_key(
            self.runtime, workspace.id, name="test", scopes=scopes or tuple(Scope)
        )
        return key

    def config(self, workspace: Workspace, **fields: Any) -> ChannelConfig:
        values: dict[str, Any] = {
            "name": f"mailbox {next(_numbers)}",
            "provider": "aurinko",
            "channel": "email",
            "addresses": ["shop@shop.example"],
            "credentials": {"access_token": "sandbox-test"},
        }
        return accounts.add_config(self.runtime, workspace.id, **(values | fields))

    def run(self, config: ChannelConfig, **fields: Any) -> PipelineRun:
        values: dict[str, Any] = {
            "workspace_id": config.workspace_id,
            "config_id": config.id,
            "source": config.provider,
            "mode": RunMode.TRIAGE,
            "cap": 1000,
        }
        with self.runtime.transaction(config.workspace_id) as tx:
            run = store.runs.start(tx, values | fields)
        assert run is not None
        return run

    def product(self, workspace: Workspace, sku: str, **fields: Any) -> Product:
        values: dict[str, Any] = {
            "sku": sku,
            "name": f"Product {sku}",
            "price": "12.50",
            "currency": "EUR",
        }
        wanted = ProductFields.model_validate(values | fields)
        return catalogue.add_product(self.runtime, workspace.id, wanted, actor="test")

    def order(self, message: Message, **fields: Any) -> UUID:
        """An order of two mugs that a stored message confirms; returns its id."""
        values: dict[str, Any] = {
            "id": new_id(),
            "workspace_id": message.workspace_id,
            "conversation_id": message.conversation_id,
            "customer_id": message.customer_id,
            "confirmed_by_message_id": message.id,
            "confirmed_with": "I take two",
            "items": [
                {
                    "product_id": str(new_id()),
                    "sku": "MUG-B",
                    "name": "Blue mug",
                    "quantity": 2,
                    "unit_price": "12.50",
                }
            ],
            "total": Decimal("25.00"),
            "currency": "EUR",
            "customer_name": "Anna Berg",
            "customer_phone": None,
            "customer_email": "anna@example.com",
            "customer_address": None,
            "ai_generated": True,
        }
        with self.runtime.transaction(message.workspace_id) as tx:
            placed = store.orders.place(tx, values | fields)
        assert placed is not None
        return placed

    def messages_of(self, event_ids: list[UUID]) -> list[Message]:
        """The stored messages of events, in their order."""
        with self.runtime.system_transaction() as tx:
            found = store.messages.of_ids(
                tx, [store.events.get(tx, one).message_id for one in event_ids]
            )
        return [found[self.event(one).message_id] for one in event_ids]

    def rule(
        self, workspace: Workspace, pattern: str, category: Category, **fields: Any
    ) -> SenderRule:
        values: dict[str, Any] = {
            "workspace_id": workspace.id,
            "field": RuleField.ADDRESS,
            "pattern": pattern,
            "category": category,
        }
        with self.runtime.transaction(workspace.id) as tx:
            return store.rules.put(tx, values | fields)

    def events(
        self,
        config: ChannelConfig,
        *messages: UnifiedMessage,
        run: PipelineRun | None = None,
    ) -> list[UUID]:
        """Ingest messages; returns the ids of the new events, in the order given."""
        with self.runtime.transaction(config.workspace_id) as tx:
            done = ingest(
                tx,
                config,
                [Item(raw={}, message=one) for one in messages],
                source=Source.IMPORT,
                run_id=run.id if run else None,
            )
        return done.event_ids

    def materialize_job(
        self, config: ChannelConfig, event_ids: list[UUID], run_id: UUID | None = None
    ) -> Materialize:
        return Materialize(
            workspace_id=config.workspace_id,
            config_id=config.id,
            channel=config.channel,
            run_id=run_id,
            event_ids=tuple(event_ids),
        )

    def classify_job(self, config: ChannelConfig, event_ids: list[UUID]) -> Classify:
        return Classify(workspace_id=config.workspace_id, event_ids=tuple(event_ids))

    def draft_job(self, config: ChannelConfig, event_ids: list[UUID]) -> Draft:
        return Draft(workspace_id=config.workspace_id, event_ids=tuple(event_ids))

    def event(self, event_id: UUID) -> MessageEvent:
        """The event as it is now."""
        with self.runtime.system_transaction() as tx:
            event = store.events.get(tx, event_id)
        assert event is not None
        return event
