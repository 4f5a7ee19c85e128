"""Text messages through Twilio: SMS, MMS, and WhatsApp where Twilio carries it."""

from typing import Any

from app.channels.base import Item
from app.channels.twilio.adapter import TwilioAdapter
from app.channels.twilio.message import read_message
from app.domain.unified_message import Channel


class TwilioSMSAdapter(TwilioAdapter):
    """Takes messages that come in, and what became of those that went out."""

    provider = "twilio-sms"
    channel = Channel.SMS

    def items_of(self, form: dict[str, Any]) -> list[Item]:
        return [read_message(self.provider, form)]
