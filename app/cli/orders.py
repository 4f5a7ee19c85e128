"""`orders`: what the assistant has taken orders for."""

from typing import Any
from uuid import UUID

import click

from app.cli import session
from app.cli.output import json_option, report, show, show_one
from app.domain.status import OrderState
from app.models import Order
from app.services.commerce import orders as service

_COLUMNS = ("id", "state", "total", "currency", "customer", "items", "created_at")


@click.group()
def orders() -> None:
    """Orders."""


@orders.command("list")
@session.workspace_option
@click.option("--state", type=click.Choice([state.value for state in OrderState]))
@click.option("--conversation", type=session.ID)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@json_option
def list_orders(
    workspace: str,
    state: str | None,
    conversation: UUID | None,
    limit: int,
    as_json: bool,
) -> None:
    """Orders, the newest first."""
    owner = session.workspace(workspace)
    found = service.list_orders(
        session.runtime(),
        owner.id,
        limit=limit,
        state=OrderState(state) if state else None,
        conversation_id=conversation,
    )
    if as_json:
        show(map(_record, found), _COLUMNS, as_json=True)
        return
    rows = [
        {
            **_record(one),
            "customer": one.customer_name or one.customer_email,
            "items": ", ".join(
                f"{item['quantity']} × {item['sku']}" for item in one.items
            ),
        }
        for one in found
    ]
    show(rows, _COLUMNS, as_json=False)


@orders.command("show")
@session.workspace_option
@click.argument("order_id", type=session.ID)
@json_option
def show_order(workspace: str, order_id: UUID, as_json: bool) -> None:
    """One order."""
    owner = session.workspace(workspace)
    found = service.get_order(session.runtime(), owner.id, order_id)
    show_one(_record(found), as_json=as_json)


@orders.command("confirm")
@session.workspace_option
@click.option("--note", help="For the people of the business.")
@click.argument("order_id", type=session.ID)
@json_option
def confirm(workspace: str, order_id: UUID, note: str | None, as_json: bool) -> None:
    """Say that an order stands."""
    _change(workspace, order_id, OrderState.CONFIRMED, note, as_json=as_json)


@orders.command("cancel")
@session.workspace_option
@click.option("--note", help="For the people of the business.")
@click.argument("order_id", type=session.ID)
@json_option
def cancel(workspace: str, order_id: UUID, note: str | None, as_json: bool) -> None:
    """Call an order off."""
    _change(workspace, order_id, OrderState.CANCELLED, note, as_json=as_json)


@orders.command("fulfil")
@session.workspace_option
@click.option("--note", help="For the people of the business.")
@click.argument("order_id", type=session.ID)
@json_option
def fulfil(workspace: str, order_id: UUID, note: str | None, as_json: bool) -> None:
    """Say that the customer has what they ordered."""
    _change(workspace, order_id, OrderState.FULFILLED, note, as_json=as_json)


@orders.command("trust")
@session.workspace_option
@click.argument("trusted", type=click.Choice(["on", "off"]))
@json_option
def trust(workspace: str, trusted: str, as_json: bool) -> None:
    """Say whether what the assistant takes is confirmed without a person."""
    owner = session.workspace(workspace)
    is_on = trusted == "on"
    service.set_trust(session.runtime(), owner.id, trusted=is_on, actor="cli")
    said = "are confirmed without a person" if is_on else "wait for a person"
    report(f"orders of {owner.name} {said}", {"trust_orders": is_on}, as_json=as_json)


def _change(
    workspace: str,
    order_id: UUID,
    state: OrderState,
    note: str | None,
    *,
    as_json: bool,
) -> None:
    owner = session.workspace(workspace)
    changed = service.change_order(
        session.runtime(), owner.id, order_id, state=state, note=note, actor="cli"
    )
    report(f"{order_id} is {changed.state}", _record(changed), as_json=as_json)


def _record(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "state": order.state,
        "conversation_id": order.conversation_id,
        "customer_id": order.customer_id,
        "confirmed_by_message_id": order.confirmed_by_message_id,
        "confirmed_with": order.confirmed_with,
        "items": order.items,
        "total": str(order.total),
        "currency": order.currency,
        "customer_name": order.customer_name,
        "customer_phone": order.customer_phone,
        "customer_email": order.customer_email,
        "customer_address": order.customer_address,
        "ai_generated": order.ai_generated,
        "note": order.note,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }
