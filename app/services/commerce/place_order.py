"""Place an order that the assistant has taken."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from app import store
from app.domain.ids import new_id
from app.domain.orders import CheckedOrder, check_order
from app.domain.proposed_order import OrderContext, ProposedOrder
from app.domain.status import OrderState
from app.errors import RetryableError
from app.models import Message, Order
from app.services.commerce.order_context import offers_of
from app.store.transaction import Transaction

ACTOR = "assistant"


def place_order(
    tx: Transaction,
    proposed: ProposedOrder,
    context: OrderContext,
    *,
    workspace_id: UUID,
    conversation_id: UUID,
) -> UUID:
    """Place an order in the transaction that saves the reply which tells of it; returns its id.

    Safe to repeat: one confirming message gives one order. Of an order that nobody has looked at a
    changed proposal changes what it holds, and one for a later message of the same turn takes its
    place. The conversation is locked. Raises RetryableError where the catalogue is no longer what the
    model was shown: the reply would promise something else.
    """
    checked = check_order(proposed, context)
    now = check_order(proposed, _as_of_now(tx, context))
    if not isinstance(checked, CheckedOrder) or now != checked:
        raise RetryableError("the catalogue changed while the reply was written")
    message = store.messages.of_ids(tx, [checked.confirmed_by])[checked.confirmed_by]
    turn = [said.message_id for said in context.newest]
    others = [
        one
        for one in store.orders.of_messages(tx, turn)
        if one.confirmed_by_message_id != message.id
        and one.state is not OrderState.CANCELLED
    ]
    order_id = store.orders.place(
        tx,
        _row(checked, message)
        | {
            "id": new_id(),
            "workspace_id": workspace_id,
            "conversation_id": conversation_id,
            "state": _state(
                tx,
                workspace_id,
                message,
                is_first=not others and not context.is_further,
            ),
        },
    )
    if order_id is None:
        return _standing(tx, message, checked)
    note = f"replaced by {order_id}: the customer wrote again before the answer"
    for replaced in store.orders.replace_waiting(tx, order_id, turn, note):
        _audit(tx, workspace_id, replaced, "order.replace", {"by": str(order_id)})
    _audit(tx, workspace_id, order_id, "order.place", {"message_id": str(message.id)})
    return order_id


def _as_of_now(tx: Transaction, context: OrderContext) -> OrderContext:
    """The same conversation before the catalogue of this transaction."""
    offers = {
        offer.id: offer
        for offer in offers_of(
            store.products.active_of(tx, [offer.id for offer in context.offers])
        )
    }
    in_old_order = [offers[one.id] for one in context.offers if one.id in offers]
    return replace(context, offers=tuple(in_old_order))


def _row(order: CheckedOrder, message: Message) -> dict[str, Any]:
    return {
        "customer_id": message.customer_id,
        "home_customer_id": message.home_customer_id,
        "confirmed_by_message_id": message.id,
        "confirmed_with": order.confirmed_with,
        "items": [line.record() for line in order.lines],
        "total": order.total,
        "currency": order.currency,
        "customer_name": order.name,
        "customer_phone": order.phone,
        "customer_email": order.email,
        "customer_address": order.address,
        "ai_generated": True,
    }


def _state(
    tx: Transaction, workspace_id: UUID, message: Message, *, is_first: bool
) -> OrderState:
    """Without a person only where the workspace trusts it, and nothing is doubtful.

    What was written before the account was connected may long be settled; a second order of one turn
    may be meant in place of the first.
    """
    workspace = store.tenants.workspace(tx, workspace_id)
    is_trusted = workspace is not None and workspace.trust_orders
    if is_trusted and is_first and not message.is_old:
        return OrderState.CONFIRMED
    return OrderState.PENDING_REVIEW


def _standing(tx: Transaction, message: Message, checked: CheckedOrder) -> UUID:
    """The order of a message that somebody has dealt with, if it says the same."""
    order: Order = store.orders.of_messages(tx, [message.id])[0]
    is_same = order.items == [line.record() for line in checked.lines]
    if not is_same or order.state is OrderState.CANCELLED:
        raise RetryableError(
            "somebody dealt with the order while the reply was written"
        )
    return order.id


def _audit(
    tx: Transaction,
    workspace_id: UUID,
    order_id: UUID,
    action: str,
    details: dict[str, Any],
) -> None:
    store.tenants.record_audit(
        tx,
        workspace_id=workspace_id,
        actor=ACTOR,
        action=action,
        subject=str(order_id),
        details=details,
    )
