"""What the Graph API shows: the conversations of a page, the newest first, and files."""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from flask import Blueprint, Response, request

from sandbox import cursors, meta_access, wire
from sandbox.chats import Account, Conversation, Message
from sandbox.meta_access import refuse
from sandbox.world import world

blueprint = Blueprint("meta_reading", __name__)

#: So many messages of a conversation can be read; of others only their id is shown.
_READABLE = 20
_USUAL_PAGE, _LARGEST_PAGE = 25, 100
_CONVERSATION = "t_"
_LIMIT = re.compile(r"messages\.limit\(([0-9]{1,3})\)")
_DELETED = "Unsupported get request. The message has been deleted"
_NO_SUCH_OBJECT = 33

Row = TypeVar("Row")


@blueprint.get("/<version>/<node>/conversations")
def conversations(version: str, node: str) -> dict[str, Any]:
    """A page of conversations, what moved last first."""
    meta_access.check_version(version)
    account = _of_platform(node, request.args.get("platform", "messenger"))
    found = sorted(account.all(), key=lambda one: (-one.updated, -one.number))
    if person := request.args.get("user_id"):
        found = [one for one in found if one.person == person]
    is_empty = bool(account.settings.empty_pages)
    if is_empty:
        left = account.settings.empty_pages - 1
        world().chats.change(account, empty_pages=left)
    return _page(account, found, _with_messages, _said_limit(), skip=is_empty)


@blueprint.get("/<version>/<node>/messages")
def messages(version: str, node: str) -> dict[str, Any]:
    """A page of the messages of a conversation."""
    meta_access.check_version(version)
    return _messages(*_conversation_of(node), _said_limit())


@blueprint.get("/<version>/<node>")
def show(version: str, node: str) -> dict[str, Any]:
    """A conversation, a message, or a file by its id."""
    meta_access.check_version(version)
    meta_access.token()
    if node.startswith(_CONVERSATION):
        account, conversation = _conversation_of(node)
        return _with_messages(account, conversation)
    if node.startswith("m_"):
        return _message_of(node)
    return _media(node)


@blueprint.get("/media/<address>")
def download(address: str) -> Response:
    """The bytes of a file, as long as its address is good."""
    position = cursors.unpacked(address, str, int)
    media = world().chats.media(position[0]) if position else None
    if position is None or media is None or time.time() * 1000 >= position[1]:
        wire.refuse(404, meta_access.error_body(404, "Media not found"))
    meta_access.opened(media.account)
    return Response(media.content, content_type=media.content_type)


@blueprint.get("/files/<media_id>")
def file(media_id: str) -> Response:
    """The bytes of a file that came with a message of Messenger or Instagram: free for all."""
    media = world().chats.media(media_id)
    if media is None:
        wire.refuse(404, meta_access.error_body(404, "URL signature expired"))
    return Response(media.content, content_type=media.content_type)


def _of_platform(node: str, platform: str) -> Account:
    found = meta_access.messaging_accounts(node)
    fitting = [each for each in found if each.product == platform]
    if platform not in ("messenger", "instagram"):
        refuse(100, "Param platform must be one of messenger, instagram")
    account = fitting[0] if fitting else world().chats.account(platform, node)
    return meta_access.opened(account)


def _conversation_of(node: str) -> tuple[Account, Conversation]:
    meta_access.token()
    for account, conversation in _conversations():
        if _id(account, conversation) == node:
            return meta_access.opened(account), conversation
    return refuse(100, "Unsupported get request.", subcode=_NO_SUCH_OBJECT)


def _message_of(message_id: str) -> dict[str, Any]:
    for account, conversation in _conversations():
        for place, message in enumerate(_newest_first(conversation)):
            if message.id == message_id and place >= _READABLE:
                refuse(100, _DELETED)
            if message.id == message_id:
                return _message(meta_access.opened(account), message)
    return refuse(100, "Unsupported get request.", subcode=_NO_SUCH_OBJECT)


def _conversations() -> Iterator[tuple[Account, Conversation]]:
    for account in world().chats.accounts(("messenger", "instagram")):
        for conversation in account.all():
            yield account, conversation


def _messages(
    account: Account, conversation: Conversation, limit: int
) -> dict[str, Any]:
    newest = _newest_first(conversation)
    readable = {message.id for message in newest[:_READABLE]}

    def row(account: Account, message: Message) -> dict[str, Any]:
        whole = _message(account, message)
        if message.id in readable:
            return whole
        return {name: whole[name] for name in ("id", "created_time")}

    path = f"/{_id(account, conversation)}/messages"
    return _page(account, newest, row, limit, path=path)


