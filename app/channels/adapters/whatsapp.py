"""WhatsApp Cloud API: called with messages and what became of ours; there is no way to ask."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Self
from urllib.parse import quote

from app.channels.base import Account, ChannelAdapter
from app.channels.budget import Budget
from app.channels.meta.callback import MetaReceiver, Part, Secrets
from app.channels.meta.fields import identifier, record, records
from app.channels.meta.graph import TIMEOUT
from app.channels.meta.send_errors import WhatsAppClient
from app.channels.meta.whatsapp_content import ContentReader
from app.channels.meta.whatsapp_media import Media
from app.channels.meta.whatsapp_value import ValueReader
from app.channels.sending import Address, Outgoing, Sender, Sent
from app.config import Settings
from app.domain.text_limit import TextLimit, TextUnit
from app.domain.unified_message import Channel
from app.errors import PermanentError, Undeliverable
from app.transport import Bearer


class WhatsAppAdapter(ChannelAdapter, MetaReceiver, Sender):
    """An account is a phone number, known by its id. People have a phone, an id, or both."""

    provider = "whatsapp"
    channel = Channel.WHATSAPP
    webhook_object = "whatsapp_business_account"
    text_limit = TextLimit(4096, TextUnit.UTF16)
    window = timedelta(hours=24)

    def __init__(
        self,
        media: Media,
        sending: WhatsAppClient,
        version: str,
        secrets: Secrets,
        budget: Budget,
    ) -> None:
        self._media = media
        self._sending = sending
        self._version = version
        self.secrets = secrets
        self._budget = budget
        self._reader = ValueReader(ContentReader(media.url))

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        media = Media(
            str(settings.meta_graph_url),
            settings.meta_graph_version,
            max_bytes=settings.attachment_max_bytes,
        )
        return cls(
            media,
            WhatsAppClient(cls.provider, str(settings.meta_graph_url), timeout=TIMEOUT),
            settings.meta_graph_version,
            Secrets.from_settings(settings),
            Budget.from_settings(settings),
        )

    def read_entry(self, entry: dict[str, Any]) -> Iterator[Part]:
        return self._reader.read_entry(entry)

    def fetch_attachment(self, account: Account, url: str) -> bytes | None:
        """Fetch a file by its id, with the account's token."""
        media_id = self._media.id_at(url)
        if media_id is None:
            return None
        bearer = Bearer(account.credentials.get("access_token"))
        return self._media.fetch(
            media_id, self._budget.paying(bearer, account.config_id)
        )

    def send(self, account: Account, outgoing: Outgoing) -> Sent:
        """Send a text. Our id comes back with each status, so that none has to be looked for."""
        if account.external_id is None:
            raise PermanentError("the account has no phone number id: --account-id")
        bearer = Bearer(account.credentials.get("access_token"))
        answer = self._sending.submit(
            f"/{self._version}/{quote(account.external_id, safe='')}/messages",
            auth=self._budget.paying(bearer, account.config_id),
            body=_message(outgoing),
        )
        taken = next(records(record(answer).get("messages")), {})
        return Sent(identifier(taken.get("id")) or None, outgoing.thread_id)


def _message(outgoing: Outgoing) -> dict[str, Any]:
    context = {"message_id": outgoing.reply_to} if outgoing.reply_to else None
    message = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **_recipient(outgoing.to),
        "type": "text",
        "text": {"body": outgoing.text, "preview_url": False},
        "biz_opaque_callback_data": str(outgoing.id),
    }
    return message | {"context": context} if context else message


def _recipient(to: Address) -> dict[str, str]:
    """A telephone, without its plus, or the id of somebody who does not show theirs."""
    if to.kind != "phone":
        return {"recipient": to.value}
    digits = to.value.removeprefix("+")
    if not digits.isdecimal():
        raise Undeliverable("whatsapp: the telephone number has other than digits")
    return {"to": digits}
