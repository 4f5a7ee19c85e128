"""Puts a mail in the shape in which Aurinko hands it out, however broken it is."""

from base64 import b64encode
from collections.abc import Iterator
from email.message import Message
from typing import Any

from sandbox import headers, parts
from sandbox.entries import Entry
from sandbox.mailbox import Mailbox
from sandbox.parts import BodyType

Record = dict[str, Any]

_SNIPPET = 200
#: The snippet is made from so much of the body; the rest need not be looked at.
_SNIPPET_SOURCE = 4000
_MEETING_METHODS = {"request", "reply", "cancel", "counter"}


def record(mailbox: Mailbox, entry: Entry, body_type: BodyType) -> Record:
    """One message, whole."""
    message = parts.parsed(mailbox.raw(entry))
    body, attachments = parts.body(message, body_type), [*parts.attachments(message)]
    received = headers.iso(entry.received or None)
    sent_at = headers.epoch(_first(message, "Date"))
    fields: Record = {
        "id": entry.id,
        "threadId": mailbox.thread_id(entry),
        "internetMessageId": headers.unfolded(_first(message, "Message-ID")) or None,
        "createdTime": received,
        "lastModifiedTime": headers.iso(entry.modified or None),
        "sentAt": headers.iso(sent_at),
        "receivedAt": received or headers.iso(sent_at),
        "subject": headers.decoded(_first(message, "Subject")),
        "sysLabels": list(entry.labels),
        "keywords": [],
        "sysClassifications": [],
        "sensitivity": "normal",
        "from": next(iter(headers.addresses(_all(message, "From"))), None),
        "to": headers.addresses(_all(message, "To")),
        "cc": headers.addresses(_all(message, "Cc")),
        "bcc": headers.addresses(_all(message, "Bcc")),
        "replyTo": headers.addresses(_all(message, "Reply-To")),
        "hasAttachments": bool(attachments),
        "body": body,
        "bodySnippet": _snippet(body, body_type),
        "attachments": [
            _described(number, part) for number, part in enumerate(attachments, start=1)
        ],
        "inReplyTo": headers.unfolded(_first(message, "In-Reply-To")) or None,
        "references": headers.unfolded(_first(message, "References")) or None,
        "internetHeaders": [
            {"name": headers.unfolded(name), "value": headers.unfolded(value)}
            for name, value in message.raw_items()
        ],
        "meetingMessageMethod": _meeting_method(message),
        "folderId": entry.folder.upper(),
        "omitted": [],
    }
    # A field that Aurinko does not know is absent; these two are documented as null.
    return {
        name: value
        for name, value in fields.items()
        if value is not None or name in {"inReplyTo", "references"}
    }


def attachment(mailbox: Mailbox, entry: Entry, attachment_id: str) -> Record | None:
    """One attachment with its bytes, or None where the message has no such."""
    attachments = parts.attachments(parts.parsed(mailbox.raw(entry)))
    for number, part in enumerate(attachments, start=1):
        description = _described(number, part)
        if description["id"] == attachment_id:
            content = b64encode(parts.content(part)).decode("ascii")
            return {**description, "content": content}
    return None


def _described(number: int, part: Message) -> Record:
    content_id = headers.unfolded(_first(part, "Content-ID")).strip("<>")
    return {
        "id": f"att-{number}",
        "name": parts.filename(part),
        "mimeType": part.get_content_type(),
        "size": len(parts.content(part)),
        "inline": part.get_content_disposition() == "inline" or bool(content_id),
        "contentId": content_id or None,
    }


def _meeting_method(message: Message) -> str | None:
    for part in message.walk():
        if part.get_content_type() == "text/calendar":
            method = headers.unfolded(str(part.get_param("method", ""))).lower()
            return method if method in _MEETING_METHODS else "other"
    return None


def _snippet(body: str, body_type: BodyType) -> str:
    start = body[:_SNIPPET_SOURCE]
    text = parts.as_text(start) if body_type == "html" else start
    return " ".join(text.split())[:_SNIPPET]


def _first(message: Message, name: str) -> str:
    return next(_all(message, name), "")


def _all(message: Message, name: str) -> Iterator[str]:
    # Not `message.get_all`: it wraps 8-bit values in objects that raise when read.
    return (v for n, v in message.raw_items() if n.lower() == name.lower())
