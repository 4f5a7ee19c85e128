"""What is known of a mail without looking into it: when it came, where it lies, whose it is."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from sandbox import headers, mbox

Fields = Mapping[bytes, bytes]

_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(
    rb"^(message-id|in-reply-to|references|from|received|date|status"
    rb"|x-gm-thrid|x-gmail-labels)[ \t]*:[ \t]*(.*(?:\n[ \t].*)*)",
    re.IGNORECASE | re.MULTILINE,
)
_LONGEST_HEADERS = 1 << 18
#: What Takeout calls the folders whose mails are no messages of the mailbox.
_GMAIL_LABELS = {"spam": "junk", "trash": "trash", "drafts": "draft"}
#: Other folders have names of their own, which `sysLabels` does not tell.
_LABELLED_FOLDERS = {"inbox", "sent", "junk", "trash", "draft"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One mail as it is now; a change makes another entry of the same number."""

    number: int
    """From 1, in the order in which the mailbox came to know the mails."""
    digest: str
    received: int
    """Unix seconds; 0 where the mail does not tell."""
    folder: str
    start: int = 0
    end: int = 0
    """Where it lies in the file; nowhere if it was added later."""
    unread: bool = False
    flagged: bool = False
    important: bool = False
    change: int = 0
    """The mailbox's count of changes when this one was made."""
    modified: int = 0
    renamed: int = 0
    """How often the provider has given it another id."""
    gone: bool = False

    @property
    def id(self) -> str:
        """Unique even among identical copies, and the same whenever the file is."""
        later = f"-{self.renamed}" if self.renamed else ""
        return f"sbx-{self.number:06d}-{self.digest}{later}"

    @property
    def place(self) -> tuple[int, int]:
        """What lists are ordered by: newest first."""
        return -self.received, -self.number

    @property
    def labels(self) -> tuple[str, ...]:
        """Aurinko's `sysLabels`."""
        folder = (self.folder,) if self.folder in _LABELLED_FOLDERS else ()
        flags = ("unread", "flagged", "important")
        return (*folder, *(flag for flag in flags if getattr(self, flag)))


def in_file(file: IO[bytes], owner: str) -> Iterator[tuple[Entry, Fields]]:
    """The mails of an mbox in their order, each with its header fields."""
    for number, (separator, start, end) in enumerate(mbox.spans(file), start=1):
        raw = mbox.read(file, start, end)
        fields = fields_of(raw)
        received = _received(separator, fields)
        folder, unread = _place(fields, owner)
        entry = Entry(
            number,
            digest(raw),
            received,
            folder,
            start,
            end,
            unread,
            change=number,
            modified=received,
        )
        yield entry, fields


def digest(raw: bytes) -> str:
    """The part of an id that follows from the mail itself."""
    return hashlib.blake2b(raw, digest_size=5).hexdigest()


def fields_of(raw: bytes) -> Fields:
    """The first of each header field that the index needs, by lower-case name."""
    end = _END_OF_HEADERS.search(raw, 0, _LONGEST_HEADERS)
    block = raw[: end.start() if end else _LONGEST_HEADERS]
    fields: dict[bytes, bytes] = {}
    for match in _FIELD.finditer(block):
        fields.setdefault(match.group(1).lower(), match.group(2).strip())
    return fields


def claimed_arrival(fields: Fields) -> int:
    """When the mail arrived, as the last server or the sender says; 0 if neither does."""
    return _received(b"", fields)


def _received(separator: bytes, fields: Fields) -> int:
    """When the mail arrived, as the mbox, the last server or the sender says."""
    envelope = separator.partition(b" ")[2].strip().partition(b" ")[2]
    for claim in (
        envelope,
        fields.get(b"received", b"").rpartition(b";")[2],
        fields.get(b"date", b""),
    ):
        if seconds := headers.epoch(headers.readable(claim)):
            return seconds
    return 0


def _place(fields: Fields, owner: str) -> tuple[str, bool]:
    """The folder of a mail, and whether it is still unread there."""
    sender = headers.addresses([headers.readable(fields.get(b"from", b""))])
    takeout = headers.decoded(headers.readable(fields.get(b"x-gmail-labels", b"")))
    gmail = {label.strip().lower() for label in takeout.split(",") if label.strip()}
    folder = next((_GMAIL_LABELS[each] for each in gmail if each in _GMAIL_LABELS), "")
    if not folder:
        sent = any(person["address"].lower() == owner for person in sender)
        folder = "sent" if sent else "inbox"
    seen = "opened" in gmail or b"R" in fields.get(b"status", b"")
    return folder, folder == "inbox" and not seen
