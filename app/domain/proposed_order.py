"""What a model proposes to order, and what it is held against."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Offer:
    """A product as it stands in the catalogue now."""

    id: UUID
    sku: str
    name: str
    description: str
    price: Decimal
    currency: str
    max_quantity: int


@dataclass(frozen=True)
class Said:
    """What the customer wrote in one message, without what it quotes."""

    message_id: UUID
    text: str


@dataclass(frozen=True)
class OrderContext:
    """What can be ordered in a conversation, and what its customer has said."""

    offers: tuple[Offer, ...]
    said: tuple[Said, ...]
    """The customer's own messages, oldest first."""
    newest: tuple[Said, ...]
    """Those of them that wait for an answer: only they can confirm anything."""
    is_further: bool = False
    """Whether what waits for an answer has led to an order that somebody has dealt with."""
    named: tuple[str, ...] = ()
    """What we have written: a product may be called by the name that we gave it."""
    names: tuple[str, ...] = ()
    """How the customer is called."""
    emails: tuple[str, ...] = ()
    """Addresses that are known to be the customer's."""
    phones: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProposedItem:
    """One product, by its article number or name."""

    product: str
    quantity: int


@dataclass(frozen=True)
class ProposedOrder:
    """An order as a model read it in a conversation."""

    items: tuple[ProposedItem, ...]
    confirmed_with: str
    """The words by which the customer confirms it."""
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    address: str | None = None


@dataclass(frozen=True)
class Refusal:
    """Why an order is not placed."""

    rule: str
    reason: str

    def record(self) -> dict[str, Any]:
        return {"rule": self.rule, "reason": self.reason}
