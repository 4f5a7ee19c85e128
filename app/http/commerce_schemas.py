"""Products and orders as they go over the wire."""

from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.domain.status import OrderState
from app.http.schemas import Time

#: Of a note.
MAX_NOTE = 4_000


class _Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


class Product(_Answer):
    id: UUID
    sku: str
    name: str
    description: str
    price: Decimal
    """Of one; text, as no number of JSON's is a price."""
    currency: str
    active: bool
    max_quantity: int
    created_at: Time
    updated_at: Time


class Products(_Answer):
    items: list[Product]
    next_cursor: str | None
    """Null on the last page."""


class OrderItem(_Answer):
    product_id: UUID
    sku: str
    name: str
    quantity: int
    unit_price: Decimal
    """As it was when the order was placed."""


class Order(_Answer):
    id: UUID
    conversation_id: UUID
    customer_id: UUID | None
    confirmed_by_message_id: UUID | None
    confirmed_with: str
    """The words of the customer that confirm it."""
    items: list[OrderItem]
    total: Decimal
    currency: str
    customer_name: str | None
    customer_phone: str | None
    customer_email: str | None
    customer_address: str | None
    ai_generated: bool
    """Whether the assistant took it."""
    state: OrderState
    note: str | None
    created_at: Time
    updated_at: Time


class Orders(_Answer):
    items: list[Order]
    next_cursor: str | None
    """Null on the last page."""


class OrderChange(BaseModel):
    """What a person may change; what is left out or null stays as it is."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"minProperties": 1},
    )

    state: OrderState | None = None
    """`pending_review` becomes `confirmed` or `cancelled`, `confirmed` becomes `fulfilled` or
    `cancelled`; the others are the end."""
    note: str | None = Field(default=None, max_length=MAX_NOTE)

    @model_validator(mode="after")
    def _something(self) -> "OrderChange":
        if self.state is None and self.note is None:
            raise ValueError("names nothing to change: state or note is needed")
        return self
