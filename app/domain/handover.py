"""Who has a conversation: we, or another application or person to whom it was handed over.

Adapters say so in `metadata.handover`, as `{"to": "somebody"}` or `{"to": None}`; what is true is what
was said last, by the provider's time.
"""

from dataclasses import dataclass

from app.domain.unified_message import UnifiedMessage

#: An owner that the provider does not name.
ANOTHER = "another application"

#: Why nothing is drafted for the AI meanwhile.
HANDED_OVER = "handed_over"

_LONGEST_NAME = 200


@dataclass(frozen=True)
class Handover:
    """From the time of its message on."""

    owner: str | None
    """None: we have it."""


def handover_of(message: UnifiedMessage) -> Handover | None:
    """Return what a message says of who has its conversation; None where it says nothing."""
    told = message.metadata.get("handover")
    if not isinstance(told, dict) or "to" not in told or not message.external_thread_id:
        return None
    owner = told["to"]
    if owner is None:
        return Handover(None)
    return (
        Handover(owner.strip()[:_LONGEST_NAME] or ANOTHER)
        if isinstance(owner, str)
        else None
    )
