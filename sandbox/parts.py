"""Takes a mail apart: its text as HTML or plain, and its attachments.

Built on the standard library's lenient parser, with its way round each place where that
still raises.
"""

import html
import re
from collections.abc import Iterator, Sequence
from email.errors import MessageError
from email.message import Message
from email.parser import BytesParser
from typing import Literal, NamedTuple

from sandbox import headers

BodyType = Literal["html", "text"]

#: Below this parts are not looked for, so that recursion has its end.
_DEEPEST = 50
_PARSER = BytesParser()
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_TAG = re.compile(r"(<[^<>]*>)")
_TAG_NAME = re.compile(r"</?\s*(\w+)")
_LINE_ENDING_TAGS = {"br", "p", "div", "tr", "li", "table", "h1", "h2", "h3"}
_UNSEEN_TAGS = {"style", "script", "title"}


class _Text(NamedTuple):
    """A piece of the body."""

    subtype: BodyType
    text: str


def parsed(raw: bytes) -> Message:
    """Parse as far as needed: most mails have one part, whose lines nobody must see."""
    end = _END_OF_HEADERS.search(raw)
    head, body = (raw[: end.end()], raw[end.end() :]) if end else (raw, b"")
    message = _PARSER.parsebytes(head)
    if message.get_content_maintype() in {"multipart", "message"}:
        if nested := _with_parts(raw):
            return nested
        message.replace_header("Content-Type", "text/plain")  # shown as it stands
    if end:
        message.set_payload(body.decode("ascii", "surrogateescape"))
    return message


def body(message: Message, wanted: BodyType) -> str:
    """The whole body in one form, converted where the mail has only the other."""
    convert = as_html if wanted == "html" else as_text
    return "\n".join(
        text if subtype == wanted else convert(text)
        for subtype, text in _texts(message, wanted)
    )


def attachments(part: Message) -> Iterator[Message]:
    """The parts that are not the body, in their order."""
    if _has_parts(part):
        for child in _children(part):
            yield from attachments(child)
    elif not _is_body(part):
        yield part


def content(part: Message) -> bytes:
    """The decoded bytes of a part; what cannot be decoded is empty."""
    try:
        if part.is_multipart():
            return b"\n".join(child.as_bytes() for child in _children(part))
        payload = part.get_payload(decode=True)
    except (MessageError, ValueError, LookupError, RecursionError):
        return b""
    return payload if isinstance(payload, bytes) else b""


def filename(part: Message) -> str | None:
    """The name a part has as a file, if any."""
    try:
        name = part.get_filename()
    except (ValueError, LookupError):
        return "unnamed"
    return headers.decoded(name) if name else None


def as_html(text: str) -> str:
    """Plain text in the simplest HTML that shows it."""
    lines = html.escape(text.strip("\r\n"), quote=False).splitlines()
    return "<div>" + "<br>\n".join(lines) + "</div>"


def as_text(markup: str) -> str:
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


def _with_parts(raw: bytes) -> Message | None:
    """Parse a mail of several parts, unless they are nested absurdly deep."""
    try:
        message = _PARSER.parsebytes(raw)
    except RecursionError:
        return None
    level: Sequence[Message] = [message]
    for _ in range(_DEEPEST):
        level = [child for part in level for child in _children(part)]
    return None if level else message


def _texts(part: Message, wanted: BodyType) -> Iterator[_Text]:
    """The pieces of the body in their order; of alternatives only the wanted one."""
    if _has_parts(part) and part.get_content_subtype() == "alternative":
        choices = [list(_texts(child, wanted)) for child in _children(part)]
        choices = [choice for choice in choices if choice]
        suited = [c for c in choices if any(t.subtype == wanted for t in c)]
        yield from (suited or choices or [[]])[-1]
    elif _has_parts(part):
        for child in _children(part):
            yield from _texts(child, wanted)
    elif _is_body(part):
        text = headers.readable(content(part), _charset(part))
        yield _Text("html" if part.get_content_subtype() == "html" else "text", text)


def _has_parts(part: Message) -> bool:
    """Whether it is a container; an attached message is not, it is one thing."""
    return part.is_multipart() and part.get_content_maintype() == "multipart"


def _children(part: Message) -> Sequence[Message]:
    payload = part.get_payload() if part.is_multipart() else []
    return [child for child in payload if isinstance(child, Message)]


def _is_body(part: Message) -> bool:
    if part.is_multipart():  # an attached message
        return False
    if part.get_content_disposition() == "attachment" or filename(part):
        return False
    # A multipart without parts is a broken one; what it holds is shown.
    return part.get_content_type() in {"text/plain", "text/html"} or (
        part.get_content_maintype() == "multipart"
    )


def _charset(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except (ValueError, LookupError):
        return None
