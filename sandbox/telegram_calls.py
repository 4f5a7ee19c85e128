"""How Telegram calls: one update in each request, with a secret that both sides know."""

import json
from collections.abc import Sequence
from typing import Any

from sandbox.callbacks import Content, Manner
from sandbox.chats import Account, Message
from sandbox.courier_settings import CourierSettings


def body(account: Account, contents: Sequence[Content]) -> bytes:
    """Contents are updates; there is never more than one."""
    (update,) = contents
    return json.dumps(update, ensure_ascii=False).encode("utf-8", "replace")


def sign(account: Account, url: str, body: bytes, timestamp: int) -> dict[str, str]:
    """No signature: the secret itself, where the webhook was set with one."""
    headers = {"Content-Type": "application/json"}
    if account.settings.secret:
        headers["X-Telegram-Bot-Api-Secret-Token"] = account.settings.secret
    return headers


TELEGRAM = Manner(body, sign, courier=CourierSettings(timeout_seconds=60.0))


def chat(message: Message, name: str) -> Content:
    """The chat of a message: of a person, or of a group where the id is negative."""
    identity = int(message.person)
    if identity < 0:
        return {"id": identity, "type": "supergroup", "title": name}
    return {"id": identity, "type": "private", "first_name": name}


def described(account: Account, message: Message, name: str) -> dict[str, Any]:
    """A message as Telegram writes it."""
    if message.inbound:
        writer = int(message.facts.get("from", message.person))
        sender = {"id": writer, "is_bot": False, "first_name": name}
    else:
        sender = {"id": int(account.id), "is_bot": True, "first_name": "Sandbox"}
    told: dict[str, Any] = {
        "message_id": message.number,
        "date": int(message.at),
        "from": sender,
        "chat": chat(message, name),
        "text": message.text,
    }
    told |= message.facts.get("more", {})
    return {name: value for name, value in told.items() if value is not None}
