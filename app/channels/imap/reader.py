"""Turns mails of a folder into items: looks first, then downloads what is not known."""

import base64
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.channels.base import Item, KnownIDs, Stored
from app.channels.imap.answers import Folder, Look
from app.channels.imap.errors import Failed
from app.channels.imap.session import CHUNK, Session
from app.channels.mail_item import MAX_MAIL, mail_item
from app.domain.mail import read_mail
from app.domain.unified_message import UnifiedMessage
from app.errors import RetryableError

#: Nothing more is begun after so long, or when so much was read.
ENOUGH_SECONDS = 60.0
ENOUGH_BYTES = 32 * 1024 * 1024
#: How many mails are looked at at once.
LOOKS = 100

_LARGEST_GROUP = 16
#: A draft was said to nobody; what is marked as deleted lies where its owner put it meanwhile.
_NO_MESSAGE = frozenset({"\\draft", "\\deleted"})


@dataclass(frozen=True)
class Read:
    """What a mail turned out to be."""

    uid: int
    received_at: datetime | None = None
    item: Item | None = None
    """What is to be stored; None where there is nothing new."""
    known: UnifiedMessage | None = None
    """What is stored already, as far as its header tells."""
    is_final: bool = True
    """Whether it need not be looked at again."""


class Reader:
    """Reads folders of a session, within what one call may cost."""

    def __init__(
        self, session: Session, *, own_addresses: frozenset[str], known: KnownIDs
    ) -> None:
        self._session = session
        self._own = own_addresses
        self._known = known
        self._enough_at = time.monotonic() + ENOUGH_SECONDS
        self._bytes = 0

    @property
    def has_enough(self) -> bool:
        return time.monotonic() > self._enough_at or self._bytes >= ENOUGH_BYTES

    def read(
        self,
        folder: Folder,
        uids: Sequence[int],
        *,
        was_sent: bool,
        room: int,
        since: datetime | None = None,
    ) -> Iterator[Read]:
        """Read these mails in this order until there are `room` new ones, or it is enough.

        Bodies come in groups that begin with one mail and grow: a connection that breaks after
        every few mails still brings us on.
        """
        most = 1
        for part in _parts(uids, LOOKS):
            looks = self._session.look(part)
            stored = self._stored(looks.values())
            judged = [
                self._judged(folder, uid, looks, stored, since=since) for uid in part
            ]
            while judged:
                group = _group(judged, looks, min(most, room))
                try:
                    bodies = self._bodies(group)
                except Failed:
                    # One alone does not tell whether it is the mail or the server.
                    group = _group(judged, looks, _LARGEST_GROUP)
                    bodies = self._bodies(group)
                for read in self._downloaded(
                    folder, group, looks, bodies, was_sent=was_sent
                ):
                    room -= read.item is not None
                    yield read
                if room <= 0 or self.has_enough:
                    return
                judged, most = judged[len(group) :], min(2 * most, _LARGEST_GROUP)

    def unknown(self, uids: Sequence[int]) -> Iterator[Look]:
        """Look at mails; those that are not stored."""
        for part in _parts(uids, LOOKS):
            looks = [look for look in self._session.look(part).values() if look]
            stored = self._stored(looks)
            yield from (look for look in looks if _find(look, stored) is None)

    def _stored(self, looks: Iterable[Look | None]) -> Mapping[str, Stored]:
        ids = {read_mail(look.head).external_id for look in looks if look}
        return self._known(ids) if ids else {}

    def _judged(
        self,
        folder: Folder,
        uid: int,
        looks: Mapping[int, Look | None],
        stored: Mapping[str, Stored],
        *,
        since: datetime | None,
    ) -> Read | int:
        """What the look tells; the UID where the mail has to be downloaded."""
        if uid not in looks:  # removed meanwhile
            return Read(uid)
        look = looks[uid]
        if look is None:
            return Read(uid, item=_unreadable(folder, uid, None))
        if look.flags & _NO_MESSAGE:
            return Read(uid, look.received_at, is_final=False)
        if since and look.received_at and look.received_at < since:
            return Read(uid, look.received_at)
        if message := _find(look, stored):
            return Read(uid, look.received_at, known=message)
        return uid

    def _bodies(self, group: Sequence[Read | int]) -> dict[int, bytes | None]:
        wanted = [one for one in group if isinstance(one, int)]
        return self._session.bodies(wanted) if wanted else {}

    def _downloaded(
        self,
        folder: Folder,
        group: Sequence[Read | int],
        looks: Mapping[int, Look | None],
        bodies: Mapping[int, bytes | None],
        *,
        was_sent: bool,
    ) -> Iterator[Read]:
        for one in group:
            if isinstance(one, Read):
                yield one
                continue
            look = looks[one]
            assert look is not None
            if one not in bodies:
                yield Read(one, look.received_at)
            elif (beginning := bodies[one]) is None:
                yield Read(one, look.received_at, _unreadable(folder, one, look))
            else:
                item = self._item(look, beginning, was_sent=was_sent)
                yield Read(one, look.received_at, item)

    def _item(self, look: Look, beginning: bytes, *, was_sent: bool) -> Item:
        raw, cut = beginning, False
        if len(beginning) >= CHUNK:
            raw, cut = self._whole(look, beginning)
        self._bytes += len(raw)
        return mail_item(
            raw,
            own_addresses=self._own,
            cut=cut,
            was_sent=was_sent or "\\sent" in look.flags,
            thread_id=f"gmail:{look.thread}" if look.thread else None,
        )

    def _whole(self, look: Look, beginning: bytes) -> tuple[bytes, bool]:
        """The rest of a large mail. One that is too large stays a beginning, and says so.

        What the server says of its size is not trusted: some are wrong.
        """
        if look.size > MAX_MAIL:
            return beginning, True
        raw = bytearray(beginning)
        while True:
            if time.monotonic() > self._enough_at:
                if self._bytes:  # it gets a call of its own
                    raise RetryableError("imap: a large mail takes too long")
                return bytes(raw), True
            piece = self._session.rest(look.uid, len(raw))
            raw += piece
            if len(raw) > MAX_MAIL:
                return beginning, True
            if len(piece) < CHUNK:
                return bytes(raw), False


def _parts(uids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), size):
        yield uids[start : start + size]


def _group(
    judged: Sequence[Read | int], looks: Mapping[int, Look | None], most: int
) -> Sequence[Read | int]:
    """The next mails, of which at most so many have to be downloaded, and not too many bytes."""
    downloads = size = 0
    for index, one in enumerate(judged):
        if isinstance(one, int):
            look = looks[one]
            downloads += 1
            size += look.size if look else 0
            if downloads > 1 and (downloads > most or size > CHUNK):
                return judged[:index]
    return judged


def _find(look: Look, stored: Mapping[str, Stored]) -> UnifiedMessage | None:
    """The message that is stored of a mail, if it is.

    Senders choose the Message-ID, and some use one again: subject and date tell.
    """
    message = read_mail(look.head)
    known = stored.get(message.external_id)
    if known is None:
        return None
    told = message.model_dump(mode="json", include={"subject", "sent_at"})
    is_same = (known.subject, known.sent_at) == (told["subject"], told["sent_at"])
    return message if is_same else None


def _unreadable(folder: Folder, uid: int, look: Look | None) -> Item:
    raw = {"folder": folder.name, "uid": uid}
    head = look.head if look else b""
    return Item(
        raw | {"mime": base64.b64encode(head).decode()},
        None,
        f"imap: the server fails to show a mail (UID {uid})",
        read_mail(head).external_id if head else None,
    )
