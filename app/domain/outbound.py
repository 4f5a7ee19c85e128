"""What we send: when two texts are the same one, and how often we try."""

import hashlib
import unicodedata
from datetime import timedelta

#: Calls of the provider that may fail before a message is given up.
MAX_SENDS = 3

#: How often a message whose outcome is unknown is looked for, at growing intervals.
MAX_CHECKS = 6

#: Clocks differ: an echo may claim to be older than our call.
ECHO_BEFORE = timedelta(minutes=5)
#: Providers may take their time; the same text later is another message.
ECHO_AFTER = timedelta(hours=1)
#: Where an echo does not say when it was sent: it may be read long after.
ECHO_READ_AFTER = timedelta(hours=24)


def text_digest(text: str) -> bytes:
    """Equal for a text and its echo: providers trim it, even out its white space and compose letters."""
    even = " ".join(unicodedata.normalize("NFC", text).split())
    return hashlib.sha256(even.encode()).digest()