def _newest_first(conversation: Conversation) -> list[Message]:
    told = list(conversation.messages)
    return sorted(told, key=lambda message: (-message.at, -message.number))


def _page(
    account: Account,
    rows: Sequence[Row],
    described: Callable[[Account, Row], dict[str, Any]],
    limit: int,
    *,
    path: str = "",
    skip: bool = False,
) -> dict[str, Any]:
    """Rows from a cursor on. It counts the rows before it, so what moves up shifts the page."""
    start = 0
    if (after := request.args.get("after")) and request.path.endswith(path):
        position = cursors.unpacked(after, int, int)
        if position is None or position[0] != account.epoch:
            refuse(100, "Invalid parameter: after")
        start = position[1]
    size = min(limit, account.settings.page_size or limit)
    shown = [] if skip else rows[start : start + size]
    end = start + len(shown)
    paging: dict[str, Any] = {
        "cursors": {
            "before": cursors.packed(account.epoch, start),
            "after": cursors.packed(account.epoch, end),
        }
    }
    if end < len(rows):
        query = request.args.to_dict() | {"after": paging["cursors"]["after"]}
        query.pop("access_token", None)
        address = request.base_url
        if not request.path.endswith(path):
            # Shown within another object; the rest of it has an address of its own.
            version = request.path.split("/")[2]
            address = f"{request.host_url}meta/{version}{path}"
            query = {"limit": str(limit), "after": paging["cursors"]["after"]}
        paging["next"] = f"{address}?{wire.query(query)}"
    return {"data": [described(account, row) for row in shown], "paging": paging}


def _said_limit() -> int:
    given = request.args.get("limit", str(_USUAL_PAGE))
    if not given.isdecimal() or int(given[:9]) < 1:
        refuse(100, "Invalid parameter: limit")
    return min(int(given), _LARGEST_PAGE)


def _id(account: Account, conversation: Conversation) -> str:
    return f"{_CONVERSATION}{wire.fingerprint(account.id)[:8]}{conversation.number}"


def _conversation(account: Account, conversation: Conversation) -> dict[str, Any]:
    participants = [_person(account, conversation.person), _us(account)]
    return {
        "id": _id(account, conversation),
        "updated_time": _time(conversation.updated),
        "participants": {"data": participants},
    }


def _message(account: Account, message: Message) -> dict[str, Any]:
    them, us = _person(account, message.person), _us(account)
    sender, recipient = (them, us) if message.inbound else (us, them)
    return {
        "id": message.id,
        "created_time": _time(message.at),
        "from": sender,
        "to": {"data": [recipient]},
        "message": message.text,
    }


def _with_messages(account: Account, conversation: Conversation) -> dict[str, Any]:
    """A conversation, with its newest messages where they were asked for."""
    shown = _conversation(account, conversation)
    fields = request.args.get("fields", "")
    if "messages" in fields:
        limit = _LIMIT.search(fields)
        size = int(limit[1]) if limit else _USUAL_PAGE
        shown["messages"] = _messages(account, conversation, size)
    return shown


def _person(account: Account, person: str) -> dict[str, Any]:
    name = account.conversations[person].name
    if account.product == "instagram":
        return {"id": person, "username": name}
    return {"id": person, "name": name, "email": f"{person}@facebook.com"}


def _us(account: Account) -> dict[str, Any]:
    if account.product == "instagram":
        return {"id": account.id, "username": "the_shop"}
    email = f"{account.id}@facebook.com"
    return {"id": account.id, "name": "The Shop", "email": email}


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def _media(media_id: str) -> dict[str, Any]:
    media = world().chats.media(media_id)
    if media is None:
        refuse(100, "Unsupported get request.", subcode=_NO_SUCH_OBJECT)
    account = meta_access.opened(media.account)
    until = time.time() + account.settings.media_seconds
    address = cursors.packed(media.id, int(until * 1000))
    return {
        "messaging_product": "whatsapp",
        "id": media.id,
        "url": f"{request.host_url}meta/media/{address}",
        "mime_type": media.content_type,
        "sha256": hashlib.sha256(media.content).hexdigest(),
        "file_size": len(media.content),
    }
