"""The Bot API's `sendMessage`."""

from typing import Any

from flask import Blueprint, json

from sandbox import chat_sending, telegram_access, telegram_calls
from sandbox.chats import Account, Conversation
from sandbox.telegram_access import refuse
from sandbox.world import world

blueprint = Blueprint("telegram_sending", __name__)

_LONGEST_TEXT = 4_096
#: Each opens what it also has to close.
_MARKS = "_*`"


@blueprint.route("/bot<token>/sendMessage", methods=["GET", "POST"])
def send(token: str) -> dict[str, Any]:
    """Send a message to a chat."""
    account = telegram_access.bot(token)
    asked = chat_sending.form_or_json()
    text = _text(asked)
    conversation = _conversation(account, asked)
    _check_reply(account, conversation, asked)
    if code := account.settings.refuses.get(conversation.person):
        refuse(code)
    more = {
        name: asked[name]
        for name in ("message_thread_id", "business_connection_id")
        if asked.get(name)
    }
    message = chat_sending.accept(
        account,
        conversation,
        text,
        route="/bot<token>/sendMessage",
        body=asked,
        facts={"more": more},
    )
    described = telegram_calls.described(account, message, conversation.name)
    return {"ok": True, "result": described}


def _text(asked: dict[str, Any]) -> str:
    text = asked.get("text")
    if not isinstance(text, str) or not text.strip():
        refuse(400, "Bad Request: message text is empty")
    if len(text.encode("utf-16-le", "replace")) // 2 > _LONGEST_TEXT:
        refuse(400, "Bad Request: message is too long")
    mode = str(asked.get("parse_mode") or "").lower()
    if mode.startswith("markdown") and any(text.count(mark) % 2 for mark in _MARKS):
        refuse(400, "Bad Request: can't parse entities: can't find end of the entity")
    return text


def _conversation(account: Account, asked: dict[str, Any]) -> Conversation:
    chat = str(asked.get("chat_id") or "")
    if not chat:
        refuse(400, "Bad Request: chat_id is empty")
    if new := account.settings.migrated.get(chat):
        description = "Bad Request: group chat was upgraded to a supergroup chat"
        refuse(400, description, migrate_to_chat_id=new)
    known = account.conversations.get(chat)
    is_new_group = (
        int(chat) in account.settings.migrated.values() if _is_id(chat) else 0
    )
    if not _is_id(chat) or (
        known is None and not account.settings.strangers and not is_new_group
    ):
        refuse(400, "Bad Request: chat not found")
    return known or world().chats.conversation(account, chat, "Somebody")


def _is_id(chat: str) -> bool:
    return chat.removeprefix("-").isdecimal() and chat.isascii()


def _check_reply(
    account: Account, conversation: Conversation, asked: dict[str, Any]
) -> None:
    parameters = asked.get("reply_parameters")
    if isinstance(parameters, str):
        try:
            parameters = json.loads(parameters)
        except ValueError:
            refuse(400, "Bad Request: can't parse reply parameters JSON object")
    if not isinstance(parameters, dict) or account.settings.strangers:
        return
    numbers = {message.number for message in list(conversation.messages)}
    if parameters.get("allow_sending_without_reply") is True:
        return
    if parameters.get("message_id") not in numbers:
        refuse(400, "Bad Request: message to be replied not found")
