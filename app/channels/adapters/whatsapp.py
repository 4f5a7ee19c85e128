"""WhatsApp Cloud API: called with messages and what became of ours; there is no way to ask."""

from collections.abc import Iterator
from typing import Any, Self

from app.channels.base import Account, ChannelAdapter
from app.channels.budget import Budget
from app.channels.meta.callback import MetaReceiver, Part, Secrets
from app.channels.meta.whatsapp_content import ContentReader
from app.channels.meta.whatsapp_media import Media
from app.channels.meta.whatsapp_value import ValueReader
from app.config import Settings
from app.domain.unified_message import Channel
from app.transport import Bearer


class WhatsAppAdapter(ChannelAdapter, MetaReceiver):
    """An account is a phone number, known by its id. People have a phone, an id, or both."""

    provider = "whatsapp"
    channel = Channel.WHATSAPP
    webhook_object = "whatsapp_business_account"

    def __init__(self, media: Media, secrets: Secrets, budget: Budget) -> None:
        self._media = media
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
        secrets = Secrets.from_settings(settings)
        return cls(media, secrets, Budget.from_settings(settings))

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
