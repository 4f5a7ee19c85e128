"""Requests of providers as they arrive, from the files in `tests/payloads`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from app.channels.base import Account, Item
from app.channels.webhook import Receiver, WebhookRequest
from app.domain.unified_message import UnifiedMessage

PAYLOADS = Path(__file__).parents[1] / "payloads"
FORM = "application/x-www-form-urlencoded"


def payload(path: str) -> bytes:
    """The bytes of a payload file."""
    return (PAYLOADS / path).read_bytes().rstrip(b"\n")


def told(path: str) -> dict[str, Any]:
    """A payload file in JSON, to be changed."""
    value: dict[str, Any] = json.loads(payload(path))
    return value


def request_of(
    body: Any,
    *,
    url: str = "https://hooks.example.test/webhooks/x",
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
) -> WebhookRequest:
    """A request with a body of bytes, or of JSON."""
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest(
        method=method,
        url=url,
        headers=headers or {},
        query=dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)),
        body=encoded,
    )


def items_of(receiver: Receiver, body: Any, **fields: Any) -> list[Item]:
    """What one request brings to one account."""
    (delivery,) = receiver.receive(request_of(body, **fields))
    return delivery.items


def message_of(receiver: Receiver, body: Any, **fields: Any) -> UnifiedMessage:
    """The one message that a request brings."""
    (item,) = items_of(receiver, body, **fields)
    assert item.message is not None, item.error
    assert item.external_id == item.message.external_id
    return item.message


def account(**credentials: Any) -> Account:
    return Account(config_id="c1", addresses=frozenset(), credentials=credentials)
