"""Chatwoot's conversations and messages: read in pages, written one by one."""

from typing import Any

from flask import Blueprint, Response, request

from sandbox import chat_sending, chatwoot_access, chatwoot_calls
from sandbox.chats import Account, Conversation, Message
from sandbox.world import world

blueprint = Blueprint("chatwoot_messages", __name__)

PATH = "/api/v1/accounts/<int:number>/conversations"

#: What all versions keep.
_ATTRIBUTES = ("in_reply_to", "items")
_LONGEST_CONTENT = 150_000
_CONVERSATIONS = 25
_LATEST, _AFTER, _BETWEEN = 20, 100, 1_000


@blueprint.get(PATH)
def conversations(number: int) -> dict[str, Any]:
    """A page of conversations, what moved last first; `per_page` is not heeded."""
    account = chatwoot_access.opened(number)
    found = sorted(account.all(), key=lambda one: (-one.updated, -one.number))
    if request.args.get("status", "open") not in ("open", "all"):
        found = []
    size = account.settings.page_size or _CONVERSATIONS
    start = (_number("page", 1) - 1) * size
    page = found[max(start, 0) : max(start, 0) + size]
    meta = {
        "mine_count": 0,
        "assigned_count": 0,
        "unassigned_count": len(found),
        "all_count": len(found),
    }
    rows = [chatwoot_calls.described(account, one) for one in page]
    return {"data": {"meta": meta, "payload": rows}}


@blueprint.get(f"{PATH}/<int:display_id>/messages")
def messages(number: int, display_id: int) -> dict[str, Any]:
    """The latest messages, or those around an id; the oldest first."""
    account = chatwoot_access.opened(number)
    conversation = chatwoot_access.conversation(account, display_id)
    rows = sorted(conversation.messages, key=lambda message: message.number)
    before, after = _number("before", 0), _number("after", 0)
    if before and after:
        rows = [one for one in rows if after <= one.number < before][:_BETWEEN]
    elif after:
        rows = [one for one in rows if one.number > after][:_AFTER]
    elif before:
        rows = [one for one in rows if one.number < before][-_LATEST:]
    else:
        rows = rows[-_LATEST:]
    contact = {"id": conversation.number + 1000, "name": conversation.name}
    return {
        "meta": {"labels": [], "additional_attributes": {}, "contact": contact},
        "payload": [chatwoot_calls.told(account, conversation, one) for one in rows],
    }


@blueprint.post(f"{PATH}/<int:display_id>/messages")
def write(number: int, display_id: int) -> dict[str, Any]:
    """Write a message; `echo_id` is given back in the answer and nowhere else."""
    account = chatwoot_access.opened(number)
    conversation = chatwoot_access.conversation(account, display_id)
    asked = chat_sending.form_or_json()
    content = asked.get("content")
    if not isinstance(content, str) or not content.strip():
        chatwoot_access.refuse(422, "Content can't be blank")
    if len(content) > _LONGEST_CONTENT:
        limit = "Content is too long (maximum is 150000 characters)"
        chatwoot_access.refuse(422, limit)
    if (code := account.settings.refuses.get(conversation.person)) == 422:
        chatwoot_access.refuse(code)
    kind = asked.get("message_type", "outgoing")
    if kind not in ("outgoing", "incoming"):
        chatwoot_access.refuse(422, f"'{kind}' is not a valid message_type")
    facts = {
        "message_type": kind,
        "private": asked.get("private") in (True, "true"),
        **_kept(account, asked),
    }
    failed = code or _failure(account, conversation, facts)
    message = chat_sending.accept(
        account,
        conversation,
        content,
        route=f"{PATH}/<id>/messages",
        body=asked,
        facts=facts,
        failed=failed,
    )
    _tell(account, conversation, message, failed)
    echo = {"echo_id": asked["echo_id"]} if "echo_id" in asked else {}
    told = chatwoot_calls.told(account, conversation, message)
    chat_sending.told(account)
    return {**told, **echo}


@blueprint.get("/rails/active_storage/blobs/redirect/<media_id>/<name>")
def file(media_id: str, name: str) -> Response:
    """The bytes of a file: whoever knows its address may have it."""
    media = world().chats.media(media_id)
    if media is None:
        chatwoot_access.refuse(404)
    return Response(media.content, content_type=media.content_type)


def _kept(account: Account, asked: dict[str, Any]) -> dict[str, Any]:
    """What the server keeps of what a client says of its message."""
    given = asked.get("content_attributes")
    attributes = given if isinstance(given, dict) else {}
    if account.settings.keeps_attributes:
        source = asked.get("source_id")
        return {"content_attributes": attributes, "source_id": source}
    known = {name: attributes[name] for name in _ATTRIBUTES if name in attributes}
    return {"content_attributes": known}


def _failure(
    account: Account, conversation: Conversation, facts: dict[str, Any]
) -> int | None:
    """The channel behind an inbox refuses what comes too late; Chatwoot has taken it by then."""
    is_free = account.settings.windows and not facts["private"]
    return 131047 if is_free and not conversation.is_open() else None


def _tell(
    account: Account, conversation: Conversation, message: Message, failed: int | None
) -> None:
    if not account.settings.echoes:
        return
    created = chatwoot_calls.event("message_created", account, conversation, message)
    chat_sending.tell(account, created)
    for status, code in chat_sending.statuses(account, failed):
        message.status = status
        if code:
            error = f"{code}: the message was not delivered"
            message.facts["content_attributes"]["external_error"] = error
        told = chatwoot_calls.event("message_updated", account, conversation, message)
        chat_sending.tell(account, told)


def _number(name: str, usual: int) -> int:
    given = request.args.get(name, "")
    return int(given[:15]) if given.isdecimal() else usual
