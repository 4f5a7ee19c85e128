"""Makes any text storable: PostgreSQL refuses NUL characters and lone surrogates."""

import re
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def scrub_text(text: str) -> str:
    """Replace what PostgreSQL text cannot hold by U+FFFD."""
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def scrub(value: Any) -> Any:
    """Scrub every string of a JSON-like value, keys included."""
    if isinstance(value, str):
        return scrub_text(value)
    if isinstance(value, dict):
        return {scrub_text(str(key)): scrub(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [scrub(item) for item in value]
    return value
