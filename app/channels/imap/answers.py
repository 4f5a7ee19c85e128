"""What an IMAP server's answers mean: folders, and mails as they look from outside."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from imapclient.datetime_util import parse_to_datetime
from imapclient.imap_utf7 import decode as decode_utf7

_CLOSED = frozenset({"\\noselect", "\\nonexistent"})


@dataclass(frozen=True)
class Folder:
    """A folder as the server lists it."""

    name: str
    raw: bytes
    """The name as the server wants to hear it."""
    delimiter: str
    flags: frozenset[str]
    """In lower case."""


@dataclass(frozen=True)
class Opened:
    """The state of a folder when it was opened."""

    uid_validity: int
    last_uid: int


@dataclass(frozen=True)
class Look:
    """What is known of a mail before it is read."""

    uid: int
    flags: frozenset[str]
    """In lower case; Gmail's labels among them."""
    size: int
    received_at: datetime | None
    head: bytes
    """The few header fields that tell whether we have it."""
    thread: str | None


def folder_of(row: tuple[Any, Any, Any]) -> Folder | None:
    """A listed folder; None for one that cannot be opened."""
    flags, delimiter, raw = row
    told = _words(flags)
    raw = raw.encode() if isinstance(raw, str) else raw
    # A name that is not ASCII breaks the protocol, and cannot be said back to the server.
    if told & _CLOSED or not isinstance(raw, bytes) or not raw.isascii():
        return None
    try:
        name = decode_utf7(raw)
    except UnicodeError:
        name = raw.decode("ascii")
    told_delimiter = delimiter.decode("ascii", "replace") if delimiter else ""
    return Folder(name, raw, told_delimiter, told)


def fields_of(answer: Any) -> dict[str, Any]:
    """What one FETCH answer tells, by item; the first of an item counts."""
    if not isinstance(answer, tuple):
        return {}
    fields: dict[str, Any] = {}
    for name, value in zip(answer[::2], answer[1::2], strict=False):
        if isinstance(name, bytes):
            fields.setdefault(name.decode("ascii", "replace").upper(), value)
    return fields


def look_of(uid: int, fields: dict[str, Any] | None) -> Look | None:
    """A mail as its fields tell."""
    if fields is None:
        return None
    size, thread = fields.get("RFC822.SIZE"), fields.get("X-GM-THRID")
    return Look(
        uid=uid,
        flags=_words(fields.get("FLAGS")) | _words(fields.get("X-GM-LABELS")),
        size=size if isinstance(size, int) else 0,
        received_at=_moment(fields.get("INTERNALDATE")),
        head=bytes_of(fields, "BODY[HEADER") or b"",
        thread=str(thread) if isinstance(thread, int) else None,
    )


def bytes_of(fields: dict[str, Any], prefix: str) -> bytes | None:
    """The section whose name begins like this; servers write names in several ways."""
    for name, value in fields.items():
        if name.startswith(prefix):
            # A body of digits alone is read as a number.
            return str(value).encode() if isinstance(value, int) else value
    return None


def _words(listed: Any) -> frozenset[str]:
    words = listed if isinstance(listed, tuple) else ()
    return frozenset(
        word.decode("ascii", "replace").lower()
        for word in words
        if isinstance(word, bytes)
    )


def _moment(value: Any) -> datetime | None:
    try:
        moment: datetime = parse_to_datetime(value, normalise=False)
        return moment if moment.tzinfo else None
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
        return None
