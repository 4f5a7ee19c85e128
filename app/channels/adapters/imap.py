"""IMAP: a mailbox at any provider, read where it lies.

Nothing is marked, moved or removed. Known mails are told by their headers and not downloaded
again, so that reading anew costs little and adds nothing. What we send leaves by SMTP.
"""

from datetime import datetime, timedelta
from typing import Any, Self

from app.channels.base import (
    Account,
    Changes,
    ChannelAdapter,
    Item,
    KnownIDs,
    Page,
    keeping,
)
from app.channels.imap.answers import Folder
from app.channels.imap.folders import Choice, choose
from app.channels.imap.letter import letter_of
from app.channels.imap.login import Login
from app.channels.imap.place import Mark, Place
from app.channels.imap.reader import Reader
from app.channels.imap.session import Session, logged_in
from app.channels.imap.smtp import deliver
from app.channels.sending import Address, Outgoing, Sender, Sent
from app.config import Settings
from app.domain.unified_message import Channel
from app.errors import BizzyBeeError, PermanentError

#: Days begin elsewhere at another time, and a server's days are its own.
_DAY = timedelta(days=1)
#: How many missed mails are told from known ones; what is beyond counts as missed.
_MOST_COUNTED = 2000
#: Of an account: its SMTP server puts no copy among the sent mails, so we do.
_KEEP_COPY = "keep_copy_of_sent"


