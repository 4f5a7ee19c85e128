"""Put what is to be sent into the queue, once."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app import store
from app.channels.sending import Address, Sender
from app.domain.ids import new_id
from app.domain.mail_head import MailHead
from app.domain.outbound import text_digest
from app.domain.reply_token import workspace_key
from app.domain.split_text import split_text
from app.domain.status import DeliveryStatus, OutboundOrigin, SenderType
from app.domain.threading import ClaimKind, mail_key
from app.domain.unified_message import (
    Direction,
    MessageKind,
    Participant,
    Recipient,
    UnifiedMessage,
)
from app.errors import Conflict, InvalidInput
from app.jobs.contracts import Outbound
from app.models import ChannelConfig, Conversation, OutboundMessage
from app.runtime import Runtime
from app.services.accounts import account_of, require_config
from app.services.outbound.compose import (
    Route,
    Target,
    our_identifier,
    recipient_key,
    route_of,
    target_of,
)
from app.services.outbound.head import head_of
from app.services.pipeline.people import find_customers
from app.services.pipeline.placement import arrive
from app.services.pipeline.threads import find_conversations, remember
from app.store.customers import NOBODY
from app.store.transaction import Transaction

#: A person's text is not that long, and a program's should not be.
MAX_TEXT = 100_000
MAX_PARTS = 20


@dataclass(frozen=True)
class Letter:
    """What somebody wants sent."""

    text: str
    origin: OutboundOrigin
    actor: str
    request_key: str
    """Two letters under one key are one."""
    html: str | None = None
    subject: str | None = None
    target_message_id: UUID | None = None
    """What it answers; None: the newest inbound message of the conversation."""
    draft_id: UUID | None = None
    send_at: datetime | None = None

    def digest(self, place: Any) -> bytes:
        """Tells this letter from another under the same key; `place` is where it is to go."""
        told = [
            self.text,
            self.html,
            self.subject,
            self.target_message_id,
            self.send_at,
            place,
        ]
        return hashlib.sha256(json.dumps(told, default=str).encode()).digest()


@dataclass(frozen=True)
class Queued:
    """What a letter became."""

    parts: Sequence[OutboundMessage]
    is_new: bool
    """False where the same letter had been queued before."""


@dataclass(frozen=True)
class _Part:
    """One message of a letter: a long text is several."""

    id: UUID
    text: str
    at: datetime


@dataclass(frozen=True)
class _Place:
    """Where a part of a letter belongs."""

    conversation_id: UUID
    owner: dict[str, UUID | None]
    """Whose it is, as a row says it."""
    evidence: str


@dataclass(frozen=True)
class _NotReceived:
    """Stands for the event of a message that we make ourselves."""

    id: UUID
    workspace_id: UUID
    config_id: UUID
    channel: str
    external_id: str
    received_at: datetime
    message_id: UUID
    conversation_id: None = None
    id_collision: bool = False


def answer_conversation(
    tx: Transaction, runtime: Runtime, conversation_id: UUID, letter: Letter
) -> Queued:
    """Queue an answer in a conversation, and ring for it after the commit.

    Message and queue row are written together. Raises NotFound, InvalidInput for a text that cannot
    be sent, Conflict for another letter under the same key.
    """
    assert tx.workspace_id is not None
    store.locks.lock_request(tx, tx.workspace_id, letter.request_key)
    digest = letter.digest(str(conversation_id))
    if (before := _before(tx, letter, digest)) is not None:
        return before
    store.locks.lock_people(tx, tx.workspace_id, to_merge=False)
    store.conversations.lock_current(tx, [conversation_id])
    conversation = store.conversations.require(tx, conversation_id)
    config = require_config(tx, conversation.config_id)
    target = _target(tx, conversation, letter)
    route = route_of(
        tx,
        config,
        conversation,
        target,
        verified_only=letter.origin is OutboundOrigin.AUTOMATIC,
    )
    owner = {
        "customer_id": conversation.customer_id,
        "home_customer_id": conversation.home_customer_id,
    }
    place = _Place(conversation.id, owner, "answer")
    parts = _parts(tx, runtime, config, letter)
    places = [(part, place) for part in parts]
    return _queue(tx, runtime, config, route, letter, digest, places)


def write_to(
    tx: Transaction,
    runtime: Runtime,
    config: ChannelConfig,
    to: Participant,
    letter: Letter,
) -> Queued:
    """Queue a message to somebody, in the conversation that there is with them or in a new one.

    Raises as `answer_conversation` does, and Unlinked.
    """
    store.locks.lock_request(tx, config.workspace_id, letter.request_key)
    digest = letter.digest([str(config.id), to.kind, to.value])
    if (before := _before(tx, letter, digest)) is not None:
        return before
    address = Address(to.kind, to.value, to.name)
    thread_id = _sender(runtime, config).thread_of(account_of(runtime, config), address)
    sender = our_identifier(config, kind=to.kind)
    route = Route(sender=sender, to=to, thread_id=thread_id, target=None)
    places = _places(
        tx, runtime, config, route, _parts(tx, runtime, config, letter), letter
    )
    return _queue(tx, runtime, config, route, letter, digest, places)


def _before(tx: Transaction, letter: Letter, digest: bytes) -> Queued | None:
    queued = store.outbound.of_request(tx, letter.request_key)
    if not queued:
        return None
    if queued[0].request_digest != digest:
        raise Conflict(
            "this Idempotency-Key was used for another message; take a new key for a new message"
        )
    return Queued(queued, is_new=False)


def _target(
    tx: Transaction, conversation: Conversation, letter: Letter
) -> Target | None:
    message_id = letter.target_message_id or conversation.last_inbound_message_id
    if message_id is None:
        return None
    message = store.messages.of_ids(tx, [message_id]).get(message_id)
    if message is None or message.conversation_id != conversation.id:
        raise InvalidInput("the message to be answered is not of this conversation")
    return target_of(tx, message)


def _sender(runtime: Runtime, config: ChannelConfig) -> Sender:
    adapter = runtime.adapters.get(config.provider)
    if not isinstance(adapter, Sender):
        raise InvalidInput(f"nothing can be sent through {config.provider}")
    return adapter


def _parts(
    tx: Transaction, runtime: Runtime, config: ChannelConfig, letter: Letter
) -> list[_Part]:
    texts = _texts(_sender(runtime, config), letter.text)
    return [
        # Apart from each other, so that they stand in their order.
        _Part(new_id(), text, tx.now + timedelta(microseconds=position))
        for position, text in enumerate(texts)
    ]


def _texts(adapter: Sender, text: str) -> list[str]:
    text = text.strip()
    if not text:
        raise InvalidInput("there is nothing to send: the text is empty")
    if len(text) > MAX_TEXT:
        raise InvalidInput(
            f"the text has {len(text)} characters; at most {MAX_TEXT} are sent"
        )
    limit = adapter.text_limit
    texts = [text] if limit is None else split_text(text, limit)
    if len(texts) > MAX_PARTS:
        raise InvalidInput(
            f"the text would be {len(texts)} messages; at most {MAX_PARTS} are sent"
        )
    return texts


def _places(
    tx: Transaction,
    runtime: Runtime,
    config: ChannelConfig,
    route: Route,
    parts: Sequence[_Part],
    letter: Letter,
) -> list[tuple[_Part, _Place]]:
    """Find or make the conversation with somebody, as a message from them would."""
    own = store.tenants.own_addresses(tx)
    key = workspace_key(runtime.settings.key_bytes, config.workspace_id)
    arrived = [
        arrive(
            _stub(config, part), _unified(route, part, letter), own=own, token_key=key
        )
        for part in parts
    ]
    store.locks.lock_creation(
        tx, config.workspace_id, [key for one in arrived for key in one.lock_keys]
    )
    customers = find_customers(tx, arrived)
    found = find_conversations(tx, arrived, customers)
    remember(tx, found)
    places = []
    for part, one in zip(parts, arrived, strict=True):
        conversation_id, evidence = found.by_event[part.id]
        owner = customers[one.identity].columns if one.identity else NOBODY
        places.append((part, _Place(conversation_id, owner, evidence)))
    return places


def _stub(config: ChannelConfig, part: _Part) -> _NotReceived:
    return _NotReceived(
        id=part.id,
        workspace_id=config.workspace_id,
        config_id=config.id,
        channel=config.channel,
        external_id=f"own:{part.id}",
        received_at=part.at,
        message_id=part.id,
    )


def _unified(route: Route, part: _Part, letter: Letter) -> UnifiedMessage:
    return UnifiedMessage(
        # Its Message-ID is made from the conversation that is found.
        external_id=f"own:{part.id}",
        external_thread_id=route.thread_id,
        direction=Direction.OUTBOUND,
        sender=route.sender,
        recipients=[Recipient(**route.to.model_dump(), role="to")],
        subject=letter.subject,
        body_text=part.text,
        sent_at=part.at,
    )


def _queue(
    tx: Transaction,
    runtime: Runtime,
    config: ChannelConfig,
    route: Route,
    letter: Letter,
    digest: bytes,
    places: Sequence[tuple[_Part, _Place]],
) -> Queued:
    conversation_id = places[0][1].conversation_id
    target = route.target.message if route.target else None
    heads = {
        part.id: head_of(
            runtime,
            config,
            route,
            message_id=part.id,
            conversation_id=place.conversation_id,
            subject=letter.subject,
            is_automatic=letter.origin is OutboundOrigin.AUTOMATIC,
        )
        for part, place in places
    }
    store.outbound.add(
        tx,
        [
            _message_row(config, route, letter, part, place, heads[part.id])
            | {"body_html": letter.html if len(places) == 1 else None}
            for part, place in places
        ],
        [
            {
                "workspace_id": config.workspace_id,
                "config_id": config.id,
                "conversation_id": place.conversation_id,
                "message_id": part.id,
                "request_key": letter.request_key,
                "request_digest": digest,
                "position": position,
                "origin": letter.origin,
                "actor": letter.actor,
                "target_message_id": target.id if target else None,
                "draft_id": letter.draft_id,
                "recipient": route.to.model_dump(mode="json"),
                "recipient_key": recipient_key(route.to),
                "text_digest": text_digest(part.text),
                "head": asdict(head) if (head := heads[part.id]) else None,
                "next_attempt_at": letter.send_at,
                # Whoever queues it also rings for it.
                "rung_at": tx.now,
            }
            for position, (part, place) in enumerate(places)
        ],
    )
    _expect_answers(tx, config, places, heads)
    store.conversations.note_answer(tx, conversation_id, at=tx.now)
    tx.publish_after_commit(
        Outbound(workspace_id=config.workspace_id, conversation_id=conversation_id)
    )
    return Queued(store.outbound.of_request(tx, letter.request_key), is_new=True)


def _expect_answers(
    tx: Transaction,
    config: ChannelConfig,
    places: Sequence[tuple[_Part, _Place]],
    heads: dict[UUID, MailHead | None],
) -> None:
    """Let mail that names ours find its conversation.

    All else that ours points to is known of the conversation already.
    """
    rows = [
        {
            "conversation_id": place.conversation_id,
            "key": mail_key(head.message_id),
            "kind": ClaimKind.BEARS,
            "claimant": f"own {part.id}",
            "scope": "",
            "evidence": "message_id",
            "message_id": part.id,
        }
        for part, place in places
        if (head := heads[part.id]) is not None
    ]
    store.threads.remember_claims(tx, config.id, rows)


def _message_row(
    config: ChannelConfig,
    route: Route,
    letter: Letter,
    part: _Part,
    place: _Place,
    head: MailHead | None,
) -> dict[str, Any]:
    is_person = letter.origin in {OutboundOrigin.PERSON, OutboundOrigin.DRAFT}
    to = Recipient(**route.to.model_dump(), role="to")
    return {
        "id": part.id,
        "workspace_id": config.workspace_id,
        "conversation_id": place.conversation_id,
        "channel": config.channel,
        "config_id": config.id,
        "mail_id": head.message_id if head else None,
        "external_thread_id": route.thread_id,
        **place.owner,
        "direction": Direction.OUTBOUND,
        "sender_type": SenderType.EMPLOYEE if is_person else SenderType.AGENT,
        "sender": route.sender.model_dump(mode="json"),
        "recipients": [to.model_dump(mode="json")],
        "kind": MessageKind.TEXT,
        "subject": head.subject if head else None,
        "body": part.text,
        "body_visible": part.text,
        "thread_evidence": place.evidence,
        "identity_evidence": "recipient",
        "is_automatic": letter.origin is OutboundOrigin.AUTOMATIC,
        "occurred_at": part.at,
        "delivery_status": DeliveryStatus.QUEUED,
    }
