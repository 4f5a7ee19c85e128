"""Telegram: a bot that is written to."""

import hmac
from typing import Self

from app.channels.base import Account, ChannelAdapter
from app.channels.budget import Budget
from app.channels.download import Downloads
from app.channels.reading import read_json
from app.channels.sending import Outgoing, Sender, Sent
from app.channels.telegram.files import TelegramFiles
from app.channels.telegram.sending import TelegramSending
from app.channels.telegram.updates import PROVIDER, UpdateReader
from app.channels.webhook import Delivery, NoSecret, Receiver, WebhookRequest
from app.config import Settings
from app.domain.text_limit import TextLimit, TextUnit
from app.domain.unified_message import Channel
from app.errors import AccessDenied

_SECRET_HEADER = "x-telegram-bot-api-secret-token"


class TelegramAdapter(ChannelAdapter, Receiver, Sender):
    """Takes the updates of bots, each at the address of its account: an update names no bot."""

    provider = PROVIDER
    channel = Channel.TELEGRAM
    text_limit = TextLimit(4096, TextUnit.UTF16)
    secret_headers = Receiver.secret_headers | {_SECRET_HEADER}

    def __init__(
        self, base_url: str, *, budget: Budget, downloads: Downloads, max_bytes: int
    ) -> None:
        self._reader = UpdateReader(base_url)
        self._sending = TelegramSending(base_url, budget=budget)
        self._files = TelegramFiles(
            base_url, budget=budget, downloads=downloads, max_bytes=max_bytes
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(
            str(settings.telegram_url),
            budget=Budget.from_settings(settings),
            downloads=Downloads.from_settings(settings),
            max_bytes=settings.attachment_max_bytes,
        )

    def verify(self, request: WebhookRequest, account: Account | None) -> None:
        if account is None:
            raise NoSecret("the address has to name the account of the bot", 60.0)
        secret = account.credentials.get("secret_token")
        if not isinstance(secret, str) or not secret:
            raise NoSecret("the account has no secret_token", 60.0)
        given = request.headers.get(_SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode(), secret.encode()):
            raise AccessDenied("the secret token is not the account's")

    def receive(self, request: WebhookRequest) -> list[Delivery]:
        update = read_json(self.provider, request.body)
        return [Delivery(account=None, items=self._reader.items(update))]

    def fetch_attachment(self, account: Account, url: str) -> bytes | None:
        """Fetch a file by the address that its message lists."""
        return self._files.fetch(account, url)

    def send(self, account: Account, outgoing: Outgoing) -> Sent:
        """Send a text. A bot has no way to ask what it has sent."""
        return self._sending.send(account, outgoing)
