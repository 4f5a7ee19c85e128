"""Sends with the token of a bot. What Telegram refuses it explains in words alone."""

import re
from typing import Any

import requests

from app.channels.base import Account
from app.channels.budget import Budget
from app.channels.provider_files import Open
from app.channels.reading import id_of, number_of, object_of, text_of
from app.channels.send_faults import Fault, Refusal, SendClient
from app.channels.sending import Outgoing, Sent
from app.channels.telegram.files import bot_token
from app.channels.telegram.places import Place
from app.errors import (
    AuthError,
    InvalidPayload,
    OptedOut,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    Undeliverable,
    WindowClosed,
)

_NO_BOT = Fault(AuthError, "no bot has this token: enter the one that BotFather shows")
_NOBODY = Fault(
    Undeliverable, "Telegram knows no such chat, or the account was deleted"
)
_TOO_LONG = Fault(PermanentError, "the text is longer than Telegram accepts")

#: The first that the words hold; in lower case.
WORDS = {
    "bot was blocked": Fault(OptedOut, "the customer has blocked the bot"),
    "bot was kicked": Fault(Undeliverable, "the bot was removed from the group"),
    "bot is not a member": Fault(Undeliverable, "the bot is not in the group"),
    "user is deactivated": _NOBODY,
    "can't initiate conversation": Fault(
        Undeliverable, "the customer has never written to the bot, or left it"
    ),
    "can't send messages to bots": Fault(Undeliverable, "a bot cannot write to a bot"),
    "business_peer_usage_missing": Fault(
        WindowClosed, "the customer has not written to the business account lately"
    ),
    "business_peer_invalid": _NOBODY,
    "business connection": Fault(
        AuthError, "the owner has taken the bot off their business account"
    ),
    "business_connection": Fault(
        AuthError, "the owner has taken the bot off their business account"
    ),
    "chat not found": _NOBODY,
    "peer_id_invalid": _NOBODY,
    "group chat was upgraded": Fault(
        Undeliverable, "the group has another id since it became a supergroup"
    ),
    "thread not found": Fault(Undeliverable, "the topic of the group is gone"),
    "topic_closed": Fault(Undeliverable, "the topic of the group is closed"),
    "topic_deleted": Fault(Undeliverable, "the topic of the group is gone"),
    "not enough rights": Fault(
        PermanentError, "the bot may not write there: its group has to let it"
    ),
    "have no rights": Fault(
        PermanentError, "the bot may not write there: its group has to let it"
    ),
    "chat_write_forbidden": Fault(
        PermanentError, "the bot may not write there: its group has to let it"
    ),
    "message is too long": _TOO_LONG,
    "message_too_long": _TOO_LONG,
    "text is empty": Fault(PermanentError, "the text is empty"),
}
STATUSES = {
    401: _NO_BOT,
    404: _NO_BOT,
    403: Fault(Undeliverable, "Telegram lets the bot not write to this chat"),
    429: Fault(RateLimited, "Telegram asks the bot to slow down"),
}
_TOPIC = re.compile(r"\d{1,20}")


class TelegramSending:
    """Sends the messages of bots."""

    def __init__(self, base_url: str, *, budget: Budget) -> None:
        self._base_url = base_url
        self._budget = budget

    def send(self, account: Account, outgoing: Outgoing) -> Sent:
        """Send a text as it is: marks in it mean nothing to Telegram."""
        # The token is part of the address, which errors do not repeat as far as it is the base.
        base = f"{self._base_url}/bot{bot_token(account)}"
        told = _BotSender("telegram", base).submit(
            "/sendMessage",
            auth=self._budget.paying(Open(), account.config_id),
            body=_message(outgoing),
        )
        answer = object_of(told)
        if answer.get("ok") is not True:
            raise OutcomeUnknown("telegram does not say what it made of the message")
        try:
            place = Place.of(object_of(answer.get("result")))
        except InvalidPayload:
            return Sent(None, outgoing.thread_id)
        return Sent(place.message_id, place.thread)


class _BotSender(SendClient):
    def read_refusal(
        self, response: requests.Response, told: dict[str, Any]
    ) -> Refusal:
        status, words = response.status_code, text_of(told.get("description")).lower()
        found = (fault for mark, fault in WORDS.items() if mark in words[:500])
        fault = next(found, None) if status in {400, 403} else None
        pause = number_of(object_of(told.get("parameters")).get("retry_after"))
        plain = super().read_refusal(response, told)
        return Refusal(
            status,
            fault=fault or STATUSES.get(status),
            pause=plain.pause if pause is None else max(pause, 0.0),
        )


def _message(outgoing: Outgoing) -> dict[str, Any]:
    place = outgoing.metadata
    chat = id_of(place.get("chat_id")) or outgoing.to.value
    connection = id_of(place.get("business_connection_id"))
    scope = f"{connection}:{chat}" if connection else chat
    message: dict[str, Any] = {"chat_id": chat, "text": outgoing.text}
    if connection:
        message["business_connection_id"] = connection
    message |= _topic(outgoing, scope, id_of(place.get("message_thread_id")))
    # Ids of messages are unique within one chat only: ours name the chat as well.
    number = (outgoing.reply_to or "").rpartition(":")[2]
    if _TOPIC.fullmatch(number):
        # A message that is gone meanwhile is no reason to leave its writer without an answer.
        message["reply_parameters"] = {
            "message_id": int(number),
            "allow_sending_without_reply": True,
        }
    return message


def _topic(outgoing: Outgoing, scope: str, told: str) -> dict[str, int]:
    """In which topic of the chat; elsewhere the number of a thread is refused."""
    topic = (outgoing.thread_id or "").removeprefix(f"{scope}:")
    if not _TOPIC.fullmatch(topic) or topic == outgoing.thread_id:
        return {}
    is_forum = topic == told
    return {"message_thread_id" if is_forum else "direct_messages_topic_id": int(topic)}
