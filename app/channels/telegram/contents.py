"""What a Telegram message says, whatever it consists of: text, files, and parts with a structure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from app.channels.reading import (
    count_of,
    filled,
    id_of,
    number_of,
    object_of,
    objects_of,
    text_of,
    word_of,
)
from app.domain.unified_message import MAX_TEXT, Attachment

#: Telegram's own address for a file that is known by its id only; `getFile` tells the real one.
FILE_PATH = "/file_id/"

#: Of one message; Telegram sends an album as several.
_MAX_FILES = 100
_MAX_LINKS = 100
_MAX_OPTIONS = 100

#: What holds a file, and what that is where it does not say. Animations come as documents as well.
_FILES = {
    "animation": "video/mp4",
    "photo": "image/jpeg",
    "video": "video/mp4",
    "video_note": "video/mp4",
    "voice": "audio/ogg",
    "audio": "audio/mpeg",
    "sticker": "image/webp",
    "document": None,
}

#: What happened in a chat rather than was said in it.
_HAPPENED = """
    boost_added channel_chat_created chat_background_set chat_owner_changed chat_owner_left
    chat_shared checklist_tasks_added checklist_tasks_done connected_website delete_chat_photo
    direct_message_price_changed forum_topic_closed forum_topic_created forum_topic_edited
    forum_topic_reopened general_forum_topic_hidden general_forum_topic_unhidden gift
    gift_upgrade_sent giveaway_completed giveaway_created group_chat_created left_chat_member
    message_auto_delete_timer_changed new_chat_members new_chat_photo new_chat_title
    paid_message_price_changed passport_data pinned_message proximity_alert_triggered
    refunded_payment successful_payment suggested_post_approval_failed suggested_post_approved
    suggested_post_declined suggested_post_paid suggested_post_refunded supergroup_chat_created
    unique_gift user_shared users_shared video_chat_ended video_chat_participants_invited
    video_chat_scheduled video_chat_started voice_chat_ended voice_chat_participants_invited
    voice_chat_scheduled voice_chat_started write_access_allowed
"""
SERVICE = frozenset(_HAPPENED.split())

#: What goes with a message and says nothing by itself.
_BESIDE = """
    author_signature business_connection_id caption_entities chat date direct_messages_topic
    edit_date effect_id entities external_reply forward_date forward_from forward_from_chat
    forward_from_message_id forward_origin forward_sender_name forward_signature from
    has_media_spoiler has_protected_content is_automatic_forward is_from_offline is_paid_post
    is_topic_message link_preview_options media_group_id message_id message_thread_id
    paid_star_count quote reply_markup reply_to_checklist_task_id reply_to_message reply_to_story
    sender_boost_count sender_business_bot sender_chat show_caption_above_media
    suggested_post_info via_bot
"""
_AROUND = frozenset(_BESIDE.split())


@dataclass(frozen=True)
class Contents:
    """What a message says."""

    text: str | None = None
    """For people, also where the message is no text."""
    attachments: list[Attachment] = field(default_factory=list)
    media: list[dict[str, Any]] = field(default_factory=list)
    structured: dict[str, Any] | None = None
    links: list[str] = field(default_factory=list)
    """Addresses that stand behind words."""

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.attachments or self.structured)


def read_contents(base_url: str, message: dict[str, Any]) -> Contents:
    """Return what a message says; empty where we know nothing of what it holds."""
    said = text_of(message.get("text")) or text_of(message.get("caption"))
    structured, readable = _structured(message)
    files = list(_files(base_url, message))[:_MAX_FILES]
    text = "\n".join(part for part in (said, readable) if part)
    return Contents(
        text=text[:MAX_TEXT] or None,
        attachments=[file for file, _ in files],
        media=[facts for _, facts in files],
        structured=structured,
        links=list(_links(message))[:_MAX_LINKS],
    )


def unknown_fields(message: dict[str, Any]) -> list[str]:
    """Return the names of what a message holds beside what goes with every message."""
    return [name for name in message if name not in _AROUND]


def service_of(message: dict[str, Any]) -> str | None:
    """Return what happened, where a message tells that rather than what somebody said."""
    return next((name for name in message if name in SERVICE), None)


def contact_number(contact: dict[str, Any]) -> str:
    """Return the number of a contact, which Telegram writes with and without its plus."""
    number = word_of(contact.get("phone_number"))
    return f"+{number}" if number.isdecimal() and number[:1] != "0" else number


def _files(
    base_url: str, message: dict[str, Any]
) -> Iterator[tuple[Attachment, dict[str, Any]]]:
    seen = set()
    for kind, file in _listed(message):
        file_id = id_of(file.get("file_id"))
        known = id_of(file.get("file_unique_id")) or file_id
        if not file_id or known in seen:
            continue
        seen.add(known)
        content_type = word_of(file.get("mime_type")).lower() or _FILES[kind]
        if kind == "sticker" and file.get("is_animated") is True:
            content_type = "application/x-tgsticker"
        elif kind == "sticker" and file.get("is_video") is True:
            content_type = "video/webm"
        yield (
            Attachment(
                name=word_of(file.get("file_name")) or None,
                content_type=content_type,
                size=count_of(file.get("file_size")),
                url=f"{base_url}{FILE_PATH}{quote(file_id, safe='')}",
            ),
            filled(
                {
                    "type": kind,
                    "id": id_of(file.get("file_unique_id")),
                    "seconds": count_of(file.get("duration")),
                    "width": count_of(file.get("width")),
                    "height": count_of(file.get("height")),
                }
            ),
        )


def _listed(message: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The files of a message with what they are."""
    for kind in _FILES:
        told = message.get(kind)
        if kind == "photo" and (sizes := list(objects_of(told))):
            yield kind, max(sizes, key=_pixels)
        elif isinstance(told, dict):
            yield kind, told
    for paid in objects_of(object_of(message.get("paid_media")).get("paid_media")):
        yield from _listed({name: paid[name] for name in _FILES if name in paid})


