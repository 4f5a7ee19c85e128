"""People write: what they say is kept, and those who listen are told in the provider's words."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from sandbox import chatwoot_calls, meta_calls, telegram_calls, twilio_calls
from sandbox.callbacks import Content
from sandbox.chats import Account, Conversation, Media, Message
from sandbox.world import world

#: Words by which people tell Twilio to stop, and to go on.
_STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
_START = frozenset({"START", "YES", "UNSTOP"})
_FIRST_UPDATE = 771_000_000
_PHOTO_SIDE = 90


@dataclass(frozen=True)
class Said:
    """What somebody says."""

    person: str
    """Whom the account knows the conversation by: of Telegram the chat."""
    text: str
    name: str = ""
    at: float | None = None
    message_id: str | None = None
    more: Content = field(default_factory=dict)
    """Further fields, or other ones, in the provider's words."""
    staff: bool = False
    """Said by one of us, by hand."""
    writer: str | None = None
    """Who it is, where several write in one chat."""
    media: Media | None = None
    base_url: str = ""
    """Where files can be fetched that have an address of their own."""


def arrive(account: Account, said: Said, copies: int | None = None) -> Message:
    """Keep what was said, and tell of it."""
    chats = world().chats
    conversation = chats.conversation(account, said.person, said.name or said.person)
    facts = _facts(account, said)
    message = chats.say(
        account,
        conversation,
        said.text,
        inbound=not said.staff,
        at=said.at,
        message_id=said.message_id,
        facts=facts,
    )
    if account.product == "twilio" and not said.staff:
        _heed(conversation, said.text)
    content = _content(account, conversation, message, said)
    if account.product == "telegram" and not account.settings.callback:
        world().updates.add(account.id, content)
    else:
        world().callbacks[account.product].tell(account, content, copies=copies)
    return message


def update(account: Account, name: str, told: Content) -> Content:
    """An update of Telegram with the next id."""
    number = _FIRST_UPDATE + world().chats.count(account, "updates")
    return {"update_id": number, name: told}


def _facts(account: Account, said: Said) -> dict[str, Any]:
    own = f"+{account.settings.number}"
    match account.product:
        case "whatsapp":
            return {"from": account.settings.number}
        case "twilio" if said.staff:
            return {"from": own, "to": said.person}
        case "twilio":
            return {"to": own, "num_media": int(said.media is not None)}
        case "telegram":
            more = said.more | _telegram_media(said)
            return {"from": said.writer or said.person, "more": more}
        case "chatwoot":
            return {"more": said.more | _chatwoot_media(said)}
    return {}


def _content(
    account: Account, conversation: Conversation, message: Message, said: Said
) -> Content:
    match account.product:
        case "whatsapp" if said.staff:
            return meta_calls.whatsapp_echo(message)
        case "whatsapp":
            more = _whatsapp_media(said) | said.more
            return meta_calls.whatsapp_message(message, conversation.name, more)
        case "messenger" | "instagram" if said.staff:
            return meta_calls.messaging_echo(account, message, None)
        case "messenger" | "instagram":
            more = _messaging_media(message, said) | said.more
            return meta_calls.messaging_message(account, message, more)
        case "telegram":
            described = telegram_calls.described(account, message, conversation.name)
            return update(account, "message", described)
        case "twilio":
            more = _twilio_media(account, message, said) | said.more
            return twilio_calls.incoming(account, message, more)
        case _:
            name = "message_created"
            return chatwoot_calls.event(name, account, conversation, message)


def _heed(conversation: Conversation, text: str) -> None:
    word = text.strip().upper()
    if word in _STOP or word in _START:
        conversation.opted_out = word in _STOP


def _kind(media: Media, others: str) -> str:
    """The provider's word for a kind of files."""
    kind = media.content_type.partition("/")[0]
    return kind if kind in ("image", "video", "audio") else others


def _whatsapp_media(said: Said) -> Content:
    if said.media is None:
        return {}
    kind = _kind(said.media, "document")
    told = {
        "id": said.media.id,
        "mime_type": said.media.content_type,
        "sha256": hashlib.sha256(said.media.content).hexdigest(),
    }
    caption = {"caption": said.text} if said.text else {}
    return {"type": kind, kind: told | caption}


def _messaging_media(message: Message, said: Said) -> Content:
    if said.media is None:
        return {}
    payload = {"url": f"{said.base_url}meta/files/{said.media.id}"}
    attachment = {"type": _kind(said.media, "file"), "payload": payload}
    told: Content = {"mid": message.id, "attachments": [attachment]}
    return {"message": told | ({"text": said.text} if said.text else {})}


def _telegram_media(said: Said) -> Content:
    if said.media is None:
        return {}
    size = {"file_size": len(said.media.content)}
    told = {"file_id": said.media.id, "file_unique_id": said.media.id, **size}
    words = {"caption": said.text} if said.text else {}
    if said.media.content_type.startswith("image/"):
        sides = {"width": _PHOTO_SIDE, "height": _PHOTO_SIDE}
        return {"text": None, "photo": [told | sides], **words}
    document = told | {"mime_type": said.media.content_type}
    return {"text": None, "document": document, **words}


def _twilio_media(account: Account, message: Message, said: Said) -> Content:
    if said.media is None:
        return {}
    messages = f"twilio/2010-04-01/Accounts/{account.id}/Messages"
    return {
        "NumMedia": "1",
        "MediaUrl0": f"{said.base_url}{messages}/{message.id}/Media/ME{said.media.id}",
        "MediaContentType0": said.media.content_type,
    }


def _chatwoot_media(said: Said) -> Content:
    if said.media is None:
        return {}
    path = "chatwoot/rails/active_storage/blobs/redirect"
    address = f"{said.base_url}{path}/{said.media.id}/file"
    attachment = {
        "id": int(said.media.id),
        "file_type": _kind(said.media, "file"),
        "data_url": address,
        "file_size": len(said.media.content),
    }
    return {"attachments": [attachment]}
