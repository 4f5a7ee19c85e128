"""Puts a mail in the shape in which Aurinko hands it out. No mail is too broken for it."""

import html
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from email.errors import MessageError
from email.message import Message
from email.parser import BytesParser
from typing import Any, Literal, NamedTuple

from sandbox import headers
from sandbox.mailbox import Entry, Mailbox

BodyType = Literal["html", "text"]
Record = dict[str, Any]

_SNIPPET = 200
#: The snippet is made from so much of the body; the rest need not be looked at.
_SNIPPET_SOURCE = 4000
_PARSER = BytesParser()
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_TAG = re.compile(r"(<[^<>]*>)")
_TAG_NAME = re.compile(r"</?\s*(\w+)")
_LINE_ENDING_TAGS = {"br", "p", "div", "tr", "li", "table", "h1", "h2", "h3"}
_UNSEEN_TAGS = {"style", "script", "title"}
_MEETING_METHODS = {"request", "reply", "cancel", "counter"}


class _Text(NamedTuple):
    """A piece of the body."""

    subtype: BodyType
    text: str


def record(mailbox: Mailbox, entry: Entry, body_type: BodyType) -> Record:
    """One message, whole."""
    message = _parsed(mailbox.raw(entry))
    body, attachments = _body(message, body_type), list(_attachments(message))
    received = headers.iso(entry.received or None)
    sent_at = headers.epoch(_first(message, "Date"))
    fields: Record = {
        "id": entry.id,
        "threadId": mailbox.thread_id(entry),
        "internetMessageId": headers.unfolded(_first(message, "Message-ID")) or None,
        "createdTime": received,
        "lastModifiedTime": received,
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
        "folderId": entry.labels[0].upper(),
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
    for number, part in enumerate(_attachments(_parsed(mailbox.raw(entry))), start=1):
        description = _described(number, part)
        if description["id"] == attachment_id:
            content = b64encode(_content(part)).decode("ascii")
            return {**description, "content": content}
    return None


def _parsed(raw: bytes) -> Message:
    """Parse as far as needed: most mails have one part, whose lines nobody must see."""
    end = _END_OF_HEADERS.search(raw)
    head, body = (raw[: end.end()], raw[end.end() :]) if end else (raw, b"")
    message = _PARSER.parsebytes(head)
    if message.get_content_maintype() in {"multipart", "message"}:
        try:
            return _PARSER.parsebytes(raw)
        except RecursionError:  # parts within parts within parts: shown as it stands
            message.replace_header("Content-Type", "text/plain")
    if end:
        message.set_payload(body.decode("ascii", "surrogateescape"))
    return message


def _first(message: Message, name: str) -> str:
    return next(_all(message, name), "")


def _all(message: Message, name: str) -> Iterator[str]:
    # Not `message.get_all`: it wraps 8-bit values in objects that raise when read.
    return (v for n, v in message.raw_items() if n.lower() == name.lower())


def _body(message: Message, wanted: BodyType) -> str:
    pieces = list(_texts(message, wanted))
    if wanted == "html":
        return "\n".join(
            text if subtype == "html" else _as_html(text) for subtype, text in pieces
        )
    return "\n".join(
        text if subtype == "text" else _as_text(text) for subtype, text in pieces
    )


def _texts(part: Message, wanted: BodyType) -> Iterator[_Text]:
    """The pieces of the body in their order; of alternatives only the wanted one."""
    if part.get_content_type() == "multipart/alternative" and part.is_multipart():
        choices = [list(_texts(child, wanted)) for child in _children(part)]
        choices = [choice for choice in choices if choice]
        suited = [c for c in choices if any(t.subtype == wanted for t in c)]
        yield from (suited or choices or [[]])[-1]
    elif part.get_content_maintype() == "multipart" and part.is_multipart():
        for child in _children(part):
            yield from _texts(child, wanted)
    elif _is_body(part):
        text = headers.readable(_content(part), _charset(part))
        subtype: BodyType = "html" if part.get_content_subtype() == "html" else "text"
        yield _Text(subtype, text)


def _attachments(part: Message) -> Iterator[Message]:
    if part.get_content_maintype() == "multipart" and part.is_multipart():
        for child in _children(part):
            yield from _attachments(child)
    elif not _is_body(part):
        yield part


def _children(part: Message) -> Sequence[Message]:
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)]


def _is_body(part: Message) -> bool:
    if part.is_multipart():  # an attached message
        return False
    if part.get_content_disposition() == "attachment" or _filename(part):
        return False
    # A multipart without parts is a broken one; what it holds is shown.
    return part.get_content_type() in {"text/plain", "text/html"} or (
        part.get_content_maintype() == "multipart"
    )


def _content(part: Message) -> bytes:
    try:
        if part.is_multipart():
            return b"\n".join(child.as_bytes() for child in _children(part))
        payload = part.get_payload(decode=True)
    except (MessageError, ValueError, LookupError, RecursionError):
        return b""
    return payload if isinstance(payload, bytes) else b""


def _charset(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except (ValueError, LookupError):
        return None


def _filename(part: Message) -> str | None:
    try:
        name = part.get_filename()
    except (ValueError, LookupError):
        return "unnamed"
    return headers.decoded(name) if name else None


def _described(number: int, part: Message) -> Record:
    content_id = headers.unfolded(_first(part, "Content-ID")).strip("<>")
    return {
        "id": f"att-{number}",
        "name": _filename(part),
        "mimeType": part.get_content_type(),
        "size": len(_content(part)),
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
    text = _as_text(start) if body_type == "html" else start
    return " ".join(text.split())[:_SNIPPET]


def _as_html(text: str) -> str:
    lines = html.escape(text.strip("\r\n"), quote=False).splitlines()
    return "<div>" + "<br>\n".join(lines) + "</div>"


def _as_text(markup: str) -> str:
    """What a reader sees of HTML; one pass, whatever the markup."""
    seen, unseen = [], ""
    for piece in _TAG.split(markup):
        if not piece.startswith("<"):
            seen.append("" if unseen else piece)
            continue
        match = _TAG_NAME.match(piece)
        name = match.group(1).lower() if match else ""
        if unseen:
            unseen = "" if piece.startswith("</") and name == unseen else unseen
        elif name in _UNSEEN_TAGS and not piece.startswith("</"):
            unseen = name
        elif name in _LINE_ENDING_TAGS:
            seen.append("\n")
    return html.unescape("".join(seen)).strip()
