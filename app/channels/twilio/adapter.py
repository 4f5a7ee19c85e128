"""What the adapters of Twilio's channels share: a form that is signed, and an answer in TwiML."""

import hashlib
from abc import abstractmethod
from typing import Any, Self

from app.channels.base import Account, ChannelAdapter, Item
from app.channels.budget import Budget
from app.channels.download import Downloads
from app.channels.reading import read_item, word_of
from app.channels.twilio.files import TwilioFiles
from app.channels.twilio.signature import check_signature, form_of, is_form
from app.channels.webhook import Delivery, NoSecret, Receiver, WebhookRequest
from app.config import Settings
from app.domain.mail_people import UNKNOWN_SENDER
from app.domain.scrub import scrub_text
from app.domain.unified_message import (
    Direction,
    MessageKind,
    Participant,
    UnifiedMessage,
)
from app.errors import InvalidPayload

#: A body that is no form is none of those we know.
_LONGEST_KEPT = 100_000


class TwilioAdapter(ChannelAdapter, Receiver):
    """Takes requests at the address of their account.

    Each account of Twilio signs with its own token, so only the address can say which one to check
    against: a request to the address of all accounts cannot be believed.
    """

    answer = ("text/xml", "<Response/>")

    def __init__(
        self, base_url: str, *, budget: Budget, downloads: Downloads, max_bytes: int
    ) -> None:
        self._base_url = base_url
        self._files = TwilioFiles(
            base_url, budget=budget, downloads=downloads, max_bytes=max_bytes
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(
            str(settings.twilio_url),
            budget=Budget.from_settings(settings),
            downloads=Downloads.from_settings(settings),
            max_bytes=settings.attachment_max_bytes,
        )

    def verify(self, request: WebhookRequest, account: Account | None) -> None:
        if account is None:
            raise NoSecret("the address has to name the account", 60.0)
        token = account.credentials.get("auth_token")
        if not isinstance(token, str) or not token:
            raise NoSecret("the account has no auth_token", 60.0)
        check_signature(request, token)

    def receive(self, request: WebhookRequest) -> list[Delivery]:
        if request.method != "GET" and not is_form(request):
            return [Delivery(account=None, items=[self._foreign(request)])]
        try:
            fields = form_of(request)
        except ValueError:
            raise InvalidPayload(f"{self.provider}: too many fields") from None
        if not fields:
            raise InvalidPayload(f"{self.provider}: the request says nothing")
        # Whoever signs for an account may still not speak for another.
        account = word_of(fields.get("AccountSid", [""])[0])
        form = {
            name: values[0] if len(values) == 1 else values
            for name, values in fields.items()
        }
        return [
            Delivery(
                account=scrub_text(account)[:100] or None, items=self.items_of(form)
            )
        ]

    @abstractmethod
    def items_of(self, form: dict[str, Any]) -> list[Item]:
        """Read what a form says."""

    def fetch_attachment(self, account: Account, url: str) -> bytes | None:
        """Fetch media or a recording by the address that its message lists."""
        return self._files.fetch(account, url)

    def _foreign(self, request: WebhookRequest) -> Item:
        """A signed request in another form than that of this channel's webhooks."""
        digest = hashlib.sha256(request.body).hexdigest()

        def read(raw: dict[str, Any]) -> UnifiedMessage:
            return UnifiedMessage(
                external_id=f"body:{digest}",
                direction=Direction.INBOUND,
                sender=Participant(kind="phone", value=UNKNOWN_SENDER),
                body_text="Something from Twilio that we do not know",
                kind=MessageKind.UNSUPPORTED,
                metadata={"no_conversation": True},
            )

        body = request.body[:_LONGEST_KEPT].decode("utf-8", "replace")
        return read_item(self.provider, {"body": body}, read)
