"""What is wrong with the text of a reply that nobody has read."""

from collections.abc import Iterator

from app import store
from app.ai import prompts
from app.domain.mail_programs import FREE_MAIL
from app.domain.reply_check import faults_of_reply
from app.domain.reply_policy import Refusal
from app.domain.unified_message import Direction
from app.models import Conversation, Draft
from app.store.transaction import Transaction

#: What was said before may be said again; further back nobody looks.
MAX_MESSAGES = 50
#: A larger catalogue than this is not held against a reply whole.
MAX_PRODUCTS = 2_000


def faults_of_draft(
    tx: Transaction, conversation: Conversation, draft: Draft
) -> list[Refusal]:
    """Hold a draft against what we may say: our own links and addresses, our prices, no prompt."""
    said = store.messages.latest(tx, conversation.id, limit=MAX_MESSAGES)
    products = store.products.in_order(tx, limit=MAX_PRODUCTS, active_only=True)
    prices = {one.price for one in products}
    order = store.orders.get(tx, draft.order_id) if draft.order_id else None
    if order is not None:
        prices.add(order.total)
    faults = faults_of_reply(
        draft.body,
        allowed_links=list(_links(tx)),
        allowed_addresses=list(_addresses(tx, conversation)),
        own_texts=[
            one.body or "" for one in said if one.direction is Direction.OUTBOUND
        ],
        catalogue_prices=prices,
        prompt_markers=prompts.texts(),
        has_order=order is not None,
        order_refused=draft.order_refusal is not None,
    )
    return [Refusal(f"reply_{one.rule}", one.detail) for one in faults]


def _links(tx: Transaction) -> Iterator[str]:
    """Where we may lead somebody: to the hosts that the owners of our accounts have entered."""
    for config in store.tenants.configs(tx):
        entered = config.settings.get("links", [])
        yield from (one for one in entered if isinstance(one, str))
        for address in config.addresses:
            domain = address.rpartition("@")[2].lower()
            # A free mailer's pages are not the business's.
            if "@" in address and domain not in FREE_MAIL:
                yield domain


def _addresses(tx: Transaction, conversation: Conversation) -> Iterator[str]:
    for config in store.tenants.configs(tx):
        yield from config.addresses
    if conversation.customer_id is not None:
        for one in store.customers.identities_of(tx, conversation.customer_id):
            if one.kind in {"email", "phone"}:
                yield one.original
