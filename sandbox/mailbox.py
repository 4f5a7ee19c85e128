"""A mailbox: the mails of an mbox file, and what has become of them since it was opened.

Only positions and a few facts per mail stay in memory, so that it does not matter how
large the mails of the file are. Every change has a number, and each mail knows that of
its latest: what has changed since a client last asked are the mails with higher ones.
"""

import os
import threading
import time
import weakref
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from sandbox import entries, headers, mbox
from sandbox.changes import Change, Changes, Deleted, Kind
from sandbox.entries import Entry
from sandbox.mailbox_settings import MailboxSettings
from sandbox.threads import Threads

#: When the first thing happens in a mailbox that begins empty.
_BEGINNING = 1_767_225_600  # 2026-01-01
#: A mail that claims to have come later does not take the mailbox's time along.
_END = 4_102_444_800  # 2100-01-01
NO_FLAGS: Mapping[str, bool] = MappingProxyType({})


class Mailbox:
    """The mails of one mailbox, seen by their owner. Safe to use from many threads."""

    def __init__(
        self,
        path: Path | None,
        owner: str,
        *,
        settings: MailboxSettings | None = None,
        epoch: int = 0,
        watcher: Callable[["Mailbox", Change], None] | None = None,
    ) -> None:
        self.owner = owner.strip()
        self._epoch, self._expirations, self._watcher = epoch, 0, watcher
        self._settings = settings or MailboxSettings()
        self._lock = threading.RLock()
        self._file = mbox.opened(path or Path(os.devnull))
        # Not closed by hand: a request may still read when the mailbox is replaced.
        weakref.finalize(self, self._file.close)
        self._added: dict[int, bytes] = {}
        self._threads = Threads()
        self._by_number: list[Entry] = []
        for entry, fields in entries.in_file(self._file, self.owner.lower()):
            self._threads.add(fields)
            self._by_number.append(entry)
        self._newest_first = sorted(self._by_number, key=lambda entry: entry.place)
        self._changes = Changes(len(self._by_number))
        self._time = 0
        for entry in self._by_number:
            self._see(entry.received)
        self._time = self._time or _BEGINNING
        self._threads_sought: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._newest_first)

    @property
    def settings(self) -> MailboxSettings:
        """How it behaves at the moment."""
        return self._settings

    def set(self, **asked: Any) -> None:
        """Change the settings; raises `ValidationError` for what they cannot be."""
        with self._lock:
            known = self._settings.model_dump()
            self._settings = MailboxSettings.model_validate(known | asked)

    def count_down(self, name: Literal["not_ready", "incomplete_sends"]) -> bool:
        """Whether this setting still applies; it does one time less afterwards."""
        with self._lock:
            left: int = getattr(self._settings, name)
            if left:
                self.set(**{name: left - 1})
            return left > 0

    @property
    def epoch(self) -> str:
        """Tokens for changes are good for one epoch."""
        return f"{self._epoch}.{self._expirations}"

    def expire_tokens(self) -> None:
        """Begin another epoch."""
        with self._lock:
            self._expirations += 1

    def find(self, message_id: str) -> Entry | None:
        """The mail of this id, if there is one."""
        number = message_id.removeprefix("sbx-").partition("-")[0]
        with self._lock:
            if not number.isdecimal() or not 0 < int(number) <= len(self._by_number):
                return None
            entry = self._by_number[int(number) - 1]
        return entry if entry.id == message_id and not entry.gone else None

    def page(
        self,
        limit: int,
        wanted: Callable[[Entry], bool],
        *,
        after: tuple[int, int] | None = None,
    ) -> tuple[list[Entry], bool]:
        """The next wanted mails behind a place, and whether there are more.

        A place stays right when mails come and go, and when the file is loaded again
        with newer mails in it.
        """
        found: list[Entry] = []
        with self._lock:
            start = 0
            if after is not None:
                start = bisect_right(self._newest_first, after, key=lambda e: e.place)
            for position in range(start, len(self)):
                entry = self._newest_first[position]
                if not wanted(entry):
                    continue
                if len(found) == limit:
                    return found, True
                found.append(entry)
        return found, False

    def now(self) -> int:
        """Unix seconds: the true time if the settings say so, else the latest known."""
        return int(time.time()) if self._settings.wall_clock else self._time

    def changes(self) -> int:
        """How many there have been; each mail of the file counts as one."""
        return len(self._changes)

    def updated(
        self, since: int, limit: int, wanted: Callable[[Entry], bool]
    ) -> tuple[list[Entry], int, bool]:
        """The next wanted mails that changed after a change, the oldest change first.

        Also the change up to which that is, and whether there are more. A mail that
        changes again moves to the end: it is met there, and only there.
        """
        found: list[Entry] = []
        with self._lock:
            for change, number in self._changes.after(since):
                entry = self._by_number[number - 1]
                if entry.change != change or not wanted(entry):
                    continue
                if len(found) == limit:
                    return found, found[-1].change, True
                found.append(entry)
            return found, len(self._changes), False

    def deleted(self, since: int, limit: int) -> tuple[list[Deleted], int, bool]:
        """The next deletions after a change, like `updated`."""
        with self._lock:
            found, more = self._changes.deletions_after(since, limit)
            return found, found[-1].change if more else len(self._changes), more

    def add(
        self,
        raw: bytes,
        *,
        folder: str,
        received: int | None = None,
        flags: Mapping[str, bool] = NO_FLAGS,
    ) -> Entry:
        """Put a mail into the mailbox; when it came it says itself if nobody else does."""
        fields = entries.fields_of(raw)
        with self._lock:
            told = 0 if self._settings.wall_clock else entries.claimed_arrival(fields)
            arrival = received or told or self._tick()
            self._see(arrival)
            number = len(self._by_number) + 1
            self._added[number] = raw
            self._threads.follow(fields)
            self._by_number.append(
                Entry(number, entries.digest(raw), arrival, folder, gone=True)
            )
            return self._put(number, "created", **flags)

    def change(
        self,
        message_id: str,
        *,
        folder: str | None = None,
        new_id: bool | None = None,
        flags: Mapping[str, bool] = NO_FLAGS,
    ) -> Entry | None:
        """Move or mark a mail, None if it is not there; what makes no change is none."""
        with self._lock:
            entry = self.find(message_id)
            if entry is None:
                return None
            moves = folder is not None and folder != entry.folder
            asked: dict[str, Any] = {**flags, "folder": folder} if moves else {**flags}
            if new_id is None:
                new_id = moves and self._settings.new_id_on_move
            if new_id:
                self.remove(message_id)
                asked["renamed"] = entry.renamed + 1
                return self._put(entry.number, "created", **asked)
            if replace(entry, **asked) == entry:
                return entry
            self._take_out(entry)
            return self._put(entry.number, "updated", **asked)

    def remove(self, message_id: str) -> Entry | None:
        """Delete a mail for good; None if it is not there."""
        with self._lock:
            entry = self.find(message_id)
            if entry is None:
                return None
            self._take_out(entry)
            change = len(self._changes) + 1
            own_id = entries.fields_of(self.raw(entry)).get(b"message-id", b"")
            internet_id = headers.unfolded(headers.readable(own_id))
            self._changes.add_deletion(
                Deleted(change, entry.id, entry.folder, internet_id, self._tick())
            )
            gone = replace(entry, gone=True, change=change)
            self._by_number[entry.number - 1] = gone
            self._tell("deleted", entry)
            return entry

    def thread_id(self, entry: Entry) -> str:
        """The provider's thread; it is named after its first mail."""
        with self._lock:
            first = self._by_number[self._threads.first(entry.number - 1)]
        return f"thr-{first.number:06d}-{first.digest}"

    def knows_thread(self, entry: Entry, *, seek: bool = False) -> bool:
        """Whether the thread was found yet; seeking it often enough finds it."""
        with self._lock:
            if self._threads_sought[entry.number] >= self._settings.thread_not_ready:
                return True
            self._threads_sought[entry.number] += seek
            return False

    def raw(self, entry: Entry) -> bytes:
        """The mail as it was sent, without the escapes of the mbox."""
        if entry.number in self._added:
            return self._added[entry.number]
        return mbox.unescaped(mbox.read(self._file, entry.start, entry.end))

    def _see(self, arrival: int) -> None:
        """Let it be no earlier than when this mail came."""
        if arrival < _END:
            self._time = max(self._time, arrival)

    def _tick(self) -> int:
        """The time of what happens now: nothing happens at the same one."""
        self._time = self.now() if self._settings.wall_clock else self._time + 1
        return self._time

    def _take_out(self, entry: Entry) -> None:
        at = bisect_right(self._newest_first, entry.place, key=lambda each: each.place)
        del self._newest_first[at - 1]

    def _put(
        self, number: int, kind: Literal["created", "updated"], **asked: Any
    ) -> Entry:
        """Let a mail that is in no list be there, changed as asked."""
        entry = replace(
            self._by_number[number - 1],
            gone=False,
            change=len(self._changes) + 1,
            modified=self._tick(),
            **asked,
        )
        self._changes.add(number)
        self._by_number[number - 1] = entry
        insort(self._newest_first, entry, key=lambda each: each.place)
        self._tell(kind, entry)
        return entry

    def _tell(self, kind: Kind, entry: Entry) -> None:
        # Under the lock: watchers hear of the changes in their order.
        if self._watcher is not None:
            thread_id, is_draft = self.thread_id(entry), entry.folder == "draft"
            self._watcher(self, Change(kind, entry.id, thread_id, is_draft))
