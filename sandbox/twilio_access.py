"""Who asks Twilio for what, and how it says no."""

import re
from collections.abc import Mapping
from typing import Any, NoReturn

from flask import request

from sandbox import wire
from sandbox.chats import Account
from sandbox.faults import Coded
from sandbox.world import world

_SECRET = "sandbox-"
_SID = re.compile(r"AC[0-9A-Za-z]{1,64}")
_FAULTS: Mapping[int, tuple[int, str]] = {
    14107: (400, "Message rate limit of the reply loop reached"),
    20001: (400, "Invalid parameter"),
    20003: (401, "Authenticate"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "Internal Server Error"),
    20503: (503, "Service Unavailable"),
    21211: (400, "Invalid 'To' Phone Number"),
    21266: (400, "'To' and 'From' number cannot be the same"),
    21408: (400, "Permission to send an SMS has not been enabled for the region"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' or 'MessagingServiceSid' parameter is required"),
    21604: (400, "A 'To' phone number is required."),
    21608: (400, "The number is unverified. Trial accounts cannot send to it"),
    21609: (400, "The 'StatusCallback' URL is not a valid URL"),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21612: (400, "The 'To' phone number is not currently reachable via SMS"),
    21614: (400, "'To' number is not a valid mobile number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    30001: (429, "Queue overflow"),
    63018: (429, "Rate limit exceeded for Channel"),
}
_BY_STATUS = {400: 20001, 401: 20003, 404: 20404, 429: 20429, 503: 20503}


def error_body(status: int, message: str, code: int = 0) -> dict[str, Any]:
    """An error as Twilio writes it."""
    code = code or _BY_STATUS.get(status, 20500 if status >= 500 else 20001)
    return {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }


def coded(code: int, subcode: int | None, wait: int) -> Coded:
    """An error of this code."""
    status, message = _FAULTS.get(code, (400, "Error"))
    headers = {"Retry-After": str(wait)} if wait else {}
    return Coded(status, error_body(status, message, code), headers)


def is_at_once(code: int) -> bool:
    """Whether a send is refused with this code; others are told of later."""
    return code in _FAULTS


def refuse(code: int) -> NoReturn:
    """End the request with an error."""
    fault = coded(code, None, 0)
    wire.refuse(fault.status, fault.body, fault.headers)


def opened(sid: str) -> Account:
    """The account in the path, which the credentials have to open."""
    given = request.authorization
    if given is None or given.type != "basic" or not given.password:
        refuse(20003)
    if not _SID.fullmatch(sid):
        refuse(20404)
    account = world().chats.account("twilio", sid)
    if given.username != sid and not str(given.username).startswith("SK"):
        refuse(20003)
    right, password = account.settings.token, given.password
    if password == wire.DEAD or right not in (None, password):
        refuse(20003)
    if right is None and not password.startswith(_SECRET):
        refuse(20003)
    return account
