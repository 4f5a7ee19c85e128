"""What happens to messages and chats at Telegram, beside what is said in them."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from app.channels.reading import (
    NO_CONVERSATION,
    filled,
    id_of,
    moment_of,
    object_of,
    objects_of,
    text_of,
    word_of,
)
from app.channels.telegram.places import Place, chat_of, nobody, writer_of
from app.domain.unified_message import (
    Direction,
    MessageKind,
    Participant,
    UnifiedMessage,
)
from app.errors import InvalidPayload

#: Of one person on one message; Telegram allows three.
_MAX_REACTIONS = 20
_LONGEST_NAME = 100
_BLOCKED = frozenset({"kicked", "left"})


def read_reaction(update_id: str, told: dict[str, Any]) -> UnifiedMessage:
    """All reactions of one person to one message, after a change."""
    place = Place.of(told)
    sender = writer_of(
        {"from": told.get("user"), "sender_chat": told.get("actor_chat")}
    )
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
    for reaction in islice(objects_of(listed), _MAX_REACTIONS):
        emoji = word_of(reaction.get("emoji"))
        if custom := id_of(reaction.get("custom_emoji_id")):
            emoji = f"custom:{custom}"
        found.append(emoji or word_of(reaction.get("type")) or "unknown")
    return found


def read_button(update_id: str, told: dict[str, Any]) -> UnifiedMessage:
    """A button that somebody pressed below a message: an answer of one word."""
    sender = writer_of(told)
    query_id = id_of(told.get("id"))
    if sender is None or not query_id:
        raise InvalidPayload("a pressed button without who pressed it")
    pressed = object_of(told.get("message"))
    given = text_of(told.get("data")) or text_of(told.get("game_short_name"))
    label = next(_labels(pressed, given), "") if given else ""
    place = Place.of(pressed) if pressed else None
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


def read_membership(update_id: str, told: dict[str, Any]) -> UnifiedMessage:
    """Somebody came or went; in a private chat that is: blocked the bot, or let it in again."""
    place = Place.of(told, needs_number=False)
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
        sender=writer_of(told) or chat_of(place.chat),
        thread=place.thread,
        text=text[:_LONGEST_NAME],
        metadata=metadata,
        date=told.get("date"),
    )


def read_connection(update_id: str, told: dict[str, Any]) -> UnifiedMessage:
    """A business account was connected to the bot, or disconnected from it."""
    is_enabled = told.get("is_enabled") is not False
    return _event(
        update_id,
        "business_connection",
        sender=writer_of({"from": told.get("user")}) or nobody(),
        thread=None,
        text=f"The business account was {'' if is_enabled else 'dis'}connected",
        metadata={"business_connection_id": id_of(told.get("id"))},
        date=told.get("date"),
    )


def read_deletion(update_id: str, told: dict[str, Any]) -> UnifiedMessage:
    """One message that is gone; an update may name many."""
    listed = told.get("message_ids")
    number = listed[0] if isinstance(listed, list) and listed else None
    place = Place.of(told | {"message_id": number})
    return UnifiedMessage(
        external_id=f"{place.message_id}:delete",
        external_thread_id=place.thread,
        direction=Direction.INBOUND,
        sender=chat_of(place.chat),
        kind=MessageKind.DELETE,
        target_id=place.message_id,
        metadata={"update_id": update_id, **NO_CONVERSATION},
    )


def read_unknown(update_id: str, name: str, told: dict[str, Any]) -> UnifiedMessage:
    """An update of a kind that came after this was written."""
    if not update_id:
        raise InvalidPayload("an update without its id")
    inner = object_of(told.get("message"))
    chat = object_of(told.get("chat")) or object_of(inner.get("chat"))
    sender = writer_of(told) or writer_of({"from": told.get("user")})
    return UnifiedMessage(
        external_id=f"update:{update_id}:{name[:_LONGEST_NAME]}",
        external_thread_id=id_of(chat.get("id")) or None,
        direction=Direction.INBOUND,
        sender=sender or (chat_of(chat) if id_of(chat.get("id")) else nobody()),
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