def _pixels(size: dict[str, Any]) -> int:
    return (count_of(size.get("width")) or 0) * (count_of(size.get("height")) or 0)


def _links(message: dict[str, Any]) -> Iterator[str]:
    for field_name in ("entities", "caption_entities"):
        for entity in objects_of(message.get(field_name)):
            if url := word_of(entity.get("url")):
                yield url[:2000]


def _structured(message: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """A part with a structure of its own, and how to say it."""
    for kind, read in _STRUCTURES.items():
        told = message.get(kind)
        if isinstance(told, dict):
            facts, readable = read(told)
            return {"type": kind} | filled(facts), readable
    return None, ""


def _location(told: dict[str, Any]) -> tuple[dict[str, Any], str]:
    latitude = number_of(told.get("latitude"))
    longitude = number_of(told.get("longitude"))
    facts = {
        "latitude": latitude,
        "longitude": longitude,
        "live_seconds": count_of(told.get("live_period")),
    }
    if latitude is None or longitude is None:
        return facts, "Location"
    kind = "Live location" if facts["live_seconds"] else "Location"
    return facts, f"{kind}: {latitude:.6f}, {longitude:.6f}"


def _venue(told: dict[str, Any]) -> tuple[dict[str, Any], str]:
    place, _ = _location(object_of(told.get("location")))
    facts = {name: word_of(told.get(name)) for name in ("title", "address")}
    return facts | place, _said("Place", facts["title"], facts["address"])


def _contact(told: dict[str, Any]) -> tuple[dict[str, Any], str]:
    name = " ".join(
        filter(None, (word_of(told.get("first_name")), word_of(told.get("last_name"))))
    )
    facts = {
        "name": name,
        "phone": contact_number(told),
        "user_id": id_of(told.get("user_id")),
        "vcard": word_of(told.get("vcard")),
    }
    return facts, _said("Contact", name, facts["phone"])


def _poll(told: dict[str, Any]) -> tuple[dict[str, Any], str]:
    options = [
        text_of(option.get("text")) for option in objects_of(told.get("options"))
    ]
    options = options[:_MAX_OPTIONS]
    question = text_of(told.get("question"))
    facts = {"id": id_of(told.get("id")), "question": question, "options": options}
    return facts, "\n".join(
        [_said("Poll", question), *(f"- {text}" for text in options)]
    )


def _dice(told: dict[str, Any]) -> tuple[dict[str, Any], str]:
    facts = {"emoji": word_of(told.get("emoji")), "value": count_of(told.get("value"))}
    return facts, f"{facts['emoji'] or 'Dice'} {facts['value'] or ''}".strip()


def _sticker(told: dict[str, Any]) -> tuple[dict[str, Any], str]:
    facts = {
        "emoji": word_of(told.get("emoji")),
        "set": word_of(told.get("set_name")),
        "id": id_of(told.get("file_unique_id")),
    }
    return facts, f"Sticker {facts['emoji'] or ''}".strip()


def _checklist(told: dict[str, Any]) -> tuple[dict[str, Any], str]:
    tasks = [text_of(task.get("text")) for task in objects_of(told.get("tasks"))]
    tasks = tasks[:_MAX_OPTIONS]
    title = text_of(told.get("title"))
    return {"title": title, "tasks": tasks}, "\n".join(
        [_said("Checklist", title), *(f"- {text}" for text in tasks)]
    )


def _web_app(told: dict[str, Any]) -> tuple[dict[str, Any], str]:
    facts = {
        "button": word_of(told.get("button_text")),
        "data": text_of(told.get("data")),
    }
    return facts, _said("Form", facts["button"], facts["data"])


def _titled(name: str) -> Callable[[dict[str, Any]], tuple[dict[str, Any], str]]:
    def read(told: dict[str, Any]) -> tuple[dict[str, Any], str]:
        facts = {
            "title": word_of(told.get("title")),
            "description": word_of(told.get("description")),
        }
        return facts, _said(name, facts["title"], facts["description"])

    return read


def _said(kind: str, *parts: str | None) -> str:
    told = ", ".join(part for part in parts if part)
    return f"{kind}: {told}" if told else kind


#: A place has a location as well, so it comes first.
_STRUCTURES: dict[str, Callable[[dict[str, Any]], tuple[dict[str, Any], str]]] = {
    "venue": _venue,
    "location": _location,
    "contact": _contact,
    "poll": _poll,
    "dice": _dice,
    "sticker": _sticker,
    "checklist": _checklist,
    "web_app_data": _web_app,
    "game": _titled("Game"),
    "invoice": _titled("Invoice"),
    "story": _titled("Story"),
    "giveaway": _titled("Giveaway"),
    "giveaway_winners": _titled("Giveaway winners"),
}
