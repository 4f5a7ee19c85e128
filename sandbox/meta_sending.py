"""Sending through the Graph API: one path for WhatsApp, Messenger and Instagram."""

from datetime import timedelta
from typing import Any

from flask import Blueprint

from sandbox import chat_sending, meta_access, meta_calls, whatsapp_sending, wire
from sandbox.chat_sending import string
from sandbox.chats import Account, Conversation
from sandbox.meta_access import refuse
from sandbox.world import world

blueprint = Blueprint("meta_sending", __name__)

_LONGEST_TEXT = 2_000
_LONGEST_INSTAGRAM_BYTES = 1_000
_LONGEST_METADATA = 1_000
_KINDS = ("RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY")
#: The only tag that still works, and how long; it is not for programs.
_HUMAN_AGENT, _HUMAN_WINDOW = "HUMAN_AGENT", timedelta(days=7)
_NO_SUCH_PERSON = 2018001
_INSTAGRAM_WINDOW = 2534022


@blueprint.post("/<version>/<node>/messages")
def send(version: str, node: str) -> dict[str, Any]:
    """Send a message; the body says through which product."""
    meta_access.check_version(version)
    meta_access.token()
    body = wire.json_body()
    if "messaging_product" in body or world().chats.get("whatsapp", node):
        return whatsapp_sending.send(node, body)
    return _send(node, body)


def _send(node: str, body: dict[str, Any]) -> dict[str, Any]:
    person = string(body, "recipient", "id")
    if not person:
        refuse(100, "The parameter recipient is required")
    account = meta_access.opened(_account(node, person))
    text = _text(account, body)
    conversation = _conversation(account, person)
    _check_window(account, conversation, body)
    if code := account.settings.refuses.get(person):
        refuse(code)
    message = chat_sending.accept(
        account,
        conversation,
        text,
        route="/<version>/<node>/messages",
        body=body,
        facts={"metadata": string(body, "message", "metadata")},
    )
    if account.settings.echoes:
        echo = meta_calls.messaging_echo(account, message, meta_calls.APP_ID)
        chat_sending.tell(account, echo)
    for status, _ in chat_sending.statuses(account):
        told = meta_calls.messaging_status(account, message, status)
        chat_sending.tell(account, told)
    chat_sending.told(account)
    return {"recipient_id": person, "message_id": message.id}


def _account(node: str, person: str) -> Account:
    """Of those that hang on a page it is the one whom this person has written to."""
    found = meta_access.messaging_accounts(node)
    known = [each for each in found if person in each.conversations]
    if known or found:
        return (known or found)[0]
    return world().chats.account("messenger", node)


def _text(account: Account, body: dict[str, Any]) -> str:
    message = body.get("message")
    if not isinstance(message, dict):
        refuse(100, "The parameter message is required")
    text = message.get("text")
    if not isinstance(text, str) or not text.strip():
        if "attachment" in message and "text" not in message:
            return ""
        refuse(100, "Message cannot be empty, must provide valid attachment or text")
    if account.product == "instagram":
        if len(text.encode("utf-8", "replace")) > _LONGEST_INSTAGRAM_BYTES:
            refuse(100, "Length of param message[text] must be at most 1000 bytes")
    elif len(text) > _LONGEST_TEXT:
        refuse(100, "Length of param message[text] must be less than or equal to 2000")
    if len(string(message, "metadata")) > _LONGEST_METADATA:
        refuse(100, "Length of param message[metadata] must be at most 1000")
    kind = body.get("messaging_type", "RESPONSE")
    if kind not in _KINDS:
        refuse(100, "Param messaging_type must be one of RESPONSE, UPDATE, ...")
    if kind == "MESSAGE_TAG" and body.get("tag") != _HUMAN_AGENT:
        refuse(100, "Invalid parameter: tag")
    return text


def _conversation(account: Account, person: str) -> Conversation:
    known = account.conversations.get(person)
    if known is None and not account.settings.strangers:
        refuse(100, "No matching user found", subcode=_NO_SUCH_PERSON)
    return known or world().chats.conversation(account, person, person)


def _check_window(
    account: Account, conversation: Conversation, body: dict[str, Any]
) -> None:
    if not account.settings.windows or conversation.is_open():
        return
    if body.get("tag") == _HUMAN_AGENT and conversation.is_open(_HUMAN_WINDOW):
        return
    subcode = _INSTAGRAM_WINDOW if account.product == "instagram" else None
    refuse(10, "This message is sent outside of allowed window.", subcode=subcode)
