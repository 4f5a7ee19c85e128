"""Who asks Aurinko for what, and how it says no."""

import re
from typing import Any, NoReturn

from flask import request

from sandbox import wire
from sandbox.entries import Entry
from sandbox.mailbox import Mailbox
from sandbox.parts import BodyType
from sandbox.world import world

TOKEN = "sandbox-"

_NUMBER = re.compile("[0-9]{1,9}")
_ERRORS = {
    400: "invalid.request",
    401: "unauthorized",
    403: "forbidden",
    404: "not.found",
    408: "thread.not.ready",
    410: "token.expired",
    429: "too.many.requests",
}
_DEAD = "The account token is not valid anymore"
_BROKEN = {
    "dead": ("token.dead", _DEAD),
    "invalid": ("token.refresh.failed", "The provider's token cannot be refreshed"),
}


def error_body(status: int, message: str, code: str = "") -> dict[str, Any]:
    """An error as Aurinko writes it."""
    return {
        "code": code or _ERRORS.get(status, "server.error"),
        "message": message,
        "requestId": wire.request_fingerprint(),
        "originalError": None,
    }


def refuse(status: int, message: str, code: str = "", **headers: str) -> NoReturn:
    """End the request with an error."""
    wire.refuse(status, error_body(status, message, code), headers)


def invalid(what: str) -> NoReturn:
    """Refuse a parameter."""
    refuse(400, f"Invalid parameter: {what}")


def account_name() -> str:
    """The name in the token, without which nothing is answered."""
    token = wire.bearer()
    if token == wire.DEAD:
        refuse(401, _DEAD, "token.dead")
    if not token.startswith(TOKEN):
        refuse(401, "An account token is required")
    return token.removeprefix(TOKEN)


def account_id(name: str) -> int:
    """Aurinko's number for the account of a name."""
    return int(wire.fingerprint(TOKEN + name)[:6], 16)


def mailbox() -> Mailbox:
    """The mailbox that the token opens, where the provider still lets Aurinko in."""
    opened = world().mailbox(account_name())
    if (status := opened.settings.token_status) in _BROKEN:
        code, message = _BROKEN[status]
        refuse(401, opened.settings.token_error or message, code)
    return opened


def entry_of(mailbox: Mailbox, message_id: str) -> Entry:
    """The mail of this id, which has to be there."""
    entry = mailbox.find(message_id)
    if entry is None:
        refuse(404, "There is no such message")
    return entry


def body_type() -> BodyType:
    """The form in which bodies are wanted."""
    wanted = request.args.get("bodyType", "html")
    if wanted not in {"html", "text"}:
        invalid(f"bodyType {wanted}")
    return "text" if wanted == "text" else "html"


def number(name: str, usual: int, *, least: int = 1) -> int:
    """A parameter that is a whole number."""
    wanted = request.args.get(name, str(usual))
    if not _NUMBER.fullmatch(wanted) or int(wanted) < least:
        invalid(f"{name} {wanted}")
    return int(wanted)


def said(name: str) -> bool:
    """A parameter that is true or false."""
    return request.args.get(name, "").lower() == "true"


def page_limit(mailbox: Mailbox, wanted: int) -> int:
    """How many records a page of this mailbox may have."""
    return min(wanted, mailbox.settings.page_size or wanted)
