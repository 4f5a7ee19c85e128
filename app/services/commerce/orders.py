"""Orders, as a person reads them and decides on them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app import store
from app.domain.orders import NEXT_STATES
from app.domain.status import OrderState
from app.errors import Conflict, NotFound
from app.models import Order
from app.runtime import Runtime
from app.store.transaction import Transaction


def list_orders(
    runtime: Runtime,
    workspace_id: UUID,
    *,
    limit: int,
    before: tuple[datetime, UUID] | None = None,
    state: OrderState | None = None,
    conversation_id: UUID | None = None,
    customer_id: UUID | None = None,
) -> Sequence[Order]:
    """A page of orders, the newest first."""
    with runtime.transaction(workspace_id) as tx:
        return store.orders.newest_first(
            tx,
            limit=limit,
            before=before,
            state=state,
            conversation_id=conversation_id,
            customer_id=customer_id,
        )


def get_order(runtime: Runtime, workspace_id: UUID, order_id: UUID) -> Order:
    """One order.

    Raises NotFound.
    """
    with runtime.transaction(workspace_id) as tx:
        return _require(tx, order_id)


def change_order(
    runtime: Runtime,
    workspace_id: UUID,
    order_id: UUID,
    *,
    state: OrderState | None = None,
    note: str | None = None,
    actor: str,
) -> Order:
    """Move an order on, or note something about it; None leaves it as it is.

    Safe to repeat: what stands so already is neither written nor audited again. Raises NotFound, or
    Conflict where the order cannot become that any more.
    """
    with runtime.transaction(workspace_id) as tx:
        before = _require(tx, order_id)
        was = before.state
        changes: dict[str, Any] = {}
        if note is not None and note != before.note:
            changes["note"] = note
        if state is not None and state is not was:
            changes["state"] = state
            if state not in NEXT_STATES[was]:
                raise _impossible(was, state)
        if not changes:
            return before
        # Somebody else may decide at the same moment: what was read must still hold.
        changed = store.orders.change(tx, order_id, changes, from_states=[was])
        if changed is None:
            raise Conflict("somebody has changed the order meanwhile")
        store.tenants.record_audit(
            tx,
            workspace_id=workspace_id,
            actor=actor,
            action="order.change",
            subject=str(order_id),
            details={"from": was, **_without_text(changes)},
        )
        return changed


def set_trust(
    runtime: Runtime, workspace_id: UUID, *, trusted: bool, actor: str
) -> None:
    """Say whether orders that the assistant takes are confirmed without a person."""
    with runtime.transaction(workspace_id) as tx:
        store.tenants.set_trust_orders(tx, workspace_id, trusted)
        store.tenants.record_audit(
            tx,
            workspace_id=workspace_id,
            actor=actor,
            action="workspace.trust_orders",
            subject=str(workspace_id),
            details={"trusted": trusted},
        )


def _without_text(changes: dict[str, Any]) -> dict[str, Any]:
    """What the audit keeps: a note may hold anything."""
    return {
        name: "changed" if name == "note" else value for name, value in changes.items()
    }


def _impossible(now: OrderState, wanted: OrderState) -> Conflict:
    return Conflict(f"an order that is {now} cannot become {wanted}")


def _require(tx: Transaction, order_id: UUID) -> Order:
    order = store.orders.get(tx, order_id)
    if order is None:
        raise NotFound(f"no order {order_id}")
    return order
