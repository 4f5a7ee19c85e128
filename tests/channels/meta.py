"""Requests as Meta makes them: payload files, signed."""

import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.channels.webhook import WebhookRequest

SECRET = "meta-app-secret"
_PAYLOADS = Path(__file__).parents[1] / "payloads" / "meta"


def payload(name: str) -> dict[str, Any]:
    """A payload in the documented shape."""
    loaded: dict[str, Any] = json.loads((_PAYLOADS / f"{name}.json").read_text())
    return loaded


def as_sent(content: Any) -> bytes:
    """The bytes of a payload: Meta escapes everything but ASCII."""
    return json.dumps(content, ensure_ascii=True).encode()


def signature(body: bytes, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}"}


def request(content: Any = None, **fields: Any) -> WebhookRequest:
    """A request as it reaches an adapter."""
    body = content if isinstance(content, bytes) else as_sent(content)
    headers = {name.lower(): value for name, value in signature(body).items()}
    whole = {"method": "POST", "url": "https://bee.example/webhooks", "query": {}}
    return WebhookRequest(**(whole | {"headers": headers, "body": body} | fields))


def signed(unsigned: WebhookRequest, secret: str) -> WebhookRequest:
    """A request as whoever knows the secret sends it."""
    given = {
        name.lower(): value for name, value in signature(unsigned.body, secret).items()
    }
    return replace(unsigned, headers={**unsigned.headers, **given})
