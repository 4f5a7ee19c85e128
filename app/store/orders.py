"""`orders`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from app.domain.status import OrderState
from app.models import Order
from app.store.transaction import Transaction

#: What a changed confirmation changes, as long as nobody has looked at the order.
_CONTENT = (
    *("confirmed_with", "items", "total", "currency", "customer_name"),
    *("customer_phone", "customer_email", "customer_address"),
)


def place(tx: Transaction, row: dict[str, Any]) -> UUID | None:
    """Insert an order, or write it anew while it waits for its review; None where it is past that.

    The unique key (the confirming message) decides: one confirmation gives one order.
    """
    offered = insert(Order).values(row)
    return tx.session.scalar(
        offered.on_conflict_do_update(
            index_elements=["confirmed_by_message_id"],
            set_={name: offered.excluded[name] for name in _CONTENT}
            | {"updated_at": tx.now},
            where=(Order.state == OrderState.PENDING_REVIEW) & Order.ai_generated,
        ).returning(Order.id)
    )


def replace_waiting(
    tx: Transaction, order_id: UUID, message_ids: Collection[UUID], note: str
) -> Sequence[UUID]:
    """Cancel the orders of these messages that nobody has looked at, for another; returns their ids."""
    return tx.session.scalars(
        update(Order)
        .where(
            Order.confirmed_by_message_id.in_(message_ids),
            Order.id != order_id,
            Order.state == OrderState.PENDING_REVIEW,
            Order.ai_generated,
        )
        .values(state=OrderState.CANCELLED, note=note, updated_at=tx.now)
        .returning(Order.id)
        .execution_options(synchronize_session=False)
    ).all()


def of_messages(tx: Transaction, message_ids: Collection[UUID]) -> Sequence[Order]:
    """The orders that some messages confirmed."""
    if not message_ids:
        return []
    return tx.session.scalars(
        select(Order)
        .where(Order.confirmed_by_message_id.in_(message_ids))
        .execution_options(populate_existing=True)
    ).all()


def get(tx: Transaction, order_id: UUID) -> Order | None:
    return tx.session.get(Order, order_id)


def change(
    tx: Transaction,
    order_id: UUID,
    values: dict[str, Any],
    *,
    from_states: Collection[OrderState],
) -> Order | None:
    """Set state or note, if the order is in one of these states; None otherwise."""
    return tx.session.scalar(
        update(Order)
        .where(Order.id == order_id, Order.state.in_(from_states))
        .values(updated_at=tx.now, **values)
        .returning(Order)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


def newest_first(
    tx: Transaction,
    *,
    limit: int,
    before: tuple[datetime, UUID] | None = None,
    state: OrderState | None = None,
    conversation_id: UUID | None = None,
    customer_id: UUID | None = None,
) -> Sequence[Order]:
    """A page of orders; `before` is (created_at, id) of the last row of the page before."""
    statement = (
        select(Order)
        .where(Order.workspace_id == tx.workspace_id)
        .order_by(Order.created_at.desc(), Order.id.desc())
        .limit(limit)
    )
    if before is not None:
        place_of = tuple_(Order.created_at, Order.id)
        statement = statement.where(place_of < tuple_(*before))
    if state is not None:
        statement = statement.where(Order.state == state)
    if conversation_id is not None:
        statement = statement.where(Order.conversation_id == conversation_id)
    if customer_id is not None:
        statement = statement.where(Order.customer_id == customer_id)
    return tx.session.scalars(statement).all()
