"""Who asks the Graph API for what, and how it says no: nearly always with 400 and a code."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from flask import request

from sandbox import wire
from sandbox.chats import Account
from sandbox.faults import Coded
from sandbox.world import world

TOKEN = "sandbox-"
META = ("whatsapp", "messenger", "instagram")

_VERSION = re.compile(r"v[0-9]{1,2}\.[0-9]")


@dataclass(frozen=True)
class _Fault:
    message: str
    status: int = 400
    subcode: int | None = None
    transient: bool = False


_FAULTS: Mapping[int, _Fault] = {
    0: _Fault("We were unable to authenticate the app user.", 401),
    1: _Fault("An unknown error has occurred.", 500, transient=True),
    2: _Fault("Service temporarily unavailable", 503, transient=True),
    3: _Fault("Capability or permissions issue."),
    4: _Fault("(#4) Application request limit reached", transient=True),
    10: _Fault(
        "(#10) This message is sent outside of allowed window.", subcode=2018278
    ),
    17: _Fault("(#17) User request limit reached", transient=True),
    32: _Fault("(#32) Page request limit reached", transient=True),
    100: _Fault("(#100) Invalid parameter"),
    190: _Fault("Error validating access token", 401, subcode=463),
    200: _Fault("(#200) Requires the permission pages_messaging", 403),
    368: _Fault("Temporarily blocked for policies violations", 403),
    551: _Fault("(#551) This person isn't available right now.", subcode=1545041),
    613: _Fault("(#613) Calls to this api have exceeded the rate limit."),
    1200: _Fault("Temporary send message failure. Please try again later.", 500),
    2500: _Fault("Unknown path components"),
    80007: _Fault("(#80007) Rate limit issues"),
    130429: _Fault("(#130429) Rate limit hit", 429),
    130472: _Fault("(#130472) User's number is part of an experiment"),
    131000: _Fault("(#131000) Something went wrong", 500),
    131008: _Fault("(#131008) Required parameter is missing"),
    131009: _Fault("(#131009) Parameter value is not valid"),
    131016: _Fault("(#131016) Service unavailable", 500),
    131021: _Fault("(#131021) Recipient cannot be sender"),
    131026: _Fault("(#131026) Message undeliverable"),
    131030: _Fault("(#131030) Recipient phone number not in allowed list"),
    131031: _Fault("(#131031) Business Account locked", 403),
    131042: _Fault("(#131042) Business eligibility payment issue"),
    131047: _Fault("(#131047) Re-engagement message"),
    131048: _Fault("(#131048) Spam rate limit hit"),
    131049: _Fault("(#131049) This message was not delivered"),
    131050: _Fault("(#131050) User has stopped marketing messages"),
    131051: _Fault("(#131051) Message type unknown"),
    131052: _Fault("(#131052) Media download error"),
    131053: _Fault("(#131053) Media upload error"),
    131056: _Fault(
        "(#131056) (Business Account, Consumer Account) pair rate limit hit"
    ),
    131057: _Fault("(#131057) Account in maintenance mode", 500),
    131062: _Fault("(#131062) Business-scoped user id not accepted for this message"),
    132000: _Fault("(#132000) Number of parameters does not match"),
    132001: _Fault("(#132001) Template name does not exist in the translation", 404),
    132015: _Fault("(#132015) Template is paused"),
    132016: _Fault("(#132016) Template is disabled"),
    133016: _Fault("(#133016) Account register deregister rate limit exceeded"),
}
_DETAILS = {
    131026: "Message Undeliverable.",
    131047: "More than 24 hours have passed since the customer last replied.",
}
#: What an error without a code of its own stands for.
_BY_STATUS = {400: 100, 401: 190, 403: 200, 404: 2500, 429: 4, 503: 2}
#: Of the usage that is told, in percent: at rest, and where a limit is reached.
_AT_REST, _AT_LIMIT = 28, 100


def error_body(status: int, message: str) -> dict[str, Any]:
    """An error that no code was given for."""
    code = _BY_STATUS.get(status, 1 if status >= 500 else 100)
    return _error(code, _FAULTS[code].subcode, message)


def coded(code: int, subcode: int | None, wait: int) -> Coded:
    """An error of this code; `wait` is told in whole minutes."""
    fault = _FAULTS.get(code, _Fault(f"(#{code}) An error", 400))
    body = _error(code, fault.subcode if subcode is None else subcode, fault.message)
    limited = "limit" in fault.message.lower()
    return Coded(fault.status, body, usage(wait) if limited else {})


def usage(wait: int | None = None) -> dict[str, str]:
    """The headers that say how much of the limits is used; `wait` where they are reached."""
    percent = _AT_REST if wait is None else _AT_LIMIT
    used = {"call_count": percent, "total_time": 25, "total_cputime": 21}
    headers = {"X-App-Usage": json.dumps(used)}
    if wait:
        minutes = -(-wait // 60)
        case = {"type": "pages", **used, "estimated_time_to_regain_access": minutes}
        headers["X-Business-Use-Case-Usage"] = json.dumps({"10600000000001": [case]})
    return headers


def later_error(code: int) -> dict[str, Any]:
    """An error as a status tells it afterwards."""
    title = _FAULTS[code].message.partition(") ")[2] if code in _FAULTS else "Error"
    details = _DETAILS.get(code, title)
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": details},
    }


def refuse(code: int, detail: str = "", *, subcode: int | None = None) -> NoReturn:
    """End the request with an error of this code."""
    fault = coded(code, subcode, 0)
    error = dict(fault.body["error"])
    if detail:
        error["message"] = f"(#{code}) {detail}"
        data = {"messaging_product": "whatsapp", "details": detail}
        error["error_data"] = data if code > 100_000 else detail
    wire.refuse(fault.status, {"error": error}, fault.headers)


def token() -> str:
    """The token of the request, of the sandbox's kind; nothing is answered without."""
    given = wire.bearer() or request.args.get("access_token", "")
    if given == wire.DEAD or not given:
        refuse(190)
    return given


def check_version(version: str) -> None:
    """Refuse a path that names no version of the API."""
    if not _VERSION.fullmatch(version):
        refuse(2500, f"Unknown path components: /{version}")


def opened(account: Account) -> Account:
    """The account, which the token of the request has to open."""
    given, right = token(), account.settings.token
    if (right is None and not given.startswith(TOKEN)) or right not in (None, given):
        refuse(190, "Invalid OAuth access token.", subcode=467)
    return account


def messaging_accounts(node: str) -> list[Account]:
    """What a page, an Instagram account or `me` may stand for."""
    known = world().chats.accounts(("messenger", "instagram"))
    if node == "me":
        return [each for each in known if each.settings.token == token()]
    return [each for each in known if node in (each.id, each.settings.page_id)]


def _error(code: int, subcode: int | None, message: str) -> dict[str, Any]:
    fault = _FAULTS.get(code)
    error: dict[str, Any] = {
        "message": message,
        "type": "OAuthException",
        "code": code,
        "is_transient": bool(fault and fault.transient),
        "fbtrace_id": wire.request_fingerprint(),
    }
    return {"error": error | ({"error_subcode": subcode} if subcode else {})}
