"""Names and lines of strangers, without what could make them look like others."""

import re

#: Marks that reverse the text after them, and control characters. A name needs none.
_TRICKS = re.compile("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: object) -> str:
    """The text in one line, tricks left out; nothing for None."""
    return " ".join(_TRICKS.sub("", str(text or "")).split())
