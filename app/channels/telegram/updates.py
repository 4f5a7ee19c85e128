"""A Telegram update, read into the shape that all channels share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app.channels.base import Item
from app.channels.reading import (
    NO_CONVERSATION,
    filled,
    id_of,
    moment_of,
    object_of,
    objects_of,
    read_item,
    text_of,
    word_of,
)
from app.channels.telegram.contents import (
    Contents,
    contact_number,
    read_contents,
    service_of,
    unknown_fields,
)
from app.domain.mail_people import UNKNOWN_SENDER
from app.domain.unified_message import (
    Direction,
    MessageKind,
    Participant,
    Recipient,
    UnifiedMessage,
)
from app.errors import InvalidPayload

PROVIDER = "telegram"

#: An update holds one thing; more than a few are no update.
_MAX_PARTS = 20
#: Telegram deletes a hundred at once.
_MAX_DELETED = 1_000
_LONGEST_NAME = 100
_BLOCKED = frozenset({"kicked", "left"})


class UpdateReader:
    """Reads the updates of bots."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._readers: dict[str, Callable[[str, dict[str, Any]], UnifiedMessage]] = {
            "message": self._message,
            "business_message": self._message,
            "edited_message": self._edit,
            "edited_business_message": self._edit,
            "channel_post": self._post,
            "edited_channel_post": self._edited_post,
            "message_reaction": _reaction,
            "callback_query": _button,
            "my_chat_member": _membership,
            "chat_member": _membership,
            "business_connection": _connection,
            "deleted_business_messages": _deletion,
        }

    def items(self, update: dict[str, Any]) -> list[Item]:
        """Return what an update holds; what cannot be read comes back with what is wrong."""
        head = {name: update[name] for name in update if name == "update_id"}
        parts = [(name, told) for name, told in update.items() if name not in head]
        return [
            item
            for name, told in (parts or [("nothing", None)])[:_MAX_PARTS]
            for item in self._items(head, name, told)
        ]

    def _items(self, head: dict[str, Any], name: str, told: Any) -> Iterator[Item]:
        if name != "deleted_business_messages" or not isinstance(told, dict):
            yield self._item(head | {name: told}, name)
            return
        listed = told.get("message_ids")
        listed = listed if isinstance(listed, list) else [None]
        for message_id in islice(listed, _MAX_DELETED):
            yield self._item(head | {name: told | {"message_ids": [message_id]}}, name)

    def _item(self, update: dict[str, Any], name: str) -> Item:
        """The item of an update that holds one thing."""
        update_id = id_of(update.get("update_id"))

        def read(raw: dict[str, Any]) -> UnifiedMessage:
            reader = self._readers.get(name)
            part = raw.get(name)
            if reader is None:
                return _unknown(update_id, name, object_of(part))
            if not isinstance(part, dict):
                raise InvalidPayload(f"{name} is no object")
            return reader(update_id, part)

        external_id = f"update:{update_id}" if update_id else None
        return read_item(PROVIDER, update, read, external_id=external_id)

    def _message(self, update_id: str, told: dict[str, Any]) -> UnifiedMessage:
        """What somebody said in a chat, or what happened there."""
        place = _Place.of(told)
        contents = read_contents(self._base_url, told)
        service = service_of(told)
        metadata = _around(update_id, told, place) | _metadata(contents)
        migration = {
            "migrated_to": id_of(told.get("migrate_to_chat_id")),
            "migrated_from": id_of(told.get("migrate_from_chat_id")),
        }
        kind, text = MessageKind.TEXT, contents.text
        if any(migration.values()):
            kind, text = MessageKind.EVENT, "The group has become a supergroup"
            metadata |= filled(migration) | NO_CONVERSATION
        elif contents.is_empty and service:
            kind, text = MessageKind.EVENT, service.replace("_", " ").capitalize()
            metadata |= {"service": service} | NO_CONVERSATION
        elif contents.is_empty:
            kind = MessageKind.UNSUPPORTED
            told_of = ", ".join(unknown_fields(told))[:_LONGEST_NAME]
            text = f"A Telegram message of a kind we do not know: {told_of or 'empty'}"
        elif contents.attachments:
            kind = MessageKind.MEDIA
        direction = _direction(place, told)
        if told.get("is_automatic_forward") is True:
            # A channel's own post, repeated in the group where it is talked about.
            kind, metadata = MessageKind.EVENT, metadata | NO_CONVERSATION
            direction = Direction.OUTBOUND
        return _checked(
            _from(place, told),
            direction=direction,
            kind=kind,
            body_text=text,
            attachments=contents.attachments,
            in_reply_to=place.replied_to(told),
            metadata=metadata,
        )

    def _edit(self, update_id: str, told: dict[str, Any]) -> UnifiedMessage:
        """A message with its new contents. Two edits may bear the same second."""
        place = _Place.of(told)
        message = self._message(update_id, told)
        edited_at = moment_of(told.get("edit_date"))
        edit_id = update_id or id_of(told.get("edit_date"))
        if not edit_id:
            raise InvalidPayload("an edit without its update or date")
        return _checked(
            message,
            external_id=f"{place.message_id}:edit:{edit_id}",
            target_id=place.message_id,
            kind=MessageKind.EDIT,
            sent_at=edited_at or message.sent_at,
        )

    def _post(self, update_id: str, told: dict[str, Any]) -> UnifiedMessage:
        """A post in a channel: said to everybody, and by nobody who waits for an answer."""
        message = self._message(update_id, told)
        return _checked(
            message,
            kind=MessageKind.EVENT,
            direction=Direction.OUTBOUND,
            metadata=message.metadata | {"service": "channel_post"} | NO_CONVERSATION,
        )

    def _edited_post(self, update_id: str, told: dict[str, Any]) -> UnifiedMessage:
        message = self._edit(update_id, told)
        return _checked(
            message,
            direction=Direction.OUTBOUND,
            metadata=message.metadata | NO_CONVERSATION,
        )


