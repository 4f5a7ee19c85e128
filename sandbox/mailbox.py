"""A mailbox in an mbox file: knows where each mail lies and reads it when asked.

Only positions and a few facts per mail stay in memory, so that it does not matter how
large the mails are.
"""

import hashlib
import re
import weakref
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sandbox import headers, mbox
from sandbox.threads import Threads

_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(
    rb"^(message-id|in-reply-to|references|from|received|date|status"
    rb"|x-gm-thrid|x-gmail-labels)[ \t]*:[ \t]*(.*(?:\n[ \t].*)*)",
    re.IGNORECASE | re.MULTILINE,
)
_LONGEST_HEADERS = 1 << 18
#: What Takeout calls the folders whose mails are no messages of the mailbox.
_GMAIL_LABELS = {"spam": "junk", "trash": "trash", "drafts": "draft"}


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one mail lies, and what a list has to know of it."""

    number: int
    """Position in the file, from 1."""
    start: int
    end: int
    digest: str
    received: int
    """Unix seconds; 0 where the mail does not tell."""
    labels: tuple[str, ...]
    """Aurinko's `sysLabels`."""

    @property
    def id(self) -> str:
        """Unique even among identical copies, and the same whenever the file is."""
        return f"sbx-{self.number:06d}-{self.digest}"

    @property
    def place(self) -> tuple[int, int]:
        """What lists are ordered by: newest first."""
        return -self.received, -self.number


class Mailbox:
    """The mails of one file, seen by their owner. Safe to read from many threads."""

    def __init__(self, path: Path, owner: str) -> None:
        self.owner = owner.strip()
        self._file = mbox.opened(path)
        # Not closed by hand: a request may still read when the mailbox is replaced.
        weakref.finalize(self, self._file.close)
        self._by_number, self._firsts = _index(self._file, self.owner.lower())
        self._newest_first = sorted(self._by_number, key=lambda entry: entry.place)

    def __len__(self) -> int:
        return len(self._by_number)

    def find(self, message_id: str) -> Entry | None:
        """The mail of this id, if there is one."""
        number = message_id.removeprefix("sbx-").partition("-")[0]
        if not number.isdecimal() or not 0 < int(number) <= len(self):
            return None
        entry = self._by_number[int(number) - 1]
        return entry if entry.id == message_id else None

    def page(
        self,
        limit: int,
        wanted: Callable[[Entry], bool],
        *,
        after: tuple[int, int] | None = None,
    ) -> tuple[list[Entry], bool]:
        """The next wanted mails behind a place, and whether there are more.

        A place stays right when the file is loaded again with newer mails in it.
        """
        start = 0
        if after is not None:
            start = bisect_right(self._newest_first, after, key=lambda e: e.place)
        found: list[Entry] = []
        for position in range(start, len(self)):
            entry = self._newest_first[position]
            if not wanted(entry):
                continue
            if len(found) == limit:
                return found, True
            found.append(entry)
        return found, False

    def thread_id(self, entry: Entry) -> str:
        """The provider's thread; it is named after its first mail in the file."""
        first = self._by_number[self._firsts[entry.number - 1]]
        return f"thr-{first.number:06d}-{first.digest}"

    def raw(self, entry: Entry) -> bytes:
        """The mail as it was sent, without the escapes of the mbox."""
        return mbox.unescaped(mbox.read(self._file, entry.start, entry.end))


def _index(file: IO[bytes], owner: str) -> tuple[list[Entry], list[int]]:
    entries, threads = [], Threads()
    for number, (separator, start, end) in enumerate(mbox.spans(file), start=1):
        raw = mbox.read(file, start, end)
        fields = _fields(raw)
        threads.add(fields)
        entries.append(
            Entry(
                number=number,
                start=start,
                end=end,
                digest=hashlib.blake2b(raw, digest_size=5).hexdigest(),
                received=_received(separator, fields),
                labels=_labels(fields, owner),
            )
        )
    return entries, threads.firsts()


def _fields(raw: bytes) -> dict[bytes, bytes]:
    """The first of each header field that the index needs."""
    end = _END_OF_HEADERS.search(raw, 0, _LONGEST_HEADERS)
    block = raw[: end.start() if end else _LONGEST_HEADERS]
    fields: dict[bytes, bytes] = {}
    for match in _FIELD.finditer(block):
        fields.setdefault(match.group(1).lower(), match.group(2).strip())
    return fields


def _received(separator: bytes, fields: Mapping[bytes, bytes]) -> int:
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


def _labels(fields: Mapping[bytes, bytes], owner: str) -> tuple[str, ...]:
    sender = headers.addresses([headers.readable(fields.get(b"from", b""))])
    takeout = headers.decoded(headers.readable(fields.get(b"x-gmail-labels", b"")))
    gmail = {label.strip().lower() for label in takeout.split(",") if label.strip()}
    folder = next((_GMAIL_LABELS[each] for each in gmail if each in _GMAIL_LABELS), "")
    if not folder:
        sent = any(person["address"].lower() == owner for person in sender)
        folder = "sent" if sent else "inbox"
    seen = "opened" in gmail or b"R" in fields.get(b"status", b"")
    return (folder,) if seen or folder != "inbox" else (folder, "unread")
