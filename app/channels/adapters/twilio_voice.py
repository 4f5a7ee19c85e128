"""Telephone calls through Twilio: that somebody called, how it ended, what was left to say."""

from typing import Any

from app.channels.base import Item
from app.channels.twilio.adapter import TwilioAdapter
from app.channels.twilio.call import read_call
from app.domain.unified_message import Channel


class TwilioVoiceAdapter(TwilioAdapter):
    """Takes what Twilio tells of calls. It answers none: what a caller hears is set at Twilio."""

    provider = "twilio-voice"
    channel = Channel.VOICE

    def items_of(self, form: dict[str, Any]) -> list[Item]:
        return read_call(self.provider, form)
