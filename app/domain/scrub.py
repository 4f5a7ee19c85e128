"""Makes any text storable: PostgreSQL refuses NUL characters and lone surrogates."""

import math
import re
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

#: Deeper than any message; what walks values level by level must come to an end.
MAX_DEPTH = 100


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


def is_storable(value: Any) -> bool:
    """Whether a JSON-like value can be kept once scrubbed: 1e400 is JSON, and no number we can hold."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        if any(isinstance(one, float) and not math.isfinite(one) for one in level):
            return False
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return True
    return False
