"""Sending through WhatsApp's Cloud API: what fails is mostly told later, as a status."""

import re
from typing import Any

from sandbox import chat_sending, meta_access, meta_calls
from sandbox.chat_sending import string
from sandbox.chats import Account, Conversation
from sandbox.meta_access import refuse
from sandbox.world import world

_LONGEST_TEXT = 4_096
_LONGEST_CORRELATION = 512
_NUMBER = re.compile(r"\+?[0-9]{5,15}")
_MEDIA = ("image", "video", "audio", "document", "sticker")
_OTHERS = ("interactive", "reaction", "location", "contacts")
_WINDOW = 131047
#: What is refused at once; other failures come as a status.
_AT_ONCE = (
    0,
    3,
    4,
    10,
    190,
    368,
    80007,
    130429,
    131021,
    131030,
    131031,
    131056,
    133016,
)


def send(phone_number_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send a message, or note that one was read."""
    account = meta_access.opened(world().chats.account("whatsapp", phone_number_id))
    if body.get("messaging_product") != "whatsapp":
        refuse(100, "The parameter messaging_product is required.")
    if body.get("status") == "read":
        return _read(account, body)
    text = _text(body)
    given, person = _recipient(account, body)
    conversation = world().chats.conversation(account, person, person)
    failed = _failure(account, conversation, body)
    message = chat_sending.accept(
        account,
        conversation,
        text,
        route="/<version>/<node>/messages",
        body=body,
        facts={"biz_opaque_callback_data": body.get("biz_opaque_callback_data")},
        failed=failed,
    )
    for status, code in chat_sending.statuses(account, failed):
        error = meta_access.later_error(code) if code else None
        told = meta_calls.whatsapp_status(message, status, error)
        chat_sending.tell(account, told)
    chat_sending.told(account)
    return {
        "messaging_product": "whatsapp",
        "contacts": [{"input": given, "wa_id": person}],
        "messages": [{"id": message.id, "message_status": "accepted"}],
    }


def _read(account: Account, body: dict[str, Any]) -> dict[str, Any]:
    read = account.find(string(body, "message_id"))
    if read is None or not read.inbound:
        refuse(131009, "Message ID is invalid.")
    read.status = "read"
    return {"success": True}


def _recipient(account: Account, body: dict[str, Any]) -> tuple[str, str]:
    """As it was given, and the id of who that is."""
    if business_scoped := string(body, "recipient"):
        return business_scoped, business_scoped
    given = string(body, "to")
    if not given:
        refuse(131008, "The parameter to is required.")
    number = given.replace(" ", "").replace("-", "")
    if not _NUMBER.fullmatch(number):
        refuse(131009, "Parameter value is not valid: to")
    person = number.removeprefix("+")
    if person == account.settings.number.removeprefix("+"):
        refuse(131021)
    return given, person


def _text(body: dict[str, Any]) -> str:
    """What is said, where what is sent has the right form."""
    kind = body.get("type", "text")
    correlation = body.get("biz_opaque_callback_data", "")
    if not isinstance(correlation, str) or len(correlation) > _LONGEST_CORRELATION:
        refuse(131009, "Parameter value is not valid: biz_opaque_callback_data")
    if "context" in body and not string(body, "context", "message_id"):
        refuse(131009, "Parameter value is not valid: context")
    if kind == "text":
        text = string(body, "text", "body")
        if not text.strip():
            refuse(131008, "The parameter text['body'] is required.")
        if len(text) > _LONGEST_TEXT:
            refuse(100, "Param text['body'] must be at most 4096 characters long.")
        return text
    if kind == "template":
        if not string(body, "template", "name"):
            refuse(131008, "The parameter template['name'] is required.")
        if not string(body, "template", "language", "code"):
            refuse(131008, "The parameter template['language']['code'] is required.")
        return ""
    if kind in _MEDIA:
        if not (string(body, kind, "id") or string(body, kind, "link")):
            refuse(131008, f"The parameter {kind}['id'] is required.")
        return string(body, kind, "caption")
    if kind not in _OTHERS:
        refuse(131009, "Parameter value is not valid: type")
    return ""


def _failure(
    account: Account, conversation: Conversation, body: dict[str, Any]
) -> int | None:
    """The code with which it will turn out not to be delivered."""
    settings = account.settings
    code = settings.refuses.get(conversation.person)
    if code is not None and code in _AT_ONCE:
        refuse(code)
    if code is not None:
        return code
    is_free = body.get("type", "text") != "template"
    if not settings.windows or conversation.is_open() or not is_free:
        return None
    if settings.window_error == "answer":
        refuse(_WINDOW)
    return _WINDOW
