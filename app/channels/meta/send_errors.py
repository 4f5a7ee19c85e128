"""What Meta's codes mean for a message that we send. Nearly every refusal is a 400."""

from typing import Any

import requests

from app.channels.meta.fields import record
from app.channels.meta.graph import pause_of
from app.channels.send_faults import Fault, Refusal, SendClient, by_code
from app.errors import (
    AuthError,
    OptedOut,
    PermanentError,
    RateLimited,
    RetryableError,
    Undeliverable,
    WindowClosed,
)
from app.transport import retry_after

_AGAIN = Fault(RetryableError, "Meta could not send it just now")
_SLOWER = Fault(RateLimited, "Meta asks us to slow down")
_RENEW = Fault(
    AuthError, "the access token is no longer valid: connect the account again"
)
_NOT_ALLOWED = Fault(
    AuthError, "the app or the token lacks a permission: grant it in Meta's settings"
)
_NOT_OURS = Fault(
    AuthError, "Meta knows no such account of ours, or hides it from this token"
)
_BLOCKED = Fault(
    AuthError, "Meta has blocked or locked the account: see its quality page at Meta"
)
_WINDOW = Fault(
    WindowClosed,
    "the customer wrote more than 24 hours ago: Meta only lets a person or a template answer",
)
_STOPPED = Fault(OptedOut, "the customer does not want messages from this account")
_NOBODY = Fault(Undeliverable, "Meta finds nobody there who could be written to")
_AWAY = Fault(Undeliverable, "the person cannot be reached: left, or blocked the page")
_PARAMETER = Fault(PermanentError, "Meta does not accept a part of the message")
_TOO_LONG = Fault(PermanentError, "the text is longer than Meta accepts")
_TEMPLATE = Fault(PermanentError, "the template does not fit: see it in Meta's manager")

#: By code and subcode, or by code alone.
_GRAPH: dict[Any, Fault] = {
    0: _RENEW,
    102: _RENEW,
    190: _RENEW,
    3: _NOT_ALLOWED,
    10: _NOT_ALLOWED,
    4: _SLOWER,
    17: _SLOWER,
    32: _SLOWER,
    613: _SLOWER,
    368: _BLOCKED,
    (100, 33): _NOT_OURS,
}
_RANGES = {range(200, 300): _NOT_ALLOWED, range(80000, 80015): _SLOWER}

#: Messenger and Instagram.
MESSAGING: dict[Any, Fault] = _GRAPH | {
    1200: _AGAIN,
    (10, 2018278): _WINDOW,
    (10, 2018065): _WINDOW,
    (10, 2018108): _STOPPED,
    (10, 2534022): _WINDOW,
    (10, 1893063): Fault(
        AuthError, "Meta has restricted the page for a time: see its support inbox"
    ),
    100: _PARAMETER,
    (100, 2018001): _NOBODY,
    (100, 2018300): _TOO_LONG,
    200: _NOT_ALLOWED,
    (200, 1545041): _AWAY,
    (200, 2018108): _STOPPED,
    551: _AWAY,
}

WHATSAPP: dict[Any, Fault] = _GRAPH | {
    100: _PARAMETER,
    33: _NOT_OURS,
    130429: _SLOWER,
    131056: Fault(RateLimited, "too many messages to this customer in a short time"),
    131048: Fault(
        AuthError,
        "too many messages of the number were reported as spam: see its quality at Meta",
    ),
    133016: _SLOWER,
    131000: _AGAIN,
    131016: _AGAIN,
    131057: Fault(RetryableError, "the account is under maintenance at Meta"),
    133004: _AGAIN,
    131047: _WINDOW,
    131026: Fault(
        Undeliverable, "the number is not on WhatsApp, or its app is too old for this"
    ),
    131021: Fault(PermanentError, "sender and recipient are the same number"),
    131030: Fault(
        PermanentError, "the number is not in the list of a number that is on trial"
    ),
    131049: Fault(
        PermanentError, "Meta holds it back: the customer gets too much of such"
    ),
    130472: Fault(
        PermanentError, "Meta holds it back: the customer is part of an experiment"
    ),
    131050: _STOPPED,
    131062: Fault(
        Undeliverable, "this customer can only be written to by telephone number"
    ),
    131008: _PARAMETER,
    131009: _PARAMETER,
    131051: Fault(PermanentError, "WhatsApp has no messages of this kind"),
    131052: Fault(PermanentError, "WhatsApp could not fetch the file"),
    131053: Fault(PermanentError, "WhatsApp did not accept the file"),
    131005: _NOT_ALLOWED,
    131031: _BLOCKED,
    131042: Fault(AuthError, "Meta has no valid means of payment for the account"),
    131045: Fault(AuthError, "the number is not registered: register it at Meta"),
    133010: Fault(AuthError, "the number is not registered: register it at Meta"),
}
WHATSAPP_RANGES = _RANGES | {range(132000, 132017): _TEMPLATE}


class MessagingClient(SendClient):
    """Sends by Messenger and Instagram."""

    table = MESSAGING
    ranges = _RANGES

    def read_refusal(
        self, response: requests.Response, told: dict[str, Any]
    ) -> Refusal:
        error = record(told.get("error"))
        code, subcode = error.get("code"), error.get("error_subcode")
        if not isinstance(code, int):
            return super().read_refusal(response, told)
        fault = by_code(self.table, (code, subcode), code, ranges=self.ranges)
        status = response.status_code
        # Temporary, and a refusal only where the status says so: codes 1 and 2, mostly.
        is_passing = code in {1, 2} or error.get("is_transient") is True
        if fault is None and is_passing and status < 500:
            fault = _AGAIN
        has_subcode = isinstance(subcode, int)
        slows = fault is not None and fault.error is RateLimited
        headers = response.headers
        return Refusal(
            status,
            f"{code} ({subcode})" if has_subcode else str(code),
            fault,
            pause_of(headers) if slows else retry_after(headers),
        )


class WhatsAppClient(MessagingClient):
    """Sends by WhatsApp."""

    table = WHATSAPP
    ranges = WHATSAPP_RANGES
