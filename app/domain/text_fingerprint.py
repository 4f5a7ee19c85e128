"""Tells a redelivery from a second message of the same words, where a sender gives no ids.

Time is cut into windows, and the same words between the same two within one window are one message.
A redelivery that bears the time of the first delivery has its fingerprint; one that is stamped anew
may have come into the next window, or be the first of the two to arrive. So a message is known as
well by the fingerprint of the window before and of the one after: whatever was sent less than
`WINDOW` apart is one, in any order, and two "ok" that are further apart than two windows are two.
"""

import hashlib
import json
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.identifiers import identity_key

#: Longer than anybody repeats a request that was not answered, shorter than it takes to say so again.
WINDOW = timedelta(minutes=10)


@dataclass(frozen=True)
class TextFingerprint:
    """What a message without an id is known by."""

    own: str
    near: frozenset[str]
    """Under which the same message may have come a little before or after."""


def fingerprint_of_text(
    sender: str, recipient: str, text: str, at: datetime, window: timedelta = WINDOW
) -> TextFingerprint:
    """Return what is the same for the same words between the same two at about the same time.

    `at` is aware: the sender's own time where it tells one, else the time of receipt. Telephone
    numbers may be written in any way.
    """
    said = " ".join(unicodedata.normalize("NFC", text).split())
    people = [identity_key("phone", sender), identity_key("phone", recipient)]
    number = int(at.timestamp() // window.total_seconds())

    def within(place: int) -> str:
        parts = json.dumps([*people, said, place])
        return hashlib.sha256(parts.encode("utf-8", "replace")).hexdigest()

    return TextFingerprint(
        within(number), frozenset({within(number - 1), within(number + 1)})
    )
