"""What a message says, apart from who says it to whom."""

from dataclasses import dataclass, field
from typing import Any

from app.domain.unified_message import Attachment, MessageKind


@dataclass(frozen=True)
class Content:
    """What was understood of a message."""

    kind: MessageKind
    text: str | None = None
    attachments: list[Attachment] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    target_id: str | None = None
    external_id: str | None = None
    """None where the message has an id of its own."""


def unsupported(what: str, **metadata: Any) -> Content:
    """Content that nobody has taught us to read; the original is kept with it."""
    return Content(
        MessageKind.UNSUPPORTED, f"unsupported message: {what[:200]}", metadata=metadata
    )


def structured(sort: str, part: Any, words: str, **rest: Any) -> Content:
    """Content that is more than text: the provider's own fields, and words to read."""
    return Content(
        MessageKind.TEXT, words, metadata={"structured": {sort: part}}, **rest
    )


def notice(sort: str, words: str, **metadata: Any) -> Content:
    """What the provider tells of a conversation; nobody has said it."""
    return Content(MessageKind.EVENT, words, metadata={"event": sort, **metadata})


def listed(*words: str) -> str:
    """The words that there are, one after another."""
    return ", ".join(word for word in words if word)
