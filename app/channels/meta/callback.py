"""How Meta calls: one handshake, one signature and one envelope for all of its products."""

import hashlib
import hmac
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from app.channels.base import Account, Item
from app.channels.meta.element import broken
from app.channels.meta.fields import text
from app.channels.webhook import Delivery, NoSecret, Receiver, WebhookRequest
from app.config import Settings
from app.errors import AccessDenied, InvalidPayload
from app.transport import decoded

_SIGNATURE = "x-hub-signature-256"
_LONGEST_CHALLENGE = 1_000
#: Meta sends at most a thousand updates at once.
_MAX_PARTS = 10_000
_MISSING = 60.0


@dataclass(frozen=True)
class Secrets:
    """What holds for accounts that have none of their own."""

    app_secret: str | None
    verify_token: str | None

    @classmethod
    def from_settings(cls, settings: Settings) -> "Secrets":
        app_secret, token = settings.meta_app_secret, settings.meta_verify_token
        return cls(
            app_secret.get_secret_value() if app_secret else None,
            token.get_secret_value() if token else None,
        )


@dataclass(frozen=True)
class Part:
    """One thing that a request says of an account."""

    account: str | None
    item: Item | None = None
    trouble: str | None = None


class MetaReceiver(Receiver):
    """An adapter that Meta calls."""

    webhook_object: ClassVar[str]
    """What the envelope calls our product."""
    answer = ("text/plain", "EVENT_RECEIVED")
    secrets: Secrets

    @abstractmethod
    def read_entry(self, entry: dict[str, Any]) -> Iterator[Part]:
        """Read one entry of the batch."""

    def verify(self, request: WebhookRequest, account: Account | None) -> None:
        if request.method == "GET":
            self._verify_handshake(request, account)
            return
        secret = _own(account, "app_secret") or self.secrets.app_secret
        if secret is None:
            raise NoSecret(
                "neither META_APP_SECRET nor an app_secret of the account is set",
                _MISSING,
            )
        digest = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
        given = request.headers.get(_SIGNATURE, "").strip().lower()
        if not _is_equal(given, f"sha256={digest}"):
            raise AccessDenied("the signature is not Meta's")

    def _verify_handshake(
        self, request: WebhookRequest, account: Account | None
    ) -> None:
        token = _own(account, "verify_token") or self.secrets.verify_token
        if token is None:
            raise NoSecret(
                "neither META_VERIFY_TOKEN nor a verify_token of the account is set",
                _MISSING,
            )
        given = request.query.get("hub.verify_token", "")
        if self.handshake(request) is None or not _is_equal(given, token):
            # Meta wants 403 for this, and 401 for nothing.
            raise AccessDenied("the verify token is not the one set here", known=True)

    def handshake(self, request: WebhookRequest) -> str | None:
        if request.method != "GET" or request.query.get("hub.mode") != "subscribe":
            return None
        return request.query.get("hub.challenge", "")[:_LONGEST_CHALLENGE]

    def receive(self, request: WebhookRequest) -> list[Delivery]:
        deliveries: dict[str | None, Delivery] = {}
        for count, part in enumerate(self._parts(request.body)):
            if count == _MAX_PARTS:
                raise InvalidPayload(f"meta: more than {_MAX_PARTS} updates at once")
            one = deliveries.setdefault(part.account, Delivery(part.account))
            if part.item is not None:
                one.items.append(part.item)
            if part.trouble is not None:
                deliveries[part.account] = replace(one, trouble=part.trouble)
        return list(deliveries.values())

    def _parts(self, body: bytes) -> Iterator[Part]:
        try:
            envelope = decoded(body)
        except (ValueError, RecursionError):
            raise InvalidPayload("meta: the request is not JSON") from None
        if not isinstance(envelope, dict):
            raise InvalidPayload("meta: the request is no object")
        if envelope.get("object") != self.webhook_object:
            told = text(envelope.get("object"))[:50]
            raise InvalidPayload(f"meta: {told!r} is not sent to this address")
        entries = envelope.get("entry")
        if not isinstance(entries, list):
            raise InvalidPayload("meta: the request has no entries")
        for entry in entries:
            if isinstance(entry, dict):
                yield from self.read_entry(entry)
            else:
                yield Part(None, broken(entry, "meta: an entry that is no object"))


def _own(account: Account | None, name: str) -> str | None:
    """A secret that the account brings along."""
    return text(account.credentials.get(name)) or None if account else None


def _is_equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(
        given.encode(errors="replace"), expected.encode(errors="replace")
    )