@dataclass(frozen=True)
class _Place:
    """Where a message stands."""

    chat: dict[str, Any]
    scope: str
    """Within this the ids of messages are unique: the chat, as one business account sees it."""
    thread: str
    number: str

    @classmethod
    def of(cls, told: dict[str, Any], *, needs_number: bool = True) -> "_Place":
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
        # Message ids are unique within one chat only.
        return f"{self.scope}:{self.number}"

    def replied_to(self, told: dict[str, Any]) -> str | None:
        parent = object_of(told.get("reply_to_message"))
        number = id_of(parent.get("message_id"))
        # Everything in a topic answers the message that opened it.
        if not number or "forum_topic_created" in parent:
            return None
        return f"{self.scope}:{number}"


def _from(place: _Place, told: dict[str, Any]) -> UnifiedMessage:
    """A message that says nothing yet: who, where and when."""
    sender = _sender(told)
    chat = _chat(place.chat)
    is_echo = _is_echo(place, told)
    return UnifiedMessage(
        external_id=place.message_id,
        external_thread_id=place.thread,
        direction=_direction(place, told),
        sender=sender or chat,
        recipients=[Recipient(**chat.model_dump(), role="to")]
        if is_echo or place.chat.get("type") != "private"
        else [],
        sent_at=moment_of(told.get("date")),
    )


def _direction(place: _Place, told: dict[str, Any]) -> Direction:
    return Direction.OUTBOUND if _is_echo(place, told) else Direction.INBOUND


def _is_echo(place: _Place, told: dict[str, Any]) -> bool:
    """Whether the owner of a connected business account wrote it, or a bot in their name.

    Such a chat is seen from the owner's side: it bears the id of the other.
    """
    if not told.get("business_connection_id"):
        return False
    writer = id_of(object_of(told.get("from")).get("id"))
    is_owner = bool(writer) and writer != id_of(place.chat.get("id"))
    return is_owner or bool(told.get("sender_business_bot"))


def _around(update_id: str, told: dict[str, Any], place: _Place) -> dict[str, Any]:
    """What is known of a message beside what it says."""
    sender = object_of(told.get("from"))
    origin = object_of(told.get("forward_origin"))
    facts: dict[str, Any] = {
        "update_id": update_id,
        "chat_id": id_of(place.chat.get("id")),
        "chat_type": word_of(place.chat.get("type")),
        "message_id": place.number,
        "business_connection_id": id_of(told.get("business_connection_id")),
        "message_thread_id": id_of(told.get("message_thread_id")),
        "media_group_id": id_of(told.get("media_group_id")),
        "username": word_of(sender.get("username")),
        "language": word_of(sender.get("language_code")),
        "quote": text_of(object_of(told.get("quote")).get("text")),
        "forwarded_from": _origin_name(origin),
        "edited_at": word_of(_iso(told.get("edit_date"))),
        "identities": _own_number(told),
    }
    if _is_echo(place, told):
        facts["echo"] = True
    if origin:
        facts["forwarded"] = True
    if sender.get("is_bot") is True and not told.get("sender_chat"):
        facts["from_bot"] = True
    return filled(facts)


