"""How a bot gets its updates: by a webhook, or by asking; never by both. And its files."""

import time
from typing import Any

from flask import Blueprint, Response, json
from pydantic import ValidationError

from sandbox import chat_sending, telegram_access
from sandbox.chats import Account
from sandbox.telegram_access import refuse
from sandbox.world import world

blueprint = Blueprint("telegram_receiving", __name__)

_MOST_UPDATES = 100
_LONGEST_POLL = 50.0
_LOOK_AGAIN = 0.02
_LARGEST_FILE = 20 * 1024 * 1024


@blueprint.route("/bot<token>/getMe", methods=["GET", "POST"])
def me(token: str) -> dict[str, Any]:
    """The bot itself."""
    account = telegram_access.bot(token)
    described = {"id": int(account.id), "is_bot": True, "first_name": "Sandbox"}
    return {"ok": True, "result": described}


@blueprint.route("/bot<token>/setWebhook", methods=["GET", "POST"])
def set_webhook(token: str) -> dict[str, Any]:
    """Have updates posted to an address; what waits is posted, too."""
    account = telegram_access.bot(token)
    asked = chat_sending.form_or_json()
    url = asked.get("url")
    if url and not str(url).startswith(("http://", "https://")):
        refuse(400, "Bad Request: bad webhook: An HTTPS URL must be provided")
    secret = str(asked.get("secret_token") or "")
    try:
        world().chats.change(account, callback=url or None, secret=secret)
    except ValidationError:
        refuse(400, "Bad Request: bad webhook")
    waiting = world().updates.pop_all(account.id)
    if asked.get("drop_pending_updates") not in (True, "true"):
        for update in waiting:
            world().callbacks["telegram"].tell(account, update)
    return {"ok": True, "result": True, "description": "Webhook was set"}


@blueprint.route("/bot<token>/deleteWebhook", methods=["GET", "POST"])
def delete_webhook(token: str) -> dict[str, Any]:
    """Have updates wait until they are asked for."""
    world().chats.change(telegram_access.bot(token), callback=None)
    return {"ok": True, "result": True}


@blueprint.route("/bot<token>/getWebhookInfo", methods=["GET", "POST"])
def webhook(token: str) -> dict[str, Any]:
    """Where updates are posted to."""
    account = telegram_access.bot(token)
    told = {
        "url": account.settings.callback or "",
        "has_custom_certificate": False,
        "pending_update_count": len(world().updates.from_(account.id, 0)),
    }
    return {"ok": True, "result": told}


@blueprint.route("/bot<token>/getUpdates", methods=["GET", "POST"])
def updates(token: str) -> dict[str, Any]:
    """The updates from an offset on; those before it are confirmed and gone."""
    account = telegram_access.bot(token)
    asked = chat_sending.form_or_json()
    if account.settings.callback:
        refuse(409)
    offset, limit = _number(asked, "offset", 0), _number(asked, "limit", _MOST_UPDATES)
    until = time.monotonic() + min(_number(asked, "timeout", 0), _LONGEST_POLL)
    world().updates.confirm(account.id, offset)
    while not (found := world().updates.from_(account.id, offset)):
        if time.monotonic() >= until:
            break
        time.sleep(_LOOK_AGAIN)
    return {"ok": True, "result": found[: max(1, min(limit, _MOST_UPDATES))]}


@blueprint.route("/bot<token>/getFile", methods=["GET", "POST"])
def file(token: str) -> dict[str, Any]:
    """Where a file can be fetched."""
    account = telegram_access.bot(token)
    file_id = str(chat_sending.form_or_json().get("file_id") or "")
    content = _content(account, file_id)
    if content is None:
        refuse(400, "Bad Request: invalid file_id")
    if len(content) > _LARGEST_FILE:
        refuse(400, "Bad Request: file is too big")
    path = f"files/{file_id}"
    told = {"file_id": file_id, "file_size": len(content), "file_path": path}
    return {"ok": True, "result": told}


@blueprint.get("/file/bot<token>/files/<file_id>")
def download(token: str, file_id: str) -> Response:
    """The bytes of a file."""
    content = _content(telegram_access.bot(token), file_id)
    if content is None:
        refuse(404)
    return Response(content, content_type="application/octet-stream")


def _content(account: Account, file_id: str) -> bytes | None:
    media = world().chats.media(file_id)
    return media.content if media and media.account is account else None


def _number(asked: dict[str, Any], name: str, usual: int) -> int:
    try:
        return int(json.loads(str(asked.get(name, usual))))
    except (ValueError, TypeError):
        refuse(400, f"Bad Request: {name} is invalid")
