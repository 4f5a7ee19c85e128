"""Orders that were taken in conversations."""

from datetime import datetime
from uuid import UUID

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from app.domain.status import OrderState, Scope
from app.http import cursors
from app.http.answers import answer
from app.http.auth import needs
from app.http.bodies import read_model
from app.http.commerce_schemas import Order, OrderChange, Orders
from app.http.context import caller, runtime, workspace_id
from app.http.openapi import documented, problems
from app.services.commerce import orders as service

orders = APIBlueprint(
    "orders", __name__, url_prefix="/api/v1/orders", abp_tags=[{"name": "orders"}]
)


class OrderPath(BaseModel):
    order_id: UUID


class OrderFilter(BaseModel):
    limit: int = Field(default=50, ge=1, le=100)
    cursor: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="`next_cursor` of the page before.",
    )
    state: OrderState | None = None
    conversation_id: UUID | None = None
    customer_id: UUID | None = None

    @property
    def before(self) -> tuple[datetime, UUID] | None:
        return cursors.decode(self.cursor) if self.cursor else None


@orders.get("", responses={200: Orders})
@needs(Scope.READ)
def list_orders(query: OrderFilter) -> Response:
    """Orders, the newest first."""
    # One row more than asked for tells whether there is another page.
    found = service.list_orders(
        runtime(),
        workspace_id(),
        limit=query.limit + 1,
        before=query.before,
        state=query.state,
        conversation_id=query.conversation_id,
        customer_id=query.customer_id,
    )
    items = [Order.model_validate(one) for one in found[: query.limit]]
    next_cursor = None
    if len(found) > query.limit:
        last = found[query.limit - 1]
        next_cursor = cursors.encode(last.created_at, last.id)
    return answer(Orders(items=items, next_cursor=next_cursor))


@orders.get("/<uuid:order_id>", responses={200: Order, **problems(404)})
@needs(Scope.READ)
def get_order(path: OrderPath) -> Response:
    """One order."""
    found = service.get_order(runtime(), workspace_id(), path.order_id)
    return answer(Order.model_validate(found))


@orders.patch(
    "/<uuid:order_id>",
    request_body=documented(OrderChange),
    responses={200: Order, **problems(404, 409, 413)},
)
@needs(Scope.SEND)
def change_order(path: OrderPath) -> Response:
    """Confirm, cancel or fulfil an order, or note something about it."""
    change = read_model(OrderChange)
    changed = service.change_order(
        runtime(),
        workspace_id(),
        path.order_id,
        state=change.state,
        note=change.note,
        actor=caller().actor,
    )
    return answer(Order.model_validate(changed))
