"""Who asks Chatwoot for what, and how it says no."""

from typing import Any, NoReturn

from flask import request

from sandbox import wire
from sandbox.chats import Account, Conversation
from sandbox.faults import Coded
from sandbox.world import world

_TOKEN = "sandbox-"
_MESSAGES = {
    401: "Invalid Access Token",
    404: "Resource could not be found",
    422: "Unprocessable",
    429: "Retry later",
    500: "Internal Server Error",
}


def error_body(status: int, message: str) -> dict[str, Any]:
    """An error as Chatwoot writes it."""
    return {"error": message}


def coded(code: int, subcode: int | None, wait: int) -> Coded:
    """An error of this code, which is also its status."""
    headers = {"Retry-After": str(wait)} if wait else {}
    return Coded(code, error_body(code, _MESSAGES.get(code, "Error")), headers)


def refuse(code: int, message: str = "") -> NoReturn:
    """End the request with an error."""
    wire.refuse(code, error_body(code, message or _MESSAGES[code]))


def opened(number: int) -> Account:
    """The account in the path, which the token has to open."""
    token = request.headers.get("api_access_token", "")
    account = world().chats.account("chatwoot", str(number))
    right = account.settings.token
    if token == wire.DEAD or right not in (None, token):
        refuse(401)
    if right is None and not token.startswith(_TOKEN):
        refuse(401)
    return account


def conversation(account: Account, number: int) -> Conversation:
    """The conversation in the path; of an account for strangers there is any."""
    found = account.of_number(number)
    if found is None and not account.settings.strangers:
        refuse(404)
    if found is None:
        person = f"person-{number}"
        found = world().chats.conversation(account, person, "Somebody")
        found.number = number
    return found
