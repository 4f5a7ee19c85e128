"""How Twilio calls: a form, signed together with the address it is posted to."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode

from sandbox.callbacks import Content, Manner
from sandbox.chats import Account, Message
from sandbox.courier_settings import CourierSettings

API_VERSION = "2010-04-01"


def body(account: Account, contents: Sequence[Content]) -> bytes:
    """Contents are forms; there is never more than one. A list is a repeated field."""
    (form,) = contents
    return urlencode(form, doseq=True).encode()


def sign(account: Account, url: str, body: bytes, timestamp: int) -> dict[str, str]:
    """Unique names and values in their order, each name with its value, after the address."""
    fields = parse_qs(body.decode(), keep_blank_values=True)
    pairs = (n + v for n in sorted(fields) for v in sorted(set(fields[n])))
    signed = (url + "".join(pairs)).encode("utf-8", "replace")
    mac = hmac.new(account.settings.secret.encode(), signed, hashlib.sha1)
    return {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "X-Twilio-Signature": base64.b64encode(mac.digest()).decode(),
    }


# A webhook that fails is not repeated.
TWILIO = Manner(
    body,
    sign,
    statuses=("sent", "delivered"),
    courier=CourierSettings(max_attempts=1, timeout_seconds=15.0),
)


def incoming(account: Account, message: Message, more: Content) -> Content:
    """Somebody writes."""
    form: Content = {
        **_ids(account, message),
        "From": message.person,
        "To": message.facts["to"],
        "Body": message.text,
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        # Twilio adds fields without notice, some of them empty.
        "FromCity": "",
        "ToCountry": "SE",
        "AddOns": "",
    }
    return form | more


def status(
    account: Account, message: Message, told: str, code: int | None
) -> dict[str, Any]:
    """What has become of a message."""
    form = {
        **_ids(account, message),
        "From": message.facts["from"],
        "To": message.person,
        "MessageStatus": told,
        "SmsStatus": told,
    }
    return form | ({"ErrorCode": str(code)} if code else {})


def _ids(account: Account, message: Message) -> dict[str, str]:
    return {
        "MessageSid": message.id,
        "SmsSid": message.id,
        "SmsMessageSid": message.id,
        "AccountSid": account.id,
        "ApiVersion": API_VERSION,
    }
