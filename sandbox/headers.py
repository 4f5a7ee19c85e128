"""Reads mail headers as they come, which is often broken.

The standard library's modern policy raises on damaged addresses and unknown charsets;
here everything yields some text, or nothing.
"""

import calendar
import email.header
import email.utils
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.errors import HeaderParseError

_FOLD = re.compile(r"[\r\n]+[ \t]*")
_ADDRESS = re.compile(r"[^\s<>()\[\]\",;:@]+@[^\s<>()\[\]\",;:@]+")
_LAST_WRITABLE_SECOND = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


def readable(raw: bytes, charset: str | None = None) -> str:
    """Decode bytes as declared, as UTF-8 or as cp1252; never with a surrogate."""
    for candidate in (charset, "utf-8"):
        try:
            text = raw.decode(candidate) if candidate else None
        except (LookupError, ValueError):  # no such charset, not for text, or wrong
            continue
        if text is not None:
            # UTF-7 and the escape codecs decode to lone surrogates without complaint.
            return text.encode("utf-8", "replace").decode("utf-8")
    return raw.decode("cp1252", "replace")


def unfolded(value: str) -> str:
    """One line of text from a header value as the parser left it."""
    text = readable(value.encode("utf-8", "surrogateescape"))
    return _FOLD.sub(" ", text).strip()


def decoded(value: str) -> str:
    """Like `unfolded`, with encoded words (RFC 2047) read where they can be."""
    line = unfolded(value)
    if "=?" not in line:
        return line
    try:
        words = email.header.decode_header(line)
    except (HeaderParseError, ValueError):
        return line
    return "".join(_word(word, charset) for word, charset in words)


def addresses(values: Iterable[str]) -> list[dict[str, str]]:
    """The people a header names, in Aurinko's shape; names may be empty."""
    lines = [unfolded(value) for value in values]
    try:
        pairs = email.utils.getaddresses(lines)
    except (ValueError, IndexError, RecursionError):  # nested comments, mostly
        pairs = []
    found = [(decoded(name), address) for name, address in pairs if "@" in address]
    if not found:
        found = [("", address) for line in lines for address in _ADDRESS.findall(line)]
    return [
        {
            "name": name,
            "address": address,
            "raw": f"{name} <{address}>" if name else address,
        }
        for name, address in found
    ]


def epoch(text: str) -> int | None:
    """Unix seconds of a date in mail or mbox form; without a zone it is UTC."""
    try:
        parsed = email.utils.parsedate_tz(text)
        if parsed is None:
            return None
        seconds = calendar.timegm((*parsed[:6], 0, 0, 0)) - (parsed[9] or 0)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return seconds if 0 < seconds <= _LAST_WRITABLE_SECOND else None


def iso(seconds: int | None) -> str | None:
    """Unix seconds as Aurinko writes times."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _word(word: bytes | str, charset: str | None) -> str:
    if isinstance(word, str):
        return word
    if charset is None:  # the text between encoded words comes back in this codec
        return readable(word, "raw-unicode-escape")
    return readable(word, charset.partition("*")[0])
