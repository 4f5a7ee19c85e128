"""How Meta calls: several accounts' news in one body, escaped, and signed as it is sent."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from sandbox.callbacks import Content, Manner
from sandbox.chats import Account, Message
from sandbox.courier_settings import CourierSettings

#: So much one entry of a batch holds, so that batches have several.
_IN_ENTRY = 4
#: So many messages one change holds.
_IN_CHANGE = 2
#: Of the application that sends through the sandbox.
APP_ID = 555000111222
_SETTINGS = CourierSettings(max_attempts=10, timeout_seconds=20.0)


def whatsapp_body(account: Account, contents: Sequence[Content]) -> bytes:
    """Contents are a `field` and its `value`, without what names the account."""
    entries = [
        {"id": f"WABA{account.id}", "changes": list(_changes(account, part))}
        for part in _parts(contents, _IN_ENTRY)
    ]
    return _encoded(account, {"object": "whatsapp_business_account", "entry": entries})


def messaging_body(account: Account, contents: Sequence[Content]) -> bytes:
    """Contents are the parts of an entry, such as `{"messaging": {...}}`."""
    kind = "page" if account.product == "messenger" else "instagram"
    entries = []
    for part in _parts(contents, _IN_ENTRY):
        entry: dict[str, Any] = {"id": account.id, "time": int(time.time() * 1000)}
        for content in part:
            for name, element in content.items():
                entry.setdefault(name, []).append(element)
        entries.append(entry)
    return _encoded(account, {"object": kind, "entry": entries})


def sign(account: Account, url: str, body: bytes, timestamp: int) -> dict[str, str]:
    """The signature is made over the very bytes."""
    secret = account.settings.secret.encode()
    digest = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "facebookexternalua",
        "X-Hub-Signature-256": f"sha256={digest}",
    }


WHATSAPP = Manner(
    whatsapp_body,
    sign,
    batches=True,
    statuses=("sent", "delivered", "read"),
    courier=_SETTINGS,
)
MESSENGER = Manner(
    messaging_body,
    sign,
    batches=True,
    statuses=("delivered", "read"),
    courier=_SETTINGS,
)
INSTAGRAM = Manner(
    messaging_body, sign, batches=True, statuses=("read",), courier=_SETTINGS
)


def whatsapp_message(message: Message, name: str, more: Content) -> Content:
    """Somebody writes: known by a number, or by an id of this business alone."""
    has_number = message.person.isdecimal()
    element: Content = {
        "from" if has_number else "from_user_id": message.person,
        "id": message.id,
        "timestamp": str(int(message.at)),
        "type": "text",
        "text": {"body": message.text},
    }
    if "type" in more:
        del element["text"]
    identity = {"wa_id" if has_number else "user_id": message.person}
    contact = {"profile": {"name": name}, **identity}
    value = {"contacts": [contact], "messages": [_merged(element, more)]}
    return {"field": "messages", "value": value}


def whatsapp_echo(message: Message) -> Content:
    """Staff write with the app on their phone."""
    element = {
        "from": message.facts["from"],
        "to": message.person,
        "id": message.id,
        "timestamp": str(int(message.at)),
        "type": "text",
        "text": {"body": message.text},
    }
    return {"field": "smb_message_echoes", "value": {"message_echoes": [element]}}


def whatsapp_status(message: Message, status: str, error: Content | None) -> Content:
    """What has become of a message."""
    element: Content = {
        "id": message.id,
        "status": status,
        "timestamp": str(int(time.time())),
        "recipient_id": message.person,
    }
    if correlation := message.facts.get("biz_opaque_callback_data"):
        element["biz_opaque_callback_data"] = correlation
    if error is not None:
        element["errors"] = [error]
    return {"field": "messages", "value": {"statuses": [element]}}


def messaging_message(account: Account, message: Message, more: Content) -> Content:
    """Somebody writes."""
    told = {"mid": message.id, "text": message.text}
    element = {**_sides(message.person, account.id, message.at), "message": told}
    return {"messaging": _merged(element, more)}


def messaging_echo(account: Account, message: Message, app_id: int | None) -> Content:
    """We wrote: by the application of this id, or by hand."""
    told = {"mid": message.id, "is_echo": True, "text": message.text}
    if app_id:
        told["app_id"] = app_id
    if metadata := message.facts.get("metadata"):
        told["metadata"] = metadata
    element = {**_sides(account.id, message.person, message.at), "message": told}
    return {"messaging": element}


def messaging_status(account: Account, message: Message, status: str) -> Content:
    """What has become of all messages up to this one."""
    sides = _sides(message.person, account.id, time.time())
    watermark = int(message.at * 1000)
    if account.product == "instagram":
        return {"messaging": {**sides, "read": {"mid": message.id}}}
    if status == "delivered":
        told: Content = {"mids": [message.id], "watermark": watermark}
        return {"messaging": {**sides, "delivery": told}}
    return {"messaging": {**sides, "read": {"watermark": watermark}}}


def _sides(sender: str, recipient: str, at: float) -> dict[str, Any]:
    return {
        "sender": {"id": sender},
        "recipient": {"id": recipient},
        "timestamp": int(at * 1000),
    }


def _merged(element: Content, more: Content) -> Content:
    """The element with further fields; a field that is null is left out."""
    whole = element | more
    return {name: value for name, value in whole.items() if value is not None}


def _changes(account: Account, contents: Sequence[Content]) -> Iterator[Content]:
    metadata = {
        "display_phone_number": account.settings.number,
        "phone_number_id": account.id,
    }
    by_kind: dict[tuple[str, ...], list[Content]] = {}
    for content in contents:
        value = content["value"]
        by_kind.setdefault((content["field"], *sorted(value)), []).append(value)
    for (field, *_), values in by_kind.items():
        for part in _parts(values, _IN_CHANGE):
            whole: Content = {"messaging_product": "whatsapp", "metadata": metadata}
            for value in part:
                for name, listed in value.items():
                    if isinstance(listed, list):
                        whole.setdefault(name, []).extend(listed)
                    else:
                        whole[name] = listed
            yield {"field": field, "value": whole}


def _parts(contents: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [contents[at : at + size] for at in range(0, len(contents), size)]


def _encoded(account: Account, envelope: Content) -> bytes:
    text = json.dumps(envelope, ensure_ascii=True)
    return (
        text.replace("/", "\\/") if account.settings.escapes_slashes else text
    ).encode()
