"""The live part of the demo: somebody asks a shop on WhatsApp, is answered by itself, and orders.

The shop is a workspace of its own. So nothing of a mailbox is ever answered without a person, and no
product stands before the model when it answers mail.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import requests

from app import store
from app.cli import session
from app.cli.demo_processes import DemoFailed
from app.domain.status import OutboundOrigin, OutboundState
from app.domain.unified_message import Direction
from app.errors import NotFound
from app.models import ChannelConfig, Conversation, Message, Order, Workspace
from app.services import accounts, inbox
from app.services.commerce import catalogue
from app.services.commerce.orders import list_orders
from app.services.outbound import auto_reply
from app.services.outbound.messages import list_outbound

SHOP = "Demo shop"
ACTOR = "demo"
#: The provider's ids of the shop's accounts begin behind it.
FIRST_ACCOUNT = 1_060_000_000_000
PRODUCTS = b"""sku,name,price,currency,description
MUG-B,Blue mug,12.50,EUR,Stoneware with a blue glaze; holds 0.3 l
MUG-W,White mug,11.00,EUR,Stoneware; holds 0.3 l
BOTTLE,Bottle,18.00,EUR,Steel; fits the usual bottle cages
"""
CUSTOMER = "Anna Lind"
#: One of those that Sweden gives to nobody.
CUSTOMER_NUMBER = "46701740605"
SAID = (
    "Do you have the blue mug?",
    "Yes please, I order two of the blue mugs. You can ship them any day.",
)
#: Longest wait until all that follows from one message is done.
SETTLE_SECONDS = 45.0
#: More than a demo makes, however often it is run.
_MOST = 1_000


@dataclass(frozen=True)
class _Story:
    """One conversation as the rows tell it."""

    conversation: Conversation
    messages: Sequence[Message]
    replies: Counter[UUID]
    """How often each message of the customer was answered by itself."""
    orders: Sequence[Order]

    @property
    def faults(self) -> list[str]:
        """In what it is not as it has to be."""
        asked = [one for one in self.messages if one.direction is Direction.INBOUND]
        found = []
        if len(asked) != len(SAID):
            found.append(f"{len(asked)} messages of the customer, not {len(SAID)}")
        for one in asked:
            if (times := self.replies[one.id]) != 1:
                why = f"; see: bizzybee events explain {one.event_id}"
                found.append(f"{one.body!r} was answered {times} times{why}")
        if len(self.orders) != 1:
            found.append(f"{len(self.orders)} orders, not one")
        return found


@dataclass(frozen=True)
class Told:
    """What came of the conversation, and in what it is not as it has to be."""

    record: dict[str, Any]
    faults: Sequence[str]


def open_shop() -> Workspace:
    """The workspace that sells, with its catalogue and its switch, the same each time."""
    runtime = session.runtime()
    try:
        shop = accounts.find_workspace(runtime, SHOP)
    except NotFound:
        shop = accounts.create_workspace(runtime, SHOP)
    if not catalogue.list_products(runtime, shop.id, limit=1):
        catalogue.import_products(runtime, shop.id, PRODUCTS, actor=ACTOR)
    auto_reply.switch(runtime, shop.id, allowed=True, actor=ACTOR)
    return shop


def play(
    shop: Workspace, *, web: str, sandbox: str, secret: str, since: datetime
) -> Told:
    """Let the customer say what they have to say, and wait for the answers.

    Safe to repeat: what was said is said again under its ids, and nothing follows from it. A
    conversation that came to no good end is left as it is, and another one begins on another account:
    of one account each sandbox would give the same ids to other messages. `since` is a moment before
    anything could be sent.
    """
    account = open_account(shop)
    _control(
        f"{sandbox}/_control/chats/whatsapp",
        {
            "id": account.external_account_id,
            "callback": f"{web}/webhooks/whatsapp",
            "secret": secret,
        },
    )
    started = time.monotonic()
    for position, text in enumerate(SAID):
        # WhatsApp tells times in whole seconds: what follows an answer must not seem to precede it.
        time.sleep(1.05 - time.time() % 1)
        _control(
            f"{sandbox}/_control/chats/whatsapp/{account.external_account_id}/inbound",
            {
                "from": CUSTOMER_NUMBER,
                "name": CUSTOMER,
                "text": text,
                "id": f"wamid.demo.{position}",
            },
        )
        _settle(shop, sandbox)
    seconds = time.monotonic() - started
    accepted = _get(f"{sandbox}/_control/sends")
    return judge(shop, accepted, since=since, seconds=seconds)


def open_account(shop: Workspace) -> ChannelConfig:
    """The account of the last conversation, if that was played out; else the next one."""
    found = _conversations(shop)
    is_played_out = bool(found) and not _story(shop, found[0]).faults
    number = len(found) if is_played_out else len(found) + 1
    name = f"whatsapp {number}"
    try:
        return accounts.find_config(session.runtime(), shop.id, name)
    except NotFound:
        return accounts.add_config(
            session.runtime(),
            shop.id,
            name=name,
            provider="whatsapp",
            channel="whatsapp",
            credentials={"access_token": "sandbox-demo"},
            external_account_id=str(FIRST_ACCOUNT + number),
            actor=ACTOR,
        )


def judge(
    shop: Workspace,
    accepted: Sequence[dict[str, Any]],
    *,
    since: datetime,
    seconds: float,
) -> Told:
    """Tell of the last conversation, and hold it against what the providers have `accepted`."""
    found = _conversations(shop)
    if not found:
        return Told({}, ["the shop has no conversation"])
    story = _story(shop, found[0])
    unfinished = _unfinished(shop)
    faults = [*story.faults, *_faults_of_sends(shop, accepted, since)]
    if unfinished:
        faults.append(f"{unfinished} events or messages of the shop are not terminal")
    record = {
        "workspace": shop.name,
        "conversation_id": str(story.conversation.id),
        "dialogue": [_line(shop, one) for one in story.messages],
        "replies": story.replies.total(),
        "orders": [
            {
                "id": str(one.id),
                "state": one.state,
                "items": [f"{item['quantity']} × {item['name']}" for item in one.items],
                "total": f"{one.total} {one.currency}",
            }
            for one in story.orders
        ],
        "unfinished": unfinished,
        "this_time": {"sent": len(accepted), "seconds": round(seconds, 1)},
    }
    return Told(record, faults)


def _settle(shop: Workspace, sandbox: str) -> None:
    """Wait until everything has been told, carried out and sent; not for ever."""
    deadline = time.monotonic() + SETTLE_SECONDS
    attempts = f"{sandbox}/_control/chats/whatsapp/attempts"
    before = None
    while time.monotonic() < deadline:
        told = _get(attempts)
        # Between two looks nothing was told, and meanwhile nothing was left to do.
        if told == before:
            return
        before = None if told["waiting"] or _unfinished(shop) else told
        time.sleep(0.1)


def _faults_of_sends(
    shop: Workspace, accepted: Sequence[dict[str, Any]], since: datetime
) -> list[str]:
    """Hold what the providers took against what we know to have sent this time."""
    rows = list_outbound(session.runtime(), shop.id, limit=_MOST)
    expected = Counter(
        str(one.message_id)
        for one in rows
        if one.state is OutboundState.SENT
        and one.finished_at is not None
        and one.finished_at > since
    )
    taken = Counter(
        str(one["body"].get("biz_opaque_callback_data")) for one in accepted
    )
    if taken == expected:
        return []
    return [
        f"the providers took {taken.total()} messages, we know of {expected.total()}"
    ]


def _line(shop: Workspace, message: Message) -> dict[str, Any]:
    is_theirs = message.direction is Direction.INBOUND
    us = f"{shop.name}{', by itself' if message.is_automatic else ''}"
    return {
        "who": message.sender.get("name") if is_theirs else us,
        "said": message.body,
        "delivery": message.delivery_status,
    }


def _story(shop: Workspace, conversation: Conversation) -> _Story:
    runtime, workspace_id = session.runtime(), shop.id
    newest = inbox.list_messages(runtime, workspace_id, conversation.id, limit=_MOST)
    queued = list_outbound(
        runtime, workspace_id, conversation_id=conversation.id, limit=_MOST
    )
    return _Story(
        conversation=conversation,
        messages=newest[::-1],
        replies=Counter(
            one.target_message_id
            for one in queued
            if one.target_message_id is not None
            and one.state is OutboundState.SENT
            and one.origin is OutboundOrigin.AUTOMATIC
        ),
        orders=list_orders(
            runtime, workspace_id, conversation_id=conversation.id, limit=_MOST
        ),
    )


def _conversations(shop: Workspace) -> Sequence[Conversation]:
    return inbox.list_conversations(session.runtime(), shop.id, limit=_MOST)


def _unfinished(shop: Workspace) -> int:
    with session.runtime().transaction(shop.id) as tx:
        return store.reports.unfinished(tx)


def _control(url: str, asked: dict[str, Any]) -> None:
    answer = requests.post(url, json=asked, timeout=20)
    if answer.status_code != 201:
        raise DemoFailed(f"the sandbox refused: {answer.text}")


def _get(url: str) -> Any:
    return requests.get(url, timeout=20).json()
