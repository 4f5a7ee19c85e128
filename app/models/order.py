"""What customers have ordered in conversations."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.status import OrderState
from app.models.base import Base, InWorkspace, Timestamps, UUIDKey, on_home


class Order(InWorkspace, Timestamps, Base):
    """One order, bound to the message by which the customer confirmed it."""

    __tablename__ = "orders"
    __table_args__ = (
        # One confirmation gives one order, however often the reply to it is written.
        UniqueConstraint("confirmed_by_message_id"),
        Index(
            "ix_orders_newest", "workspace_id", text("created_at DESC"), text("id DESC")
        ),
        Index(None, "conversation_id"),
        Index(None, "customer_id"),
        on_home(),
    )

    id: Mapped[UUIDKey]
    conversation_id: Mapped[UUID] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE")
    )
    customer_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("customers.id", ondelete="SET NULL")
    )
    home_customer_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("customers.id", ondelete="SET NULL")
    )
    """Whose it is once nobody is merged; null where that is `customer_id`."""
    confirmed_by_message_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("messages.id", ondelete="SET NULL")
    )
    confirmed_with: Mapped[str]
    """The words of the customer that confirm it."""
    items: Mapped[list[Any]]
    """`product_id, sku, name, quantity, unit_price`, as of then."""
    total: Mapped[Decimal]
    currency: Mapped[str]
    customer_name: Mapped[str | None]
    customer_phone: Mapped[str | None]
    customer_email: Mapped[str | None]
    customer_address: Mapped[str | None]
    ai_generated: Mapped[bool] = mapped_column(server_default=text("false"))
    state: Mapped[OrderState] = mapped_column(server_default=OrderState.PENDING_REVIEW)
    note: Mapped[str | None]
    """For the people of the business."""
