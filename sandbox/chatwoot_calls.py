"""How Chatwoot calls: one event in each request; newer versions sign it together with the time."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox import wire
from sandbox.callbacks import Content, Manner
from sandbox.chats import Account, Conversation, Message
from sandbox.courier_settings import CourierSettings

INBOX = 9
#: How the kinds of messages are called by webhooks, and by their number over REST.
KINDS = ("incoming", "outgoing", "activity", "template")
_AGENT = {"id": 4, "name": "Olof Ek", "email": "olof@shop.example", "type": "user"}


def body(account: Account, contents: Sequence[Content]) -> bytes:
    """Contents are events; there is never more than one."""
    (event,) = contents
    return json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")


def sign(account: Account, url: str, body: bytes, timestamp: int) -> dict[str, str]:
    """Nothing where the server is old."""
    headers = {"Content-Type": "application/json"}
    if not account.settings.signed:
        return headers
    signed = f"{timestamp}.".encode() + body
    digest = hmac.new(account.settings.secret.encode(), signed, hashlib.sha256)
    return headers | {
        "X-Chatwoot-Timestamp": str(timestamp),
        "X-Chatwoot-Signature": f"sha256={digest.hexdigest()}",
        "X-Chatwoot-Delivery": wire.fingerprint(body),
    }


# Older versions do not repeat what failed.
CHATWOOT = Manner(
    body, sign, courier=CourierSettings(max_attempts=1, timeout_seconds=5.0)
)


def told(account: Account, conversation: Conversation, message: Message) -> Content:
    """A message as REST shows it."""
    return {
        "id": message.number,
        "conversation_id": conversation.number,
        "inbox_id": INBOX,
        "account_id": int(account.id),
        "content": message.text or None,
        "message_type": KINDS.index(_kind(message)),
        "content_type": "text",
        "content_attributes": message.facts.get("content_attributes", {}),
        "status": message.status if not message.inbound else "sent",
        "private": message.facts.get("private", False),
        "source_id": message.facts.get("source_id"),
        "created_at": int(message.at),
        "sender": _sender(conversation, message),
        "attachments": [],
    }


def event(
    name: str, account: Account, conversation: Conversation, message: Message
) -> Content:
    """What happened to a message as a webhook tells it: kinds by name, the time as text."""
    at = datetime.fromtimestamp(message.at, UTC)
    return {
        **told(account, conversation, message),
        "event": name,
        "message_type": _kind(message),
        "created_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "account": {"id": int(account.id), "name": "The Shop"},
        "inbox": {"id": INBOX, "name": "Chats"},
        "conversation": described(account, conversation),
        **message.facts.get("more", {}),
    }


def described(account: Account, conversation: Conversation) -> Content:
    """A conversation."""
    unread = sum(one.inbound for one in conversation.messages)
    return {
        "id": conversation.number,
        "account_id": int(account.id),
        "inbox_id": INBOX,
        "channel": "Channel::Api",
        "status": "open",
        "can_reply": not account.settings.windows or conversation.is_open(),
        "labels": [],
        "priority": None,
        "unread_count": unread,
        "created_at": int(min((m.at for m in conversation.messages), default=0)),
        "timestamp": int(conversation.updated),
        "last_activity_at": int(conversation.updated),
        "meta": {
            "channel": "Channel::Api",
            "sender": _contact(conversation),
            "assignee": None,
            "hmac_verified": False,
        },
        "messages": [],
        "additional_attributes": {},
        "custom_attributes": {},
    }


def _kind(message: Message) -> str:
    usual = "incoming" if message.inbound else "outgoing"
    return str(message.facts.get("message_type", usual))


def _sender(conversation: Conversation, message: Message) -> dict[str, Any]:
    return _contact(conversation) if message.inbound else _AGENT


def _contact(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.number + 1000,
        "name": conversation.name,
        "email": None,
        "phone_number": None,
        "identifier": conversation.person,
        "type": "contact",
    }
