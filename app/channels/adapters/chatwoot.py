"""Chatwoot: the messages of all its inboxes, as its webhooks tell of them."""

import hmac
import re
from datetime import datetime
from typing import Any, Self

from app.channels.base import Account, ChannelAdapter
from app.channels.budget import Budget
from app.channels.chatwoot.events import PROVIDER, read_event
from app.channels.chatwoot.sending import ChatwootSending
from app.channels.download import Downloads
from app.channels.provider_files import Open, ProviderFiles
from app.channels.reading import id_of, object_of, read_json
from app.channels.sending import Address, Outgoing, Sender, Sent
from app.channels.signatures import check_hmac, check_time
from app.channels.webhook import Delivery, NoSecret, Receiver, WebhookRequest
from app.config import Settings
from app.domain.scrub import scrub_text
from app.domain.text_limit import TextLimit, TextUnit
from app.domain.unified_message import Channel
from app.errors import AccessDenied

_TOKEN = "token"
#: Below the base URL: what a link may be that needs no other permission than itself.
_FILE = re.compile(r"/rails/active_storage/[^?#\s]+(?:\?[^#\s]*)?", re.ASCII)


class ChatwootAdapter(ChannelAdapter, Receiver, Sender):
    """Takes events, signed as newer versions do, or at an address with a secret in it."""

    provider = PROVIDER
    channel = Channel.CHATWOOT
    text_limit = TextLimit(150_000, TextUnit.UTF16)
    can_find = True
    secret_parameters = frozenset({_TOKEN})

    def __init__(
        self, base_url: str, *, budget: Budget, downloads: Downloads, max_bytes: int
    ) -> None:
        self._base_url = base_url
        self._budget = budget
        self._sending = ChatwootSending(base_url, budget=budget)
        self._files = ProviderFiles(
            self.provider, base_url, downloads=downloads, max_bytes=max_bytes
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(
            str(settings.chatwoot_url),
            budget=Budget.from_settings(settings),
            downloads=Downloads.from_settings(settings),
            max_bytes=settings.attachment_max_bytes,
        )

    def verify(self, request: WebhookRequest, account: Account | None) -> None:
        """A signature has to be right where we can check it; without one the address has to be."""
        if account is None:
            raise NoSecret("the address has to name the account", 60.0)
        secret = _secret(account, "webhook_secret")
        path_secret = _secret(account, "webhook_path_secret")
        if not secret and not path_secret:
            detail = "the account has neither webhook_secret nor webhook_path_secret"
            raise NoSecret(detail, 60.0)
        if secret and (request.headers.get("x-chatwoot-signature") or not path_secret):
            _check_signature(request, secret)
            return
        given = request.query.get(_TOKEN, "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), path_secret):
            raise AccessDenied("the address does not hold the account's secret")

    def receive(self, request: WebhookRequest) -> list[Delivery]:
        event = read_json(self.provider, request.body)
        account = object_of(event.get("account"))
        account_id = scrub_text(id_of(account.get("id")))
        return [Delivery(account=account_id or None, items=read_event(event))]

    def fetch_attachment(self, account: Account, url: str) -> bytes | None:
        """Fetch a file that lies in Chatwoot itself, also where only we can reach it."""
        path = url.removeprefix(self._base_url)
        if path == url or not _FILE.fullmatch(path) or ".." in path:
            return None
        auth = self._budget.paying(Open(), account.config_id)
        return self._files.fetch(path, auth=auth)

    def thread_of(self, account: Account, to: Address) -> str | None:
        """Chatwoot numbers its conversations."""
        return None

    def send(self, account: Account, outgoing: Outgoing) -> Sent:
        """Write into the conversation; Chatwoot hands it on to the channel of its inbox."""
        return self._sending.send(account, outgoing)

    def find_sent(
        self, account: Account, outgoing: Outgoing, *, since: datetime
    ) -> Sent | None:
        """Look through the conversation for our id or the text."""
        return self._sending.find(account, outgoing, since=since)


def _secret(account: Account, name: str) -> bytes:
    value: Any = account.credentials.get(name)
    return value.encode("utf-8", "replace") if isinstance(value, str) else b""


def _check_signature(request: WebhookRequest, secret: bytes) -> None:
    given = request.headers.get("x-chatwoot-signature", "")
    timestamp = request.headers.get("x-chatwoot-timestamp", "")
    signed = timestamp.encode("latin-1", "replace")
    check_hmac(given, secret, signed, b".", request.body)
    check_time(timestamp)
