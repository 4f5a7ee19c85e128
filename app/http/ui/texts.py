"""How single values look on a page: times, sizes, names, and the text of a message."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.domain.mail_text import split_reply
from app.domain.printable import plain as plain

#: Characters of one message that a page shows; the rest is in the API.
MOST_SHOWN = 50_000

_MINUTE, _HOUR, _DAY = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))

#: Scripts that one language writes, or nearly so; Persian and Urdu have letters that Arabic lacks.
_SCRIPTS = (
    ("ja", re.compile("[\u3041-\u30fa]")),
    ("ko", re.compile("[\uac00-\ud7a3]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("", re.compile("[پچژگکیٹڈےں]")),
    ("ar", re.compile("[\u0621-\u064a]")),
    ("he", re.compile("[\u05d0-\u05ea]")),
    ("el", re.compile("[\u03b1-\u03c9]")),
    ("th", re.compile("[\u0e01-\u0e2e]")),
)
_ENOUGH_LETTERS = 3

#: `WindowClosed: …`, as errors are written down.
_KIND_OF_ERROR = re.compile(r"\A[A-Z][A-Za-z]{1,40}: ")


@dataclass(frozen=True)
class ShownText:
    """A text in the parts in which it is read."""

    visible: str
    quoted: str
    language: str
    """Empty where its script does not tell: no voice should take it for English."""
    left_out: int
    """Characters that are not shown."""


def shown(text: str | None, html: str | None = None) -> ShownText:
    """What somebody wrote, apart from what they quoted and how they signed.

    `html` is the other form of the same message: it often tells better what is quoted.
    """
    whole = (text or "").strip()
    parts = split_reply(whole[:MOST_SHOWN], html)
    rest = "\n\n".join(part for part in (parts.signature, parts.quoted) if part)
    return ShownText(
        visible=parts.visible.strip(),
        quoted=rest,
        language=language(parts.visible),
        left_out=max(0, len(whole) - MOST_SHOWN),
    )


def reason(error: str | None) -> str:
    """What went wrong, without the name that programs have for it."""
    return plain(_KIND_OF_ERROR.sub("", error or "")).rstrip(".")


def language(text: str | None) -> str:
    """The language of a text as its script tells it; empty where that does not tell."""
    start = (text or "")[:1000]
    for name, letters in _SCRIPTS:
        if len(letters.findall(start)) >= _ENOUGH_LETTERS:
            return name
    return ""


def ago(moment: datetime) -> str:
    """How long ago, as people say it."""
    now = datetime.now(UTC)
    age = now - moment
    if age < _MINUTE:
        return "just now"
    if age < _HOUR:
        return f"{age // _MINUTE} min ago"
    if age < _DAY:
        return f"{age // _HOUR} h ago"
    if age < 7 * _DAY:
        days = age // _DAY
        return "yesterday" if days == 1 else f"{days} days ago"
    return _day(moment, with_year=moment.year != now.year)


def exact(moment: datetime) -> str:
    """The moment itself; nobody knows the reader's clock here, so it names its own."""
    utc = moment.astimezone(UTC)
    return f"{utc:%A} {_day(utc, with_year=True)}, {utc:%H:%M} UTC"


def hour(moment: datetime) -> str:
    """The beginning of an hour of these days."""
    utc = moment.astimezone(UTC)
    return f"{_day(utc, with_year=False)}, {utc:%H:%M} UTC"


def duration(seconds: float) -> str:
    """Some seconds, with as much precision as is worth reading."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} days"


def size(number: int) -> str:
    """A number of bytes."""
    if number < 1000:
        return f"{number} bytes"
    if number < 1_000_000:
        return f"{number / 1000:.0f} kB"
    return f"{number / 1_000_000:.1f} MB"


def _day(moment: datetime, *, with_year: bool) -> str:
    return f"{moment.day} {moment:%b %Y}" if with_year else f"{moment.day} {moment:%b}"