def _metadata(contents: Contents) -> dict[str, Any]:
    return filled(
        {
            "media": contents.media,
            "structured": contents.structured,
            "links": contents.links,
        }
    )


def _own_number(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The writer's own number, where they share it; Telegram says whose a contact is."""
    contact = object_of(told.get("contact"))
    owner, writer = contact.get("user_id"), object_of(told.get("from")).get("id")
    number = contact_number(contact)
    is_own = bool(id_of(owner)) and id_of(owner) == id_of(writer)
    if not is_own or told.get("forward_origin") or not number.startswith("+"):
        return []
    return [{"kind": "phone", "value": number}]


def _reaction(update_id: str, told: dict[str, Any]) -> UnifiedMessage:
    """All reactions of one person to one message, after a change."""
    place = _Place.of(told)
    sender = _sender({"from": told.get("user"), "sender_chat": told.get("actor_chat")})
    if not update_id or sender is None:
        raise InvalidPayload("a reaction without its update or who reacted")
    before = _emojis(told.get("old_reaction"))
    after = _emojis(told.get("new_reaction"))
    added = [emoji for emoji in after if emoji not in before]
    emoji = next(iter(added or after), None)
    return UnifiedMessage(
        external_id=f"{place.message_id}:reaction:{sender.value}:{update_id}",
        external_thread_id=place.thread,
        direction=Direction.INBOUND,
        sender=sender,
        body_text=emoji,
        sent_at=moment_of(told.get("date")),
        kind=MessageKind.REACTION,
        target_id=place.message_id,
        metadata={
            "reaction": {"emoji": emoji, "emojis": after},
            "update_id": update_id,
            **NO_CONVERSATION,
        },
    )


def _emojis(listed: Any) -> list[str]:
    found = []
    for reaction in islice(objects_of(listed), _MAX_PARTS):
        emoji = word_of(reaction.get("emoji"))
        if custom := id_of(reaction.get("custom_emoji_id")):
            emoji = f"custom:{custom}"
        found.append(emoji or word_of(reaction.get("type")) or "unknown")
    return found


def _button(update_id: str, told: dict[str, Any]) -> UnifiedMessage:
    """A button that somebody pressed below a message: an answer of one word."""
    sender = _sender(told)
    query_id = id_of(told.get("id"))
    if sender is None or not query_id:
        raise InvalidPayload("a pressed button without who pressed it")
    pressed = object_of(told.get("message"))
    given = text_of(told.get("data")) or text_of(told.get("game_short_name"))
    label = next(_labels(pressed, given), "") if given else ""
    place = _Place.of(pressed) if pressed else None
    structured = {"type": "button", "data": given, "label": label}
    metadata: dict[str, Any] = {
        "structured": filled(structured),
        "update_id": update_id,
        "callback_query_id": query_id,
    }
    if place is None:
        metadata |= NO_CONVERSATION
    else:
        metadata["chat_id"] = id_of(place.chat.get("id"))
    return UnifiedMessage(
        external_id=f"callback:{query_id}",
        external_thread_id=place.thread if place else None,
        direction=Direction.INBOUND,
        sender=sender,
        body_text=label or given or "A button was pressed",
        target_id=place.message_id if place else None,
        metadata=metadata,
    )


def _labels(pressed: dict[str, Any], given: str) -> Iterator[str]:
    rows = object_of(pressed.get("reply_markup")).get("inline_keyboard")
    for row in rows if isinstance(rows, list) else []:
        for button in objects_of(row):
            if button.get("callback_data") == given:
                yield text_of(button.get("text"))


def _membership(update_id: str, told: dict[str, Any]) -> UnifiedMessage:
    """Somebody came or went; in a private chat that is: blocked the bot, or let it in again."""
    place = _Place.of(told, needs_number=False)
    status = word_of(object_of(told.get("new_chat_member")).get("status"))
    member = object_of(object_of(told.get("new_chat_member")).get("user"))
    metadata: dict[str, Any] = {"member": id_of(member.get("id")), "status": status}
    text = f"Membership in the chat: {status or 'unknown'}"
    if place.chat.get("type") == "private" and member.get("is_bot") is True:
        is_blocked = status in _BLOCKED
        metadata |= {"blocked": is_blocked}
        text = f"The bot was {'blocked' if is_blocked else 'let in again'}"
    return _event(
        update_id,
        "membership",
        sender=_sender(told) or _chat(place.chat),
        thread=place.thread,
        text=text[:_LONGEST_NAME],
        metadata=metadata,
        date=told.get("date"),
    )


def _connection(update_id: str, told: dict[str, Any]) -> UnifiedMessage:
    """A business account was connected to the bot, or disconnected from it."""
    is_enabled = told.get("is_enabled") is not False
    return _event(
        update_id,
        "business_connection",
        sender=_sender({"from": told.get("user")}) or _nobody(),
        thread=None,
        text=f"The business account was {'' if is_enabled else 'dis'}connected",
        metadata={"business_connection_id": id_of(told.get("id"))},
        date=told.get("date"),
    )


def _deletion(update_id: str, told: dict[str, Any]) -> UnifiedMessage:
    """One message that is gone; an update may name many."""
    listed = told.get("message_ids")
    number = listed[0] if isinstance(listed, list) and listed else None
    place = _Place.of(told | {"message_id": number})
    return UnifiedMessage(
        external_id=f"{place.message_id}:delete",
        external_thread_id=place.thread,
        direction=Direction.INBOUND,
        sender=_chat(place.chat),
        kind=MessageKind.DELETE,
        target_id=place.message_id,
        metadata={"update_id": update_id, **NO_CONVERSATION},
    )


def _unknown(update_id: str, name: str, told: dict[str, Any]) -> UnifiedMessage:
    """An update of a kind that came after this was written."""
    if not update_id:
        raise InvalidPayload("an update without its id")
    inner = object_of(told.get("message"))
    chat = object_of(told.get("chat")) or object_of(inner.get("chat"))
    sender = _sender(told) or _sender({"from": told.get("user")})
    return UnifiedMessage(
        external_id=f"update:{update_id}:{name[:_LONGEST_NAME]}",
        external_thread_id=id_of(chat.get("id")) or None,
        direction=Direction.INBOUND,
        sender=sender or (_chat(chat) if id_of(chat.get("id")) else _nobody()),
        body_text=f"Something from Telegram that we do not know: {name[:_LONGEST_NAME]}",
        sent_at=moment_of(told.get("date")),
        kind=MessageKind.UNSUPPORTED,
        metadata={"update_id": update_id, **NO_CONVERSATION},
    )


def _event(
    update_id: str,
    service: str,
    *,
    sender: Participant,
    thread: str | None,
    text: str,
    metadata: dict[str, Any],
    date: Any,
) -> UnifiedMessage:
    if not update_id:
        raise InvalidPayload("an update without its id")
    return UnifiedMessage(
        external_id=f"update:{update_id}:{service}",
        external_thread_id=thread,
        direction=Direction.INBOUND,
        sender=sender,
        body_text=text,
        sent_at=moment_of(date),
        kind=MessageKind.EVENT,
        metadata=filled(metadata)
        | {"service": service, "update_id": update_id}
        | NO_CONVERSATION,
    )


def _sender(told: dict[str, Any]) -> Participant | None:
    """Who wrote it; behind an anonymous one stands a bot of Telegram's, so the chat comes first."""
    chat = object_of(told.get("sender_chat"))
    if id_of(chat.get("id")):
        return _chat(chat)
    user = object_of(told.get("from"))
    user_id = id_of(user.get("id"))
    if not user_id:
        return None
    return Participant(kind="telegram_user", value=user_id, name=_name(user))


def _chat(chat: dict[str, Any]) -> Participant:
    """A chat as somebody; a private one bears the id of the person."""
    is_person = chat.get("type") in (None, "private")
    return Participant(
        kind="telegram_user" if is_person else "telegram_chat",
        value=id_of(chat.get("id")),
        name=word_of(chat.get("title")) or _name(chat),
    )


def _nobody() -> Participant:
    return Participant(kind="telegram_user", value=UNKNOWN_SENDER)


def _name(person: dict[str, Any]) -> str | None:
    names = (word_of(person.get("first_name")), word_of(person.get("last_name")))
    return " ".join(filter(None, names)) or word_of(person.get("username")) or None


def _origin_name(origin: dict[str, Any]) -> str | None:
    user, chat = object_of(origin.get("sender_user")), object_of(origin.get("chat"))
    named = word_of(origin.get("sender_user_name"))
    return _name(user) or named or word_of(chat.get("title")) or None


def _iso(seconds: Any) -> str | None:
    moment = moment_of(seconds)
    return moment.isoformat() if moment else None


def _checked(message: UnifiedMessage, **changes: Any) -> UnifiedMessage:
    """The message with these changes, as valid as one that was read so."""
    return UnifiedMessage.model_validate(message.model_dump() | changes)
