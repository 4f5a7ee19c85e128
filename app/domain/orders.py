"""Orders that a model proposes: what of them the catalogue has and the customer has said.

A model may be mistaken or talked into anything, so nothing of a proposal is taken on its word.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.domain.customer_words import (
    MAX_SAID,
    confirming_message,
    folded,
    given,
    own_words,
    unstated_data,
)
from app.domain.number_words import numbers_in
from app.domain.proposed_order import (
    Offer,
    OrderContext,
    ProposedItem,
    ProposedOrder,
    Refusal,
)
from app.domain.status import OrderState

#: What an order can still become.
NEXT_STATES = {
    OrderState.PENDING_REVIEW: frozenset({OrderState.CONFIRMED, OrderState.CANCELLED}),
    OrderState.CONFIRMED: frozenset({OrderState.FULFILLED, OrderState.CANCELLED}),
    OrderState.CANCELLED: frozenset(),
    OrderState.FULFILLED: frozenset(),
}

MAX_LINES = 20
#: Of one message, when a whole catalogue is looked for in it.
_MAX_SEARCHED = 4_000
#: Of a word, by which its other forms are known.
_LONGEST_BEGINNING = 12

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class OrderLine:
    """So many of one product, at the price of now."""

    product_id: UUID
    sku: str
    name: str
    quantity: int
    unit_price: Decimal

    def record(self) -> dict[str, Any]:
        return {
            "product_id": str(self.product_id),
            "sku": self.sku,
            "name": self.name,
            "quantity": self.quantity,
            "unit_price": str(self.unit_price),
        }


@dataclass(frozen=True)
class CheckedOrder:
    """An order that the catalogue and the customer's own words bear out."""

    lines: tuple[OrderLine, ...]
    currency: str
    confirmed_by: UUID
    """The message that holds the customer's yes."""
    confirmed_with: str
    name: str | None
    phone: str | None
    email: str | None
    address: str | None

    @property
    def total(self) -> Decimal:
        return sum((line.unit_price * line.quantity for line in self.lines), Decimal(0))


def check_order(
    proposed: ProposedOrder, context: OrderContext
) -> CheckedOrder | Refusal:
    """Hold a proposal against the catalogue and the conversation."""
    lines = _lines(proposed.items, context)
    if isinstance(lines, Refusal):
        return lines
    confirmed_by = confirming_message(proposed.confirmed_with, context.newest)
    if isinstance(confirmed_by, Refusal):
        return confirmed_by
    if refusal := unstated_data(proposed, context):
        return refusal
    by_id = {offer.id: offer for offer in context.offers}
    return CheckedOrder(
        lines=lines,
        currency=by_id[lines[0].product_id].currency,
        confirmed_by=confirmed_by,
        confirmed_with=proposed.confirmed_with.strip(),
        name=given(proposed.name) or next(iter(context.names), None),
        phone=given(proposed.phone) or next(iter(context.phones), None),
        email=given(proposed.email) or next(iter(context.emails), None),
        address=given(proposed.address),
    )


def choose_offers(
    offers: Sequence[Offer], texts: Iterable[str], *, limit: int
) -> tuple[Offer, ...]:
    """The offers of a large catalogue that a conversation may be about, those it names first."""
    if len(offers) <= limit:
        return tuple(offers)
    said = folded("\n".join(text[:_MAX_SEARCHED] for text in texts))
    # To search a text for each of thousands of products takes long; a set is asked at once.
    beginnings = {
        word[:end]
        for word in set(_WORD.findall(said))
        for end in range(2, min(len(word), _LONGEST_BEGINNING) + 1)
    }

    def times_named(offer: Offer) -> int:
        words = {*_WORD.findall(folded(offer.name)), folded(offer.sku)}
        return sum(
            word[:_LONGEST_BEGINNING] in beginnings
            or ((not word.isalnum() or not word.isascii()) and word in said)
            for word in words
        )

    ranked = sorted(offers, key=times_named, reverse=True)
    return tuple(ranked[:limit])


def _lines(
    items: Sequence[ProposedItem], context: OrderContext
) -> tuple[OrderLine, ...] | Refusal:
    if not items:
        return Refusal("no_items", "the order names no product")
    if len(items) > MAX_LINES:
        return Refusal("too_many_items", f"the order has more than {MAX_LINES} lines")
    stated: set[int] = {1}
    for said in context.said:
        stated |= numbers_in(own_words(said.text))
    named = folded(
        "\n".join([*(one.text[:MAX_SAID] for one in context.said), *context.named])
    )
    lines: list[OrderLine] = []
    currencies: set[str] = set()
    for item in items:
        offer = _find(item.product, context.offers)
        if isinstance(offer, Refusal):
            return offer
        if any(line.product_id == offer.id for line in lines):
            return Refusal("product_twice", f"{offer.sku} is named more than once")
        if not _times_named(offer, named):
            return Refusal(
                "product_not_named", f"nobody has spoken of {offer.name} ({offer.sku})"
            )
        if not 1 <= item.quantity <= offer.max_quantity:
            return Refusal(
                "quantity_out_of_bounds",
                f"of {offer.sku} between 1 and {offer.max_quantity} can be ordered",
            )
        if item.quantity not in stated:
            return Refusal(
                "quantity_not_stated",
                f"the customer has not said that they want {item.quantity} of {offer.sku}",
            )
        currencies.add(offer.currency)
        lines.append(
            OrderLine(offer.id, offer.sku, offer.name, item.quantity, offer.price)
        )
    if len(currencies) > 1:
        return Refusal("mixed_currencies", "the products have different currencies")
    return tuple(lines)


def _find(product: str, offers: Sequence[Offer]) -> Offer | Refusal:
    """By the exact article number, else by the whole name."""
    wanted = product.strip()
    for offer in offers:
        if offer.sku == wanted:
            return offer
    alike = [offer for offer in offers if folded(offer.name) == folded(wanted)]
    if len(alike) == 1:
        return alike[0]
    if alike:
        return Refusal("ambiguous_product", "more than one product has this name")
    return Refusal("unknown_product", "there is no such product in the catalogue")


def _times_named(offer: Offer, text: str) -> int:
    """How much of its name a text holds."""
    sku = folded(offer.sku)
    words = {
        word
        for word in _WORD.findall(folded(offer.name))
        if len(word) > 2 or not word.isascii()
    }
    found = sum(word in text for word in words)
    return found + (1 + len(words) if len(sku) > 1 and sku in text else 0)
