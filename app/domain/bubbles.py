"""Several short messages that are meant as one: "hi", "I need", "help".

Whoever writes in a messenger presses Enter where others begin a new line. So a message there is
judged and answered only after its conversation has been quiet for a moment, and then with all that
was said since our last word. Mail says everything at once and never waits.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.domain.unified_message import Channel

MESSAGING = frozenset(
    {
        Channel.WHATSAPP,
        Channel.SMS,
        Channel.FACEBOOK,
        Channel.INSTAGRAM,
        Channel.TELEGRAM,
        Channel.CHATWOOT,
    }
)

#: Of what has been said since our last word; more is a story, and its end counts.
MOST_BUBBLES = 10
_LONGEST = 8_000


def quiet_at(channel: str, received_at: datetime, pause: timedelta) -> datetime | None:
    """When a conversation is quiet, if this is the last that is said; None where nobody waits."""
    return received_at + pause if channel in MESSAGING and pause else None


def as_one(texts: Sequence[str]) -> str:
    """The bubbles as one text, the end of it where it is long."""
    return "\n".join(text for text in texts if text)[-_LONGEST:]
