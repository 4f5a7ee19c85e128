"""Orders that a model proposes: what of them the catalogue has and the customer has said.

A model may be mistaken or talked into anything, so nothing of a proposal is taken on its word.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.domain.identifiers import email_key
from app.domain.line_kinds import Kind
from app.domain.number_words import numbers_in
from app.domain.reply_quotes import mark_quotes
from app.domain.status import OrderState

#: What an order can still become.
NEXT_STATES = {
    OrderState.PENDING_REVIEW: frozenset({OrderState.CONFIRMED, OrderState.CANCELLED}),
    OrderState.CONFIRMED: frozenset({OrderState.FULFILLED, OrderState.CANCELLED}),
    OrderState.CANCELLED: frozenset(),
    OrderState.FULFILLED: frozenset(),
}

MAX_LINES = 20
#: Of one message of the customer.
_MAX_SAID = 20_000
#: Of one message, when a whole catalogue is looked for in it.
_MAX_SEARCHED = 4_000
#: Of a word, by which its other forms are known.
_LONGEST_BEGINNING = 12
_MAX_QUOTE = 300
_MAX_FIELD = 500
_SHORTEST_PHONE = 6

_WORD = re.compile(r"\w+")
_QUOTED = re.compile(r"(?m)^[ \t]{0,4}>.*$")
_SENTENCE_END = re.compile(r"[.!?…؟]+(?=\s|$)|[。！？]|\n")
_ADDRESS = re.compile(r"[\w.+'-]{1,64}@[\w.-]{1,255}")
#: Digits as people group them.
_PHONE = re.compile(r"\+?\(?\d(?:[\s()./-]{0,3}\d){5,19}")
#: A sentence with one of these need not be a yes; a person looks.
_DENIALS = frozenset(
    [
        "not",
        "don't",
        "dont",
        "doesn't",
        "won't",
        "wont",
        "can't",
        "cannot",
        "never",
        "cancel",
        "nicht",
        "kein",
        "keine",
        "keinen",
        "nie",
        "storniere",
        "storno",
        "ne",
        "pas",
        "jamais",
        "annule",
        "annuler",
        "annulez",
        "no",
        "nunca",
        "cancela",
        "non",
        "mai",
        "annulla",
        "não",
        "cancele",
        "niet",
        "geen",
        "nooit",
        "inte",
        "ej",
        "aldrig",
        "ikke",
        "aldri",
        "ei",
        "älä",
        "nie",
        "anuluj",
        "ne",
        "nechci",
        "не",
        "нет",
        "никогда",
        "değil",
        "hayır",
        "istemiyorum",
        "لا",
        "ليس",
        "لن",
    ]
)
_DENYING_PARTS = re.compile(
    "不要|不想|不用|别|別|取消|没有|ません|ないで|キャンセル|않|취소"
)


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
    confirmed_by = _confirming(proposed.confirmed_with, context.newest)
    if isinstance(confirmed_by, Refusal):
        return confirmed_by
    if refusal := _data_refusal(proposed, context):
        return refusal
    by_id = {offer.id: offer for offer in context.offers}
    return CheckedOrder(
        lines=lines,
        currency=by_id[lines[0].product_id].currency,
        confirmed_by=confirmed_by,
        confirmed_with=proposed.confirmed_with.strip(),
        name=_given(proposed.name) or next(iter(context.names), None),
        phone=_given(proposed.phone) or next(iter(context.phones), None),
        email=_given(proposed.email) or next(iter(context.emails), None),
        address=_given(proposed.address),
    )


def choose_offers(
    offers: Sequence[Offer], texts: Iterable[str], *, limit: int
) -> tuple[Offer, ...]:
    """The offers of a large catalogue that a conversation may be about, those it names first."""
    if len(offers) <= limit:
        return tuple(offers)
    said = _folded("\n".join(text[:_MAX_SEARCHED] for text in texts))
    # To search a text for each of thousands of products takes long; a set is asked at once.
    beginnings = {
        word[:end]
        for word in set(_WORD.findall(said))
        for end in range(2, min(len(word), _LONGEST_BEGINNING) + 1)
    }

    def times_named(offer: Offer) -> int:
        words = {*_WORD.findall(_folded(offer.name)), _folded(offer.sku)}
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
        stated |= numbers_in(_unquoted(said.text))
    named = _folded(
        "\n".join([*(one.text[:_MAX_SAID] for one in context.said), *context.named])
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
    alike = [offer for offer in offers if _folded(offer.name) == _folded(wanted)]
    if len(alike) == 1:
        return alike[0]
    if alike:
        return Refusal("ambiguous_product", "more than one product has this name")
    return Refusal("unknown_product", "there is no such product in the catalogue")


def _confirming(quote: str, newest: Sequence[Said]) -> UUID | Refusal:
    """The newest message that holds the words, in a sentence that neither asks nor denies."""
    words = _folded(quote.strip().strip("\"'“”„«»")[: _MAX_QUOTE + 1]).split()
    if len(quote) > _MAX_QUOTE or not any(map(_WORD.search, words)):
        return Refusal("not_confirmed", "the words that confirm it are missing")
    pattern = re.compile(
        _edge(words[0][0], r"(?<!\w)")
        + r"\s+".join(map(re.escape, words))
        + _edge(words[-1][-1], r"(?!\w)")
    )
    for said in reversed(newest):
        text = _fold_lines(_unquoted(said.text))
        for match in pattern.finditer(text):
            sentence = _sentence(text, match)
            if sentence.rstrip().endswith(("?", "؟")):
                return Refusal("only_asked", "the customer asks and does not confirm")
            if not _DENIALS.isdisjoint(
                re.findall(r"[\w'’]+", sentence.replace("’", "'"))
            ) or _DENYING_PARTS.search(sentence):
                return Refusal("denied", "the customer may be saying no")
            return said.message_id
    return Refusal(
        "not_confirmed",
        "the words that confirm it do not stand in the customer's newest messages",
    )


def _sentence(text: str, match: re.Match[str]) -> str:
    start = 0
    for end in _SENTENCE_END.finditer(text, 0, match.start()):
        start = end.end()
    # The quote may bring the mark along.
    behind = _SENTENCE_END.search(text, max(match.end() - 1, match.start()))
    return text[start : behind.end() if behind else len(text)].strip()


def _data_refusal(proposed: ProposedOrder, context: OrderContext) -> Refusal | None:
    """Refuse what is known of the customer only to the model."""
    texts = [_unquoted(said.text) for said in context.said]
    fields = {
        "name": (proposed.name, [*texts, *context.names]),
        "address": (proposed.address, texts),
    }
    for field, (value, sources) in fields.items():
        given = _given(value)
        if given and not _is_said(given, sources):
            return _invented(field)
    if (email := _given(proposed.email)) and email_key(email) not in {
        email_key(found)
        for text in [*texts, *context.emails]
        for found in _ADDRESS.findall(text)
    }:
        return _invented("email")
    if (phone := _given(proposed.phone)) and _digits(phone) not in {
        _digits(found)
        for text in [*texts, *context.phones]
        for found in _PHONE.findall(unicodedata.normalize("NFKC", text))
    }:
        return _invented("phone")
    return None


def _invented(field: str) -> Refusal:
    return Refusal(f"{field}_not_stated", f"the {field} is not one the customer gave")


def _is_said(value: str, texts: Sequence[str]) -> bool:
    """Whether each word of a value stands in one of the texts."""
    if len(value) > _MAX_FIELD:
        return False
    words = set(_WORD.findall(_folded(value)))
    for text in texts:
        folded = _folded(text)
        if words and words <= set(_WORD.findall(folded)):
            return True
        # Some scripts put no space between words.
        if not value.isascii() and "".join(_folded(value).split()) in folded:
            return True
    return False


def _digits(phone: str) -> str:
    """The number that is dialled; never guessed to be of some country."""
    phone = unicodedata.normalize("NFKC", phone).strip()
    digits = "".join(str(unicodedata.digit(one)) for one in phone[:60] if one.isdigit())
    is_international = phone.startswith(("+", "(+")) or digits.startswith("00")
    if len(digits) < _SHORTEST_PHONE:
        return "none"
    return f"+{digits.removeprefix('00')}" if is_international else digits


def _times_named(offer: Offer, folded: str) -> int:
    """How much of its name a text holds."""
    sku = _folded(offer.sku)
    words = {
        word
        for word in _WORD.findall(_folded(offer.name))
        if len(word) > 2 or not word.isascii()
    }
    found = sum(word in folded for word in words)
    return found + (1 + len(words) if len(sku) > 1 and sku in folded else 0)


def _unquoted(text: str) -> str:
    """What the writer of a text wrote: a mail that is nothing but quotes is shown whole."""
    lines = _QUOTED.sub("", text[:_MAX_SAID]).split("\n")
    kinds = [Kind.WRITTEN] * len(lines)
    mark_quotes(lines, kinds)
    return "\n".join(
        line for line, kind in zip(lines, kinds, strict=True) if kind is Kind.WRITTEN
    )


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _fold_lines(text: str) -> str:
    return _folded(text).replace("\r", "\n")


def _edge(character: str, boundary: str) -> str:
    """A word begins and ends somewhere only in scripts that put spaces between words."""
    is_spaced = character.isdigit() or character.lower() != character.upper()
    return boundary if is_spaced else ""


def _given(value: str | None) -> str | None:
    """Empty text and the words by which models write that there is nothing."""
    stripped = (value or "").strip()
    return None if stripped.lower() in {"", "null", "none", "n/a", "-"} else stripped
