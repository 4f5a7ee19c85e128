"""What is asked of an IMAP server, and its answers in our words.

Everything is read with EXAMINE and BODY.PEEK: nobody's mail is marked as seen. What is written is
a copy of what we have sent, where the account wants one.
"""

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from imapclient.response_parser import parse_response

from app.channels.imap.answers import (
    Folder,
    Look,
    Opened,
    bytes_of,
    fields_of,
    folder_of,
    look_of,
)
from app.channels.imap.connection import FAULTS, Connection
from app.channels.imap.errors import Failed, Refused, failure
from app.channels.imap.login import Login
from app.errors import AuthError, BizzyBeeError, RetryableError

#: For a whole session: a server that drips must not hold a worker.
DEADLINE = 100.0
#: How much of a mail is asked for at once.
CHUNK = 4 * 1024 * 1024
#: How many UIDs below the newest are searched first; as often as needed, twice as many then.
_WINDOW = 400
#: Mails that fail one after the other; then it is the server that is in trouble.
_MOST_FAILING = 3

_HEADER_FIELDS = "MESSAGE-ID FROM DATE SUBJECT CONTENT-TYPE"
_HEAD = f"BODY.PEEK[HEADER.FIELDS ({_HEADER_FIELDS})]<0.16384>"
_NUMBER = re.compile(rb"\d+")
_MODSEQ = re.compile(rb"\(MODSEQ.*", re.IGNORECASE | re.DOTALL)
_PLAIN_WORD = re.compile(r"[A-Za-z0-9!#$&'+,\-./:;<=>?@^_`|~]+")
_USES = frozenset({"\\sent", "\\drafts", "\\junk", "\\trash", "\\all"})
_MONTHS = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)


