"""Instagram: called with direct messages, or asks for the conversations of an account."""

from app.channels.meta.messaging_adapter import MessagingAdapter
from app.domain.text_limit import TextLimit, TextUnit
from app.domain.unified_message import Channel


class InstagramAdapter(MessagingAdapter):
    """People are known by an id that only this account knows them by (IGSID)."""

    provider = "instagram"
    channel = Channel.INSTAGRAM
    webhook_object = "instagram"
    platform = "instagram"
    person_kind = "igsid"
    account_kind = "instagram_account"
    text_limit = TextLimit(1000, TextUnit.BYTES)
