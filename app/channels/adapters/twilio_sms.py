"""Text messages through Twilio: SMS, MMS, and WhatsApp where Twilio carries it."""

from datetime import datetime
from typing import Any, Self

from app.channels.base import Account, Item
from app.channels.budget import Budget
from app.channels.sending import Address, Outgoing, Sender, Sent
from app.channels.twilio.adapter import TwilioAdapter
from app.channels.twilio.addresses import read_address, thread_of
from app.channels.twilio.message import read_message
from app.channels.twilio.sending import TwilioSending
from app.config import Settings
from app.domain.text_limit import TextLimit, TextUnit
from app.domain.unified_message import Channel


class TwilioSMSAdapter(TwilioAdapter, Sender):
    """Takes messages that come in, and what became of those that went out."""

    provider = "twilio-sms"
    channel = Channel.SMS
    text_limit = TextLimit(1600, TextUnit.UTF16)
    can_find = True
    _sending: TwilioSending

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        adapter = super().from_settings(settings)
        adapter._sending = TwilioSending(
            cls.provider,
            str(settings.twilio_url),
            public_url=str(settings.public_url),
            budget=Budget.from_settings(settings),
        )
        return adapter

    def items_of(self, form: dict[str, Any]) -> list[Item]:
        return [read_message(self.provider, form)]

    def thread_of(self, account: Account, to: Address) -> str | None:
        """What our number and theirs say to each other; None where the account has several."""
        if len(account.addresses) != 1:
            return None
        [ours] = account.addresses
        return thread_of(read_address(ours), read_address(to.value))

    def send(self, account: Account, outgoing: Outgoing) -> Sent:
        """Send a text, and have Twilio tell us what becomes of it."""
        return self._sending.send(account, outgoing)

    def find_sent(
        self, account: Account, outgoing: Outgoing, *, since: datetime
    ) -> Sent | None:
        """Look for the same text to the same number: Twilio carries no id of ours."""
        return self._sending.find(account, outgoing, since=since)
