"""What an element of `messaging[]` says: on Messenger and Instagram the same shapes."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from app.channels.meta.content import Content, listed, notice, structured, unsupported
from app.channels.meta.fields import (
    digest_of,
    identifier,
    kept,
    moment_of_stamp,
    number,
    record,
    records,
    text,
)
from app.domain.unified_message import MAX_TEXT, Attachment, MessageKind
from app.errors import InvalidPayload

#: Types whose address is the file itself; of the others it is a page.
_FILES = frozenset(
    {"image", "video", "audio", "file", "sticker", "animated_image", "story_mention"}
)
_CONTENT_TYPES = {"image": "image/*", "video": "video/*", "audio": "audio/*"}
_SHARED = {
    "share": "Shared",
    "fallback": "Shared",
    "ig_reel": "Shared a reel",
    "reel": "Shared a reel",
    "ig_post": "Shared a post",
    "post": "Shared a post",
    "ig_story": "Shared a story",
    "story_mention": "Mentioned us in a story",
    "template": "Template",
}
_MAX_FILES = 100
_MAX_TARGETS = 1000


def read_content(element: dict[str, Any], person: str) -> Content:
    """Read an element; what nobody has taught us is unsupported.

    `person` is the id of who is on the other side. Raises InvalidPayload where a message lacks its id.
    """
    for name, reader in _READERS.items():
        if isinstance(element.get(name), dict):
            return reader(element, person)
    told = sorted(set(element) - {"sender", "recipient", "timestamp"})
    name = told[0] if told else "nothing"
    content = unsupported(name)
    if name in _NOTICES:
        content = notice(name, name.replace("_", " "), structured={name: element[name]})
    return _under(content, f"{name[:100]}:{_stamp(element, person)}")


def _message(element: dict[str, Any], person: str) -> Content:
    message = record(element.get("message"))
    mid = _mid(message)
    if message.get("is_deleted") is True:
        return Content(MessageKind.DELETE, target_id=mid, external_id=f"{mid}:delete")
    if message.get("is_unsupported") is True:
        return _under(unsupported("not shown to programs"), mid)
    body = text(message.get("text"))[:MAX_TEXT]
    files, shared, lines = _attachments(message)
    parts = shared | _parts(message, element)
    if "story_reply" in parts:
        lines.append("Replied to a story")
    if "referral" in parts and not body:
        lines.append(_referral_words(parts["referral"]))
    words = body or "\n".join(lines)[:MAX_TEXT]
    unknown = parts.get("attachments", [])
    if not words and not files:
        sort = text(unknown[0].get("type")) if unknown else ""
        return _under(unsupported(f"attachment {sort}" if sort else "empty"), mid)
    return Content(
        MessageKind.TEXT if words else MessageKind.MEDIA,
        words or None,
        files,
        kept(structured=parts or None),
        external_id=mid,
    )


def _attachments(
    message: dict[str, Any],
) -> tuple[list[Attachment], dict[str, Any], list[str]]:
    """The files, what else is shared by its type, and words for the latter."""
    files: list[Attachment] = []
    shared: dict[str, Any] = {}
    lines: list[str] = []
    for one in _distinct(message.get("attachments")):
        sort, payload = text(one.get("type")), record(one.get("payload"))
        url = text(payload.get("url"))
        if sort == "location":
            where = record(payload.get("coordinates"))
            place = " ".join(filter(None, map(number, islice(where.values(), 2))))
            shared[sort] = payload
            lines.append(f"Location: {listed(text(one.get('title')), place)}")
        elif sort in _SHARED:
            shared[sort] = one
            title = text(payload.get("title")) or text(one.get("title"))
            address = "" if sort in _FILES else url or text(one.get("url"))
            lines.append(" ".join(filter(None, (f"{_SHARED[sort]}:", title, address))))
        elif not url or sort not in _FILES:
            shared.setdefault("attachments", []).append(one)
        if url and (sort in _FILES or sort not in _SHARED):
            files.append(
                Attachment(
                    name=text(payload.get("title"))
                    or text(payload.get("name"))
                    or None,
                    content_type=_CONTENT_TYPES.get(sort),
                    url=url,
                )
            )
    return files, shared, [line.rstrip(": ") for line in lines]


def _distinct(attachments: Any) -> Iterator[dict[str, Any]]:
    """The attachments, without the image that a sticker was also sent as for a time."""
    found = list(islice(records(attachments), _MAX_FILES))
    stickers = {_sticker(one) for one in found if one.get("type") == "sticker"} - {""}
    for one in found:
        if one.get("type") == "sticker" or _sticker(one) not in stickers:
            yield one


def _sticker(attachment: dict[str, Any]) -> str:
    payload = record(attachment.get("payload"))
    return identifier(payload.get("sticker_id") or attachment.get("sticker_id"))


def _parts(message: dict[str, Any], element: dict[str, Any]) -> dict[str, Any]:
    referral = record(message.get("referral")) or record(element.get("referral"))
    return kept(
        quick_reply=record(message.get("quick_reply")) or None,
        story_reply=record(record(message.get("reply_to")).get("story")) or None,
        referral=referral or None,
        commands=message.get("commands") or None,
    )


def _edit(element: dict[str, Any], person: str) -> Content:
    edit = record(element.get("message_edit"))
    mid = _mid(edit)
    # Edits are numbered; the time stands in where the number is missing.
    count = identifier(edit.get("num_edit")) or identifier(element.get("timestamp"))
    return Content(
        MessageKind.EDIT,
        text(edit.get("text"))[:MAX_TEXT] or None,
        target_id=mid,
        external_id=f"{mid}:edit:{count}",
    )


def _reaction(element: dict[str, Any], person: str) -> Content:
    reaction = record(element.get("reaction"))
    mid = _mid(reaction)
    is_removed = text(reaction.get("action")) == "unreact"
    emoji = text(reaction.get("emoji")) or text(reaction.get("reaction")) or None
    sender = identifier(record(element.get("sender")).get("id"))
    return Content(
        MessageKind.REACTION,
        None if is_removed else emoji,
        metadata={"emoji": None if is_removed else emoji},
        target_id=mid,
        external_id=f"{mid}:reaction:{sender}:{identifier(element.get('timestamp'))}",
    )


def _delivery(element: dict[str, Any], person: str) -> Content:
    delivery = record(element.get("delivery"))
    mids = delivery.get("mids")
    targets = list(map(identifier, mids if isinstance(mids, list) else []))
    watermark = identifier(delivery.get("watermark"))
    mark = watermark or digest_of(delivery)
    return _seen(
        "delivered", watermark, targets, external_id=f"delivery:{person}:{mark}"
    )


def _read(element: dict[str, Any], person: str) -> Content:
    read = record(element.get("read"))
    watermark, mid = identifier(read.get("watermark")), identifier(read.get("mid"))
    if mid:  # Instagram names the message
        watermark = watermark or identifier(element.get("timestamp"))
        return _seen("read", watermark, [mid], external_id=f"{mid}:status:read")
    mark = watermark or _stamp(element, person)
    return _seen("read", watermark, [], external_id=f"read:{person}:{mark}")


def _seen(
    state: str, watermark: str, targets: list[str], *, external_id: str
) -> Content:
    """A status of all our messages up to a moment, or of those that are named."""
    moment = moment_of_stamp(watermark)
    targets = [one for one in targets[:_MAX_TARGETS] if one]
    facts = kept(
        status=state,
        watermark=moment.isoformat() if moment else None,
        targets=targets,
    )
    return Content(
        MessageKind.STATUS,
        metadata=facts,
        target_id=targets[0] if len(targets) == 1 else None,
        external_id=external_id,
    )


def _postback(element: dict[str, Any], person: str) -> Content:
    postback = record(element.get("postback"))
    words = text(postback.get("title")) or text(postback.get("payload"))
    mid = identifier(postback.get("mid"))
    content = structured("postback", postback, words[:MAX_TEXT] or "pressed a button")
    return _under(content, mid or f"postback:{_stamp(element, person)}")


def _referral(element: dict[str, Any], person: str) -> Content:
    referral = record(element.get("referral"))
    words = _referral_words(referral)
    content = notice("referral", words, structured={"referral": referral})
    return _under(content, f"referral:{_stamp(element, person)}")


def _referral_words(referral: dict[str, Any]) -> str:
    ad = record(referral.get("ads_context_data"))
    source = text(referral.get("source")).lower().replace("_", " ")
    told = text(ad.get("ad_title")) or text(referral.get("ref")) or source
    kind = "an ad" if referral.get("ad_id") or source == "ads" else "a link"
    return f"Came from {kind}: {told}".rstrip(": ")


def _under(content: Content, external_id: str) -> Content:
    """The content under an id of its own."""
    return Content(
        content.kind,
        content.text,
        content.attachments,
        content.metadata,
        content.target_id,
        external_id,
    )


def _stamp(element: dict[str, Any], person: str) -> str:
    """Tells an element without an id from others of its kind."""
    stamp = identifier(element.get("timestamp"))
    return f"{person}:{stamp}" if stamp and person else digest_of(element)


def _mid(part: dict[str, Any]) -> str:
    mid = identifier(part.get("mid"))
    if not mid:
        raise InvalidPayload("meta: an element without the id of its message")
    return mid


_READERS: dict[str, Callable[[dict[str, Any], str], Content]] = {
    "message": _message,
    "message_edit": _edit,
    "reaction": _reaction,
    "delivery": _delivery,
    "read": _read,
    "postback": _postback,
    "referral": _referral,
}
#: What passes between programs or tells of a person; known by name, no more.
_NOTICES = frozenset(
    {
        "account_linking",
        "app_roles",
        "message_context",
        "optin",
        "pass_thread_control",
        "policy_enforcement",
        "request_thread_control",
        "take_thread_control",
    }
)