class IMAPAdapter(ChannelAdapter, Sender):
    """Reads folders by UID: history downwards, page by page, and what is new upwards."""

    provider = "imap"
    channel = Channel.EMAIL
    #: Sent mail first: an answer is known before the question comes in. `INBOX` stands for
    #: everything else that is read.
    folders = ("SENT", "INBOX")
    polls = True
    can_find = True

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls()

    def fetch_page(
        self,
        account: Account,
        *,
        folder: str,
        token: str | None,
        limit: int,
        known: KnownIDs,
    ) -> Page:
        """Fetch one page of the folders that `folder` stands for, one after the other.

        A page may be shorter than `limit` where mails are large. What is known comes with what
        its header tells: ingest sees by its id that it is stored.
        """
        if folder not in self.folders:
            raise PermanentError(f"imap has no folder {folder!r} to import")
        is_sent = folder == "SENT"
        items: list[Item] = []
        with keeping(items), logged_in(account.credentials) as session:
            choice = _choice(session, account)
            folders = choice.sent if is_sent else choice.received
            reader = Reader(session, own_addresses=account.addresses, known=known)
            place = Place.read(token)
            token = _page(session, reader, folders, place, limit, is_sent, items)
        return Page(items, token)

    def fetch_changes(
        self,
        account: Account,
        *,
        cursor: dict[str, Any] | None,
        since: datetime,
        limit: int,
        known: KnownIDs,
    ) -> Changes:
        """Fetch what came into the watched folders, read or not. The cursor has a mark per folder.

        A folder that is new among them begins at `since`. So does one whose UIDs the server has
        given out anew (UIDVALIDITY).
        """
        marks = dict(cursor or {})
        items: list[Item] = []
        resets: list[str] = []
        missed, more = 0, False
        with keeping(items), logged_in(account.credentials) as session:
            watched = _choice(session, account).watched
            reader = Reader(session, own_addresses=account.addresses, known=known)
            for place, (folder, is_sent) in enumerate(watched):
                opened = session.open(folder)
                mark = Mark.read(marks.get(folder.name))
                if mark and mark.uid_validity != opened.uid_validity:
                    resets.append(f"UIDVALIDITY of {folder.name[:100]!r} has changed")
                    missed += _missed(session, reader, mark, since)
                    mark = None
                if mark is None:
                    mark = Mark.first(opened.uid_validity, opened.last_uid, since)
                # So much is left to those behind that one long folder does not keep them waiting.
                room = max(1, (limit - len(items)) // (len(watched) - place))
                mark, is_behind = _follow(
                    session, reader, folder, mark, is_sent, room, items
                )
                marks[folder.name] = mark.kept()
                more |= is_behind
        return Changes(items, marks, more, "; ".join(resets) or None, missed)

    def thread_of(self, account: Account, to: Address) -> str | None:
        """Mail is filed by its headers."""
        return None

    def send(self, account: Account, outgoing: Outgoing) -> Sent:
        """Send a mail by SMTP; a copy goes among the sent ones where the settings say so."""
        if outgoing.mail is None:
            raise PermanentError("a mail without a head")
        login = Login.read_smtp(account.credentials)
        letter = letter_of(outgoing, outgoing.mail, account, login.username)
        deliver(login, letter)
        if account.settings.get(_KEEP_COPY) is True:
            _keep_copy(account, letter.content)
        return Sent(outgoing.mail.message_id)

    def find_sent(
        self, account: Account, outgoing: Outgoing, *, since: datetime
    ) -> Sent | None:
        """Look among the sent mails, where most servers put a copy of what they sent."""
        if outgoing.mail is None:
            return None
        message_id = outgoing.mail.message_id
        with logged_in(account.credentials) as session:
            for folder in _choice(session, account).sent:
                session.open(folder)
                if session.with_message_id(message_id):
                    return Sent(message_id)
        return None


def _keep_copy(account: Account, mail: bytes) -> None:
    """The mail has been sent: no fault of the mailbox may make it look as if it had not."""
    try:
        with logged_in(account.credentials) as session:
            folders = _choice(session, account).sent
            if folders:
                session.append(folders[0], mail)
    except BizzyBeeError:
        return


def _choice(session: Session, account: Account) -> Choice:
    return choose(session.folders(), account.settings, is_gmail=session.is_gmail)


def _page(
    session: Session,
    reader: Reader,
    folders: list[Folder],
    place: Place | None,
    limit: int,
    is_sent: bool,
    items: list[Item],
) -> str | None:
    """Read one page; returns the token of the next."""
    if not folders:
        return None
    by_name = {folder.name: folder for folder in folders}
    # A folder that was renamed meanwhile: from the beginning; what is known costs little.
    folder = by_name.get(place.name, folders[0]) if place else folders[0]
    opened = session.open(folder)
    stands_here = (folder.name, opened.uid_validity)
    if place is None or (place.name, place.uid_validity) != stands_here:
        place = Place(*stands_here, 0, opened.last_uid, opened.last_uid)
    uids, lowest = session.newest(place.floor, place.next_uid, limit)
    last_read = None
    for read in reader.read(folder, uids, was_sent=is_sent, room=limit):
        if read.item:
            items.append(read.item)
        elif read.known:
            items.append(Item({}, read.known, external_id=read.known.external_id))
        last_read = read.uid
    if last_read is not None and last_read != uids[-1]:
        lowest = last_read
    return _following(session, folders, place, folder, lowest)


def _following(
    session: Session,
    folders: list[Folder],
    place: Place,
    folder: Folder,
    lowest: int,
) -> str | None:
    """The token of the next page: further down, then what came meanwhile, then the next folder."""
    if lowest - 1 > place.floor:
        numbers = (place.uid_validity, place.floor, lowest - 1, place.top)
        return str(Place(folder.name, *numbers))
    if newer := session.above(place.top, refresh=True):
        numbers = (place.uid_validity, place.top, newer[-1], newer[-1])
        return str(Place(folder.name, *numbers))
    behind = folders[folders.index(folder) + 1 :]
    return str(Place(behind[0].name, 0, 0, 0, 0)) if behind else None


def _follow(
    session: Session,
    reader: Reader,
    folder: Folder,
    mark: Mark,
    is_sent: bool,
    room: int,
    items: list[Item],
) -> tuple[Mark, bool]:
    """Read on in a folder from its mark; returns the new one, and whether there is more."""
    room_at_first = room + len(items)
    for is_scan in (True, False):
        since = mark.scan_since
        if is_scan and since is None:
            continue
        if since is not None:
            found = session.received(since=(since - _DAY).date(), above=mark.uid)
            uids = [uid for uid in found if uid <= mark.to]
        else:
            found = session.above(mark.overlap_from)
            uids = [uid for uid in found if uid not in mark.seen]
        left = room_at_first - len(items)
        if uids and (left <= 0 or reader.has_enough):
            return mark, True
        last_read = None
        for read in reader.read(folder, uids, was_sent=is_sent, room=left, since=since):
            items += [read.item] if read.item else []
            last_read = read.uid
            mark = mark.past(read.uid, read.received_at, is_final=read.is_final)
        if uids and last_read != uids[-1]:
            return mark, True
        if is_scan:
            mark = mark.after_scan()
    return mark, False


def _missed(session: Session, reader: Reader, mark: Mark, since: datetime) -> int:
    """How many mails came after the last one we read and before `since`, and are not stored."""
    read_until = mark.read_until
    if read_until is None or read_until >= since:
        return 0
    uids = session.received(
        since=(read_until - _DAY).date(), before=(since + 2 * _DAY).date()
    )
    counted = uids[-_MOST_COUNTED:]
    missed = [
        look
        for look in reader.unknown(counted)
        if look.received_at and read_until <= look.received_at < since
    ]
    return len(missed) + len(uids) - len(counted)
