"""Tells a redelivery from a second message of the same words, where a gateway gives no ids.

Time is cut into windows, and the same words between the same two within one window are one message.
Two "ok" that are further apart than two windows are two messages, always. A redelivery that bears
the time of the first delivery has its fingerprint; one that is stamped anew may have come into the
next window, so who looks for a known message looks for the window before as well:

    {fingerprint_of_text(..., at, window), fingerprint_of_text(..., at - window, window)}

finds whatever came less than `window` ago.
"""

import hashlib
import json
import unicodedata
from datetime import datetime, timedelta

from app.domain.identifiers import identity_key


def fingerprint_of_text(
    sender: str, recipient: str, text: str, at: datetime, window: timedelta
) -> str:
    """Return what is the same for the same words between the same two within one window of time.

    `at` is aware: the gateway's own time where it tells one, else the time of receipt.
    """
    said = " ".join(unicodedata.normalize("NFC", text).split())
    number = int(at.timestamp() // window.total_seconds())
    people = [identity_key("phone", sender), identity_key("phone", recipient)]
    parts = json.dumps([*people, said, number])
    return hashlib.sha256(parts.encode("utf-8", "replace")).hexdigest()
