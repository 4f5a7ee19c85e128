"""Which bot is meant, and how the Bot API says no."""

import re
from typing import Any, NoReturn

from sandbox import wire
from sandbox.chats import Account
from sandbox.faults import Coded
from sandbox.world import world

_TOKEN = re.compile(r"([0-9]{1,20}):([A-Za-z0-9_-]{1,200})")
_SECRET = "sandbox-"
_DESCRIPTIONS = {
    400: "Bad Request: chat not found",
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
    409: "Conflict: can't use getUpdates method while webhook is active",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
}


def error_body(status: int, message: str) -> dict[str, Any]:
    """An error as Telegram writes it."""
    return {"ok": False, "error_code": status, "description": message}


def coded(code: int, subcode: int | None, wait: int) -> Coded:
    """An error of this code, which is also its status."""
    description = _DESCRIPTIONS.get(code, "Error")
    if not wait:
        return Coded(code, error_body(code, description), {})
    told = error_body(code, f"{description}: retry after {wait}")
    return Coded(code, told | {"parameters": {"retry_after": wait}}, {})


def refuse(code: int, description: str = "", **parameters: int) -> NoReturn:
    """End the request with an error."""
    body = coded(code, None, 0).body
    body |= {"description": description} if description else {}
    wire.refuse(code, body | ({"parameters": parameters} if parameters else {}))


def bot(token: str) -> Account:
    """The bot of a token."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        refuse(404)
    if found[2] == wire.DEAD:
        refuse(401)
    account = world().chats.account("telegram", found[1])
    right = account.settings.token
    if right is None and not found[2].startswith(_SECRET):
        refuse(401)
    if right not in (None, token):
        refuse(401)
    return account
