"""Where a Telegram message stands, and who wrote it."""

from dataclasses import dataclass
from typing import Any

from app.channels.reading import id_of, object_of, word_of
from app.domain.mail_people import UNKNOWN_SENDER
from app.domain.unified_message import Direction, Participant
from app.errors import InvalidPayload


@dataclass(frozen=True)
class Place:
    """Where a message stands."""

    chat: dict[str, Any]
    scope: str
    """Within this the ids of messages are unique: the chat, as one business account sees it."""
    thread: str
    number: str

    @classmethod
    def of(cls, told: dict[str, Any], *, needs_number: bool = True) -> "Place":
        """Raises InvalidPayload where it does not say."""
        chat = object_of(told.get("chat"))
        chat_id, number = id_of(chat.get("id")), id_of(told.get("message_id"))
        if not chat_id or (needs_number and not number):
            raise InvalidPayload("it does not say which message of which chat it is")
        connection = id_of(told.get("business_connection_id"))
        scope = f"{connection}:{chat_id}" if connection else chat_id
        topic = ""
        if told.get("is_topic_message") is True:
            # Elsewhere the number of the thread is that of a message with answers.
            topic = id_of(told.get("message_thread_id"))
        direct = object_of(told.get("direct_messages_topic"))
        topic = topic or id_of(direct.get("topic_id"))
        return cls(chat, scope, f"{scope}:{topic}" if topic else scope, number)

    @property
    def message_id(self) -> str:
        """The id of the message, unique within the bot's account."""
        # Message ids are unique within one chat only.
        return f"{self.scope}:{self.number}"

    def replied_to(self, told: dict[str, Any]) -> str | None:
        """Return the id of the message that this one answers."""
        parent = object_of(told.get("reply_to_message"))
        number = id_of(parent.get("message_id"))
        # Everything in a topic answers the message that opened it.
        if not number or "forum_topic_created" in parent:
            return None
        return f"{self.scope}:{number}"


def direction_of(place: Place, told: dict[str, Any]) -> Direction:
    """Return which way a message went."""
    return Direction.OUTBOUND if is_echo(place, told) else Direction.INBOUND


def is_echo(place: Place, told: dict[str, Any]) -> bool:
    """Whether the owner of a connected business account wrote it, or a bot in their name.

    Such a chat is seen from the owner's side: it bears the id of the other.
    """
    if not told.get("business_connection_id"):
        return False
    writer = id_of(object_of(told.get("from")).get("id"))
    is_owner = bool(writer) and writer != id_of(place.chat.get("id"))
    return is_owner or bool(told.get("sender_business_bot"))


def writer_of(told: dict[str, Any]) -> Participant | None:
    """Who wrote it; behind an anonymous one stands a bot of Telegram's, so the chat comes first."""
    chat = object_of(told.get("sender_chat"))
    if id_of(chat.get("id")):
        return chat_of(chat)
    user = object_of(told.get("from"))
    user_id = id_of(user.get("id"))
    if not user_id:
        return None
    return Participant(kind="telegram_user", value=user_id, name=name_of(user))


def chat_of(chat: dict[str, Any]) -> Participant:
    """A chat as somebody; a private one bears the id of the person."""
    is_person = chat.get("type") in (None, "private")
    return Participant(
        kind="telegram_user" if is_person else "telegram_chat",
        value=id_of(chat.get("id")),
        name=word_of(chat.get("title")) or name_of(chat),
    )


def nobody() -> Participant:
    """Return who stands for everybody that is not named."""
    return Participant(kind="telegram_user", value=UNKNOWN_SENDER)


def name_of(person: dict[str, Any]) -> str | None:
    """Return what somebody is called, by their username where they have no other name."""
    names = (word_of(person.get("first_name")), word_of(person.get("last_name")))
    return " ".join(filter(None, names)) or word_of(person.get("username")) or None
