"""What became of a message after it was sent: edits, reactions, deletion, delivery, a call's course.

A message is what all its changes make of it together, in whatever order they arrive and however
often.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain.status import DeliveryStatus
from app.domain.unified_message import MessageKind

#: Kinds that say something of another message; they are no messages themselves.
CHANGING = frozenset(
    {
        MessageKind.REACTION,
        MessageKind.EDIT,
        MessageKind.DELETE,
        MessageKind.STATUS,
    }
)

#: A status only gives way to one of a higher rank; providers report them in any order.
RANKS = {
    DeliveryStatus.QUEUED: 1,
    DeliveryStatus.SENT: 2,
    DeliveryStatus.DELAYED: 3,
    DeliveryStatus.DELIVERED: 4,
    DeliveryStatus.READ: 5,
    DeliveryStatus.FAILED: 6,
}


@dataclass(frozen=True)
class Change:
    """One change, as it was received."""

    kind: MessageKind
    at: datetime
    key: str
    """Decides between changes of one moment, so that their order of arrival does not."""
    actor: str = ""
    text: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    """What the changes of a message make of it."""

    text: str | None = None
    """The newest text; None where it was never edited."""
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    reactions: dict[str, str] = field(default_factory=dict)
    """Who reacts with what, right now."""
    delivery_status: DeliveryStatus | None = None
    delivery_reason: str | None = None
    failed_by: str | None = None
    """The rule by which it was not delivered, where its provider's code is known."""
    call: dict[str, Any] = field(default_factory=dict)


def shape_of(changes: Iterable[Change]) -> Shape:
    """Apply changes to a message; the same set gives the same shape."""
    text: str | None = None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    reactions: dict[str, str] = {}
    status: DeliveryStatus | None = None
    reason: str | None = None
    rule: str | None = None
    call: dict[str, Any] = {}
    for change in sorted(changes, key=lambda one: (one.at, one.key)):
        match change.kind:
            case MessageKind.EDIT if change.text is not None:
                text, edited_at = change.text, change.at
            case MessageKind.DELETE:
                deleted_at = deleted_at or change.at
            case MessageKind.REACTION:
                reactions.pop(change.actor, None)
                if emoji := change.details.get("emoji"):
                    reactions[change.actor] = str(emoji)
            case MessageKind.STATUS:
                said = status_of(change.details)
                if said and (status is None or RANKS[said] > RANKS[status]):
                    status, reason = said, _reason(change.details)
                    rule = _rule(change.details)
            case MessageKind.CALL:
                told = change.details.get("call")
                call |= told if isinstance(told, dict) else {}
                text = change.text or text
    return Shape(text, edited_at, deleted_at, reactions, status, reason, rule, call)


def status_of(details: dict[str, Any]) -> DeliveryStatus | None:
    """The delivery status that a change reports; None for one that we do not know."""
    try:
        return DeliveryStatus(str(details.get("status")).lower())
    except ValueError:
        return None


def _rule(details: dict[str, Any]) -> str | None:
    rule = details.get("rule")
    return rule if isinstance(rule, str) else None


def _reason(details: dict[str, Any]) -> str | None:
    error = details.get("error")
    if not isinstance(error, dict):
        return None
    told = [
        str(error[name]) for name in ("code", "title", "message") if error.get(name)
    ]
    return ": ".join(told)[:500] or None
