"""What models are told, and how what others wrote is shown to them.

A prompt is a text file named `<purpose>_<number>.txt`. A changed prompt is a new file: stored
judgements and drafts name the version they came from.
"""

import json
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Any

from app.domain.redaction import redacted

_CUT = " […] "
#: Joiners hold emoji and the letters of some scripts together.
_KEPT = frozenset("\n\t\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")
#: Control and format characters, surrogates, private use: what no reader sees.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co"})


@cache
def load(version: str) -> str:
    """Return the prompt of a version such as `classify/1`."""
    name = version.replace("/", "_") + ".txt"
    return files(__name__).joinpath(name).read_text("utf-8").strip()


@cache
def texts() -> tuple[str, ...]:
    """Return all prompts: what no reply may repeat."""
    found = [one for one in files(__name__).iterdir() if one.name.endswith(".txt")]
    return tuple(one.read_text("utf-8") for one in found)


def plain(text: str, limit: int) -> str:
    """Return what a reader sees of a text: its beginning and some of its end.

    At most `limit` characters. What is hidden from people is hidden from models, and what opens
    something (keys, passwords, cards) is nobody's to see.
    """
    if len(text) > 4 * limit:  # looking at every character of a huge text takes long
        text = text[: 3 * limit] + text[-limit:]
    # Before it is cut: half of a key is not known for one.
    text = redacted("".join(filter(_is_seen, text))).strip()
    if len(text) <= limit:
        return text
    end = limit // 5
    return text[: limit - end - len(_CUT)] + _CUT + text[-end:]


def as_data(value: Any) -> str:
    """Write a value as JSON, which nothing inside can leave.

    Angle brackets are escaped as well: with them begin the marks by which models tell turns.
    """
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e")


def _is_seen(character: str) -> bool:
    return character in _KEPT or unicodedata.category(character) not in _UNSEEN
