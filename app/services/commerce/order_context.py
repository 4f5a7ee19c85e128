"""What a conversation may order: read before the model is asked."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from app import store
from app.domain.orders import choose_offers
from app.domain.proposed_order import Offer, OrderContext, Said
from app.domain.status import OrderState
from app.domain.unified_message import Direction
from app.models import Conversation, Message, Product
from app.store.transaction import Transaction

#: Products that one prompt names.
MAX_OFFERS = 50
#: Of a larger catalogue these are looked through, by article number.
_MAX_LOOKED_AT = 2_000


def order_context(
    tx: Transaction,
    conversation: Conversation,
    messages: Sequence[Message],
    *,
    target: UUID,
) -> OrderContext | None:
    """What the customer of a conversation could order with their newest messages.

    None where nothing is sold, where the AI is switched off, where no person wrote the message, or
    where all that they wrote has led to orders that somebody has dealt with.
    """
    upto = _until(messages, target)
    if not conversation.ai_enabled or not upto or upto[-1].is_automatic:
        return None
    products = store.products.in_order(tx, limit=_MAX_LOOKED_AT, active_only=True)
    if not products:
        return None
    asking = upto[-1]
    theirs = [one for one in upto if _is_from(one, asking)]
    unanswered = _unanswered(upto)
    dealt_with = {
        order.confirmed_by_message_id
        for order in store.orders.of_messages(tx, unanswered)
        if order.state is not OrderState.PENDING_REVIEW
    }
    newest = [one for one in theirs if one.id in unanswered - dealt_with]
    if not newest:
        return None
    texts = [_own_text(one) for one in upto]
    identities = (
        store.customers.identities_of(tx, asking.customer_id)
        if asking.customer_id
        else []
    )
    customer = (
        store.customers.get(tx, asking.customer_id) if asking.customer_id else None
    )
    names = [customer.name if customer else None, asking.sender.get("name")]
    return OrderContext(
        offers=choose_offers(offers_of(products), texts, limit=MAX_OFFERS),
        said=_said(theirs),
        newest=_said(newest),
        is_further=bool(dealt_with),
        named=tuple(
            _own_text(one) for one in upto if one.direction is Direction.OUTBOUND
        ),
        names=tuple(dict.fromkeys(name for name in names if name)),
        emails=tuple(one.original for one in identities if one.kind == "email"),
        phones=tuple(one.original for one in identities if one.kind == "phone"),
    )


def offers_of(products: Iterable[Product]) -> list[Offer]:
    """Products as the rules see them."""
    return [
        Offer(
            id=one.id,
            sku=one.sku,
            name=one.name,
            description=one.description,
            price=one.price,
            currency=one.currency,
            max_quantity=one.max_quantity,
        )
        for one in products
    ]


def _until(messages: Sequence[Message], target: UUID) -> list[Message]:
    for place, message in enumerate(messages):
        if message.id == target:
            return list(messages[: place + 1])
    return []


def _is_from(message: Message, asking: Message) -> bool:
    """Whether the customer who asks wrote it: others may take part in a conversation."""
    return (
        message.direction is Direction.INBOUND
        and message.customer_id == asking.customer_id
        and (
            asking.customer_id is not None
            or message.sender.get("value") == asking.sender.get("value")
        )
        and not message.is_automatic
    )


def _unanswered(messages: Sequence[Message]) -> set[UUID]:
    found: set[UUID] = set()
    for message in messages:
        if message.direction is Direction.OUTBOUND:
            found.clear()
        else:
            found.add(message.id)
    return found


def _said(messages: Iterable[Message]) -> tuple[Said, ...]:
    return tuple(Said(one.id, _own_text(one)) for one in messages)


def _own_text(message: Message) -> str:
    """Without what is quoted. Where everything is, nothing of it is the writer's own."""
    if message.body_visible:
        return message.body_visible
    return "" if message.body_quoted else message.body or ""
