"""A Telegram update, read into the shape that all channels share."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from app.channels.base import Item
from app.channels.reading import (
    NO_CONVERSATION,
    filled,
    id_of,
    moment_of,
    object_of,
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
from app.channels.telegram.happenings import (
    read_button,
    read_connection,
    read_deletion,
    read_membership,
    read_reaction,
    read_unknown,
)
from app.channels.telegram.places import (
    Place,
    chat_of,
    direction_of,
    is_echo,
    name_of,
    writer_of,
)
from app.domain.unified_message import (
    Direction,
    MessageKind,
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
            "message_reaction": read_reaction,
            "callback_query": read_button,
            "my_chat_member": read_membership,
            "chat_member": read_membership,
            "business_connection": read_connection,
            "deleted_business_messages": read_deletion,
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
                return read_unknown(update_id, name, object_of(part))
            if not isinstance(part, dict):
                raise InvalidPayload(f"{name} is no object")
            return reader(update_id, part)

        external_id = f"update:{update_id}" if update_id else None
        return read_item(PROVIDER, update, read, external_id=external_id)

    def _message(self, update_id: str, told: dict[str, Any]) -> UnifiedMessage:
        """What somebody said in a chat, or what happened there."""
        place = Place.of(told)
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
        direction = direction_of(place, told)
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
        place = Place.of(told)
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


def _from(place: Place, told: dict[str, Any]) -> UnifiedMessage:
    """A message that says nothing yet: who, where and when."""
    sender = writer_of(told)
    chat = chat_of(place.chat)
    direction = direction_of(place, told)
    is_ours = direction is Direction.OUTBOUND
    return UnifiedMessage(
        external_id=place.message_id,
        external_thread_id=place.thread,
        direction=direction,
        sender=sender or chat,
        recipients=[Recipient(**chat.model_dump(), role="to")]
        if is_ours or place.chat.get("type") != "private"
        else [],
        sent_at=moment_of(told.get("date")),
    )


def _around(update_id: str, told: dict[str, Any], place: Place) -> dict[str, Any]:
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
    if is_echo(place, told):
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


def _origin_name(origin: dict[str, Any]) -> str | None:
    user, chat = object_of(origin.get("sender_user")), object_of(origin.get("chat"))
    named = word_of(origin.get("sender_user_name"))
    return name_of(user) or named or word_of(chat.get("title")) or None


def _iso(seconds: Any) -> str | None:
    moment = moment_of(seconds)
    return moment.isoformat() if moment else None


def _checked(message: UnifiedMessage, **changes: Any) -> UnifiedMessage:
    """The message with these changes, as valid as one that was read so."""
    return UnifiedMessage.model_validate(message.model_dump() | changes)