class Session:
    """One log-in. Every method raises as `ChannelAdapter.fetch_page` does."""

    def __init__(self, connection: Connection, login: Login, until: float) -> None:
        self._connection = connection
        self._login = login
        self.until = until
        self.is_gmail = False

    def log_in(self) -> None:
        """Raises AuthError where the server refuses the account."""
        with self._spoken("the log-in", at_login=True):
            if self._login.access_token is not None:
                self._with_token(self._login.access_token)
            elif self._login.password is not None:
                self._with_password(self._login.password)
        with self._spoken("CAPABILITY"):
            self.is_gmail = self._connection.has_capability("X-GM-EXT-1")
            may_tell = self._connection.has_capability("ID")
        if may_tell:
            # Some providers open no folder to a program that has not said its name.
            try:
                with self._spoken("ID"):
                    self._connection.id_({"name": "BizzyBee"})
            except Refused:
                return

    def folders(self) -> list[Folder]:
        """All folders that can be opened."""
        with self._spoken("LIST"):
            listed = list(filter(None, map(folder_of, self._connection.list_folders())))
            may_tell = self._connection.has_capability("SPECIAL-USE")
        if may_tell and not any(_USES & folder.flags for folder in listed):
            # Some servers tell what folders are for only when they are asked.
            try:
                with self._spoken("LIST"):
                    rows = self._connection.folders_with_use()
                    return list(filter(None, map(folder_of, rows)))
            except Refused:
                return listed
        return listed

    def open(self, folder: Folder) -> Opened:
        """Raises Refused where the folder is gone or closed to us."""
        with self._spoken(f"EXAMINE {folder.name[:100]!r}"):
            answer = self._connection.select_folder(folder.raw, readonly=True)
        following = answer.get(b"UIDNEXT")
        # Some old servers do not tell.
        last = int(following) - 1 if following else max(self._search("ALL"), default=0)
        return Opened(int(answer.get(b"UIDVALIDITY") or 1), last)

    def above(self, uid: int, *criteria: str, refresh: bool = False) -> list[int]:
        """The UIDs above this one, in order; `refresh` sees what came since the folder was opened."""
        if refresh:
            with self._spoken("NOOP"):
                self._connection.answers("NOOP")
        found = self._search("UID", f"{uid + 1}:*", *criteria)
        # Of a range without mails, `*` is the last one all the same.
        return [one for one in found if one > uid]

    def newest(self, floor: int, highest: int, count: int) -> tuple[list[int], int]:
        """About `count` UIDs downwards from `highest`, and the lowest UID that was searched.

        The server is asked for a window at a time: a folder may hold a million mails.
        """
        found: list[int] = []
        low, window = highest + 1, max(_WINDOW, 2 * count)
        while low > floor + 1 and len(found) < count:
            high = low - 1
            low = max(floor + 1, high - window + 1)
            part = self._search("UID", f"{low}:{high}")
            found += [uid for uid in reversed(part) if low <= uid <= high]
            window *= 2
        if len(found) > count:
            return found[:count], found[count - 1]
        return found, low

    def received(
        self, *, since: date, before: date | None = None, above: int = 0
    ) -> list[int]:
        """The UIDs above one of mails that came on or after a day, and before another."""
        criteria = ["SINCE", _day(since)]
        if before is not None:
            criteria += ["BEFORE", _day(before)]
        return self.above(above, *criteria)

    def look(self, uids: Sequence[int]) -> dict[int, Look | None]:
        """Look at mails without reading them; None for one that the server fails to show.

        One that was removed meanwhile is left out.
        """
        asked = f"(UID FLAGS RFC822.SIZE INTERNALDATE {_HEAD}"
        asked += " X-GM-THRID X-GM-LABELS)" if self.is_gmail else ")"
        shown = self._fetch(uids, asked, needed=("FLAGS", "BODY["))
        return {uid: look_of(uid, fields) for uid, fields in shown.items()}

    def bodies(self, uids: Sequence[int]) -> dict[int, bytes | None]:
        """The first `CHUNK` bytes of mails; None and left out as in `look`."""
        shown = self._fetch(uids, f"(UID BODY.PEEK[]<0.{CHUNK}>)", needed=("BODY[]",))
        return {
            uid: bytes_of(fields, "BODY[]") if fields else None
            for uid, fields in shown.items()
        }

    def with_message_id(self, message_id: str) -> list[int]:
        """The UIDs of mails in the open folder that bear a Message-ID of ours."""
        return self._search("HEADER", "MESSAGE-ID", f'"{message_id}"')

    def append(self, folder: Folder, mail: bytes) -> None:
        """Put a mail into a folder, as one that has been read."""
        with self._spoken("APPEND"):
            self._connection.append(folder.raw, mail, flags=(b"\\Seen",))

    def rest(self, uid: int, start: int) -> bytes:
        """The next `CHUNK` bytes of a mail; none at its end."""
        asked = f"(UID BODY.PEEK[]<{start}.{CHUNK}>)"
        fields = self._fetch([uid], asked, needed=("BODY[]",)).get(uid)
        return (bytes_of(fields, "BODY[]") if fields else None) or b""

    def close(self) -> None:
        """Take leave; a server that does not answer is not waited for twice."""
        try:
            self._connection.logout()
        except FAULTS:
            self._connection.drop()

    def _fetch(
        self, uids: Sequence[int], asked: str, *, needed: tuple[str, ...]
    ) -> dict[int, dict[str, Any] | None]:
        """Fetch, and once more whatever did not come; one bad mail does not cost its neighbours.

        A mail at which the server fails is only told from a server in trouble by a neighbour that it
        shows: else, and where several fail running, that is raised.
        """
        shown: dict[int, dict[str, Any] | None] = {}
        try:
            shown |= self._fetched(uids, asked, needed)
        except Refused:
            if len(uids) == 1:
                return {uids[0]: None}
        except Failed:
            if len(uids) == 1:
                raise
        missing = [uid for uid in uids if uid not in shown]
        failed: list[Failed] = []
        # Removed meanwhile, mostly. But a server may also mix up an answer while mails vanish.
        for uid in missing:
            try:
                shown |= self._fetched([uid], asked, needed)
                failed.clear()
            except Refused:
                shown[uid] = None
            except Failed as exc:
                shown[uid] = None
                failed.append(exc)
                if len(failed) == _MOST_FAILING:
                    raise
        if failed and not any(shown.values()):
            raise failed[-1]
        return shown

    def _fetched(
        self, uids: Sequence[int], asked: str, needed: tuple[str, ...]
    ) -> dict[int, dict[str, Any]]:
        with self._spoken("FETCH"):
            answers = self._connection.answers("FETCH", _as_set(uids), asked)
        try:
            parsed = parse_response(answers)
        except FAULTS:
            raise Refused("imap: FETCH: the answer cannot be read") from None
        wanted, shown = set(uids), {}
        for fields in map(fields_of, parsed[1::2]):
            uid = fields.get("UID")
            # What the server tells unasked has not all of it, or belongs to another mail.
            if uid in wanted and all(
                any(name.startswith(one) for name in fields) for one in needed
            ):
                shown[uid] = fields
        return shown

    def _search(self, *criteria: str) -> list[int]:
        with self._spoken("SEARCH"):
            answers = self._connection.answers("SEARCH", *criteria)
        found = {
            int(number)
            for answer in answers
            if isinstance(answer, bytes)
            for number in _NUMBER.findall(_MODSEQ.sub(b"", answer))
        }
        return sorted(found)

    def _with_password(self, password: str) -> None:
        username = self._login.username
        ascii_only = username.isascii() and password.isascii()
        if ascii_only and not self._connection.has_capability("LOGINDISABLED"):
            self._connection.login(_word(username), password)
        else:
            self._connection.plain_login(username, password)

    def _with_token(self, token: str) -> None:
        """XOAUTH2. A refusal comes as a challenge that has to be answered by nothing."""
        refusals: list[bytes] = []

        def answer(challenge: bytes) -> str:
            if challenge:
                refusals.append(challenge)
                return ""
            return f"user={self._login.username}\1auth=Bearer {token}\1\1"

        try:
            self._connection.sasl_login("XOAUTH2", answer)
        except Connection.Error:
            if (status := _status(refusals)) is None:
                raise
            detail = f"imap: the access token was refused with status {status}"
            kind = RetryableError if status.startswith("5") else AuthError
            raise kind(detail) from None

    @contextmanager
    def _spoken(self, what: str, *, at_login: bool = False) -> Iterator[None]:
        """Turn what goes wrong into what follows from it."""
        try:
            yield
        except BizzyBeeError:
            raise
        except FAULTS as exc:
            # The libraries' own texts quote mails and passwords, so they are not chained.
            raise failure(
                what, exc, secrets=self._login.secrets, at_login=at_login
            ) from None


@contextmanager
def logged_in(credentials: dict[str, Any]) -> Iterator[Session]:
    """A session of an account, closed at the end."""
    login = Login.read(credentials)
    until = time.monotonic() + DEADLINE
    try:
        connection = Connection(login, until)
    except FAULTS as exc:
        where = f"{login.host}:{login.port}"
        raise failure(where, exc, secrets=login.secrets) from None
    session = Session(connection, login, until)
    try:
        session.log_in()
        yield session
    except BaseException:
        connection.drop()
        raise
    session.close()


def _status(refusals: list[bytes]) -> str | None:
    """The status in the challenge that refuses a token; the library has decoded it already."""
    try:
        told = json.loads(refusals[-1])
        return str(int(told["status"]))
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _word(text: str) -> str:
    """A user name as LOGIN takes it."""
    if _PLAIN_WORD.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _day(day: date) -> str:
    """A day in English, whatever the locale."""
    return f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}"


def _as_set(uids: Sequence[int]) -> str:
    """UIDs as the protocol writes them: `3:5,9`."""
    runs: list[list[int]] = []
    for uid in sorted(uids):
        if runs and uid == runs[-1][1] + 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(f"{a}:{b}" if a != b else str(a) for a, b in runs)
