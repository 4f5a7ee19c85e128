"""What Twilio's codes mean for a message that we send."""

from typing import Any

import requests

from app.channels.send_faults import Fault, Refusal, SendClient
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

_CREDENTIALS = Fault(
    AuthError, "Twilio refuses the credentials: renew account_sid and token"
)
_CLOSED = Fault(AuthError, "the account is closed or suspended: see Twilio's console")
_NO_NUMBER = Fault(Undeliverable, "this is no number that a text can be sent to")
_SENDER = Fault(
    PermanentError,
    "the number or service that it is sent from is not usable: see the account's settings",
)
_SLOWER = Fault(RateLimited, "Twilio asks us to slow down")

CODES = {
    20003: _CREDENTIALS,
    20005: _CLOSED,
    20006: _CREDENTIALS,
    20008: Fault(AuthError, "these are Twilio's test credentials"),
    20404: Fault(
        AuthError, "Twilio knows no such account: account_sid is another, or the region"
    ),
    20429: _SLOWER,
    14107: Fault(
        PermanentError, "Twilio has stopped a loop of answers between two numbers"
    ),
    21211: _NO_NUMBER,
    21214: _NO_NUMBER,
    21217: _NO_NUMBER,
    21614: _NO_NUMBER,
    21265: _NO_NUMBER,
    21408: Fault(
        PermanentError,
        "the country is not enabled: see the messaging permissions in Twilio's console",
    ),
    21608: Fault(
        PermanentError, "on trial Twilio only sends to numbers that were verified"
    ),
    21612: Fault(PermanentError, "no route leads from our number to this one"),
    21610: Fault(OptedOut, "the customer has answered STOP to this number"),
    21611: Fault(RateLimited, "the queue of our number at Twilio is full"),
    21602: Fault(PermanentError, "the text is empty"),
    21617: Fault(PermanentError, "the text is longer than Twilio accepts"),
    21603: _SENDER,
    21212: _SENDER,
    21606: _SENDER,
    21659: _SENDER,
    21660: _SENDER,
    21701: _SENDER,
    21703: _SENDER,
    21705: _SENDER,
    21609: Fault(PermanentError, "Twilio cannot call BB_PUBLIC_URL: is it public?"),
    30001: Fault(RetryableError, "the queue at Twilio is full"),
    30002: _CLOSED,
    30003: Fault(Undeliverable, "the telephone is off or has no network"),
    30004: Fault(PermanentError, "the network or the customer blocks our messages"),
    30005: Fault(Undeliverable, "the number is not in use"),
    30006: Fault(Undeliverable, "a landline, or a network that takes no texts"),
    30007: Fault(PermanentError, "the network took the message for spam"),
    30008: Fault(
        PermanentError, "it was not delivered, and the network does not say why"
    ),
    63003: Fault(Undeliverable, "nobody can be reached there on this channel"),
    63007: _SENDER,
    63016: Fault(
        WindowClosed,
        "the customer wrote more than 24 hours ago: WhatsApp wants a template",
    ),
    63018: Fault(RateLimited, "WhatsApp asks our number to slow down"),
    90010: _CLOSED,
}


class TwilioSendClient(SendClient):
    """Sends by Twilio."""

    def read_refusal(
        self, response: requests.Response, told: dict[str, Any]
    ) -> Refusal:
        code = told.get("code")
        if not isinstance(code, int):
            return super().read_refusal(response, told)
        pause = retry_after(response.headers)
        return Refusal(response.status_code, str(code), CODES.get(code), pause)
