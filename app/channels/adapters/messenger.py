"""Facebook Messenger: called with messages, or asks for the conversations of a page."""

from app.channels.meta.messaging_adapter import MessagingAdapter
from app.domain.text_limit import TextLimit, TextUnit
from app.domain.unified_message import Channel


class MessengerAdapter(MessagingAdapter):
    """People are known by an id that only this page knows them by (PSID)."""

    provider = "messenger"
    channel = Channel.FACEBOOK
    webhook_object = "page"
    platform = "messenger"
    person_kind = "psid"
    account_kind = "page"
    text_limit = TextLimit(2000, TextUnit.UTF16)
