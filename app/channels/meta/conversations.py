"""Messages of Messenger and Instagram by asking: the conversations of Graph, the newest first.

Of a conversation only the twenty newest messages can be read. Who asks less often than that loses
what lies between, and no import brings it back.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self
from urllib.parse import parse_qs, quote, urlsplit

from requests.auth import AuthBase

from app.channels.base import Account, Changes, Item, KnownIDs, Page, keeping
from app.channels.budget import Budget
from app.channels.meta.fields import identifier, moment_of_iso, record, records, text
from app.channels.meta.graph import BadParameter, GraphClient
from app.channels.meta.graph_record import RecordReader
from app.errors import AuthError, Gone, PermanentError, RetryableError
from app.transport import Bearer

#: What moves while we ask is seen once more.
OVERLAP = timedelta(minutes=1)

_EXPIRED = "meta no longer knows the page of conversations that was reached"
_READABLE = 20
_MESSAGES = "id,created_time,from,to,message,attachments"
#: Answers become slow with many.
_MOST_CONVERSATIONS = 25
_MOST_PAGES = 5


@dataclass(frozen=True)
class Access:
    """An account as its conversations are asked for."""

    client: GraphClient
    root: str
    """The path of what the conversations belong to."""
    version: str
    auth: AuthBase
    reader: RecordReader


@dataclass(frozen=True)
class Place:
    """How far a walk from the newest conversation downwards has come."""

    until: datetime
    """Everything before is known."""
    after: str | None = None
    """The cursor of the next page; None at the top."""
    top: datetime | None = None
    """The newest that the walk has seen: where the next one ends."""
    seen: dict[str, str] = field(default_factory=dict)
    """Conversations that were read, and when they had last changed by then."""

    @classmethod
    def of(cls, cursor: dict[str, Any] | None, since: datetime) -> Self:
        told = cursor or {}
        seen = record(told.get("seen"))
        return cls(
            until=moment_of_iso(told.get("until")) or since,
            after=text(told.get("after")) or None,
            top=moment_of_iso(told.get("top")),
            seen={name: text(changed) for name, changed in seen.items()},
        )

    @property
    def floor(self) -> datetime:
        return self.until - OVERLAP

    def cursor(self) -> dict[str, Any]:
        told = {
            "until": self.until.isoformat(),
            "after": self.after,
            "top": self.top.isoformat() if self.top else None,
            "seen": self.seen,
        }
        return {name: one for name, one in told.items() if one}

    def next(self, after: str | None) -> "Place":
        """The place behind a page: the next page, or the top again where there is none."""
        top = self.top or self.until
        recent = {
            name: changed
            for name, changed in self.seen.items()
            if (moment := moment_of_iso(changed)) and moment >= top - OVERLAP
        }
        if after is not None:
            return Place(self.until, after, self.top, recent)
        return Place(max(top, self.until), seen=recent)


@dataclass(frozen=True)
class _Shown:
    """What the provider shows of a conversation, the newest message first."""

    rows: list[dict[str, Any]]
    has_more: bool = False


class Conversations:
    """Reads the conversations of one platform."""

    def __init__(
        self, platform: str, *, person: str, account: str, version: str, budget: Budget
    ) -> None:
        self._platform = platform
        self._kinds = (person, account)
        self._version = version
        self._budget = budget

    def page(
        self, account: Account, client: GraphClient, *, token: str | None, limit: int
    ) -> Page:
        """One page of the history, the newest conversation first; raises as `fetch_page` does."""
        access = self.access(account, client)
        listing, after = self._listing(access, token, limit)
        items: list[Item] = []
        with keeping(items):
            for conversation in listing:
                items += [
                    access.reader.item(one)
                    for one in self._messages(access, conversation).rows
                    if _is_readable(one)
                ]
        return Page(items, after)

    def changes(
        self,
        account: Account,
        client: GraphClient,
        *,
        cursor: dict[str, Any] | None,
        since: datetime,
        limit: int,
        known: KnownIDs,
    ) -> Changes:
        """One page of what has changed; raises as `fetch_changes` does."""
        access = self.access(account, client)
        place = Place.of(cursor, since)
        try:
            listing, after = self._listing(access, place.after, limit)
        except BadParameter:
            if place.after is None:
                raise
            # From the top again; what was known before the walk stays known.
            again = Place(place.until, seen=place.seen)
            return Changes([], again.cursor(), reset=_EXPIRED)
        walk = _Walk(place, listing)
        for conversation in walk.changed():
            try:
                shown = self._messages(access, conversation)
            except RetryableError:
                if not walk.has_read:
                    raise
                # What was read is kept; the next call meets the trouble at its beginning.
                return Changes(
                    walk.items, walk.place.cursor(), more=True, missed=walk.missed
                )
            walk.keep(conversation, shown, access.reader, known)
        more = after is not None and not walk.is_at_floor
        place = walk.place.next(after if more else None)
        return Changes(walk.items, place.cursor(), more=more, missed=walk.missed)

    def with_person(
        self, account: Account, client: GraphClient, person: str
    ) -> list[dict[str, Any]]:
        """The messages with one person that can be read, newest first; raises as `fetch_page` does."""
        access = self.access(account, client)
        path = f"{access.root}/conversations"
        params = {"platform": self._platform, "user_id": person, "fields": "id"}
        listed = record(access.client.get(path, auth=access.auth, params=params))
        return [
            row
            for one in list(records(listed.get("data")))[:_MOST_CONVERSATIONS]
            if identifier(one.get("id"))
            for row in self._messages(access, one).rows
        ]

    def access(self, account: Account, client: GraphClient) -> Access:
        """How the account is spoken to. Raises PermanentError or AuthError where it lacks something."""
        if account.external_id is None:
            raise PermanentError(
                "the account has no id at the provider: connect it with --account-id"
            )
        page_id = identifier(account.settings.get("page_id"))
        root = quote(page_id or account.external_id, safe="")
        ours = {account.external_id, page_id, *account.addresses} - {""}
        person, kind = self._kinds
        bearer = Bearer(account.credentials.get("access_token"))
        return Access(
            client=client,
            root=f"/{self._version}/{root}",
            version=self._version,
            auth=self._budget.paying(bearer, account.config_id),
            reader=RecordReader(ours, account.external_id, person=person, account=kind),
        )

    def _listing(
        self, access: Access, after: str | None, limit: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Conversations, and the cursor of the next page."""
        params: dict[str, Any] = {
            "platform": self._platform,
            "fields": "id,updated_time",
            "limit": max(1, min(limit // _READABLE, _MOST_CONVERSATIONS)),
        }
        path = f"{access.root}/conversations"
        if after is not None:
            params["after"] = after
        answer = access.client.get(path, auth=access.auth, params=params)
        listed = record(answer).get("data")
        if not isinstance(listed, list):
            raise RetryableError(f"meta: GET {path} answered without conversations")
        found = [one for one in records(listed) if identifier(one.get("id"))]
        next_page = _after(answer)
        if next_page is not None and next_page == after:
            # It would read the same page for ever.
            raise RetryableError("meta names the same page as the next one")
        return found, next_page

    def _messages(self, access: Access, conversation: dict[str, Any]) -> "_Shown":
        """The messages of a conversation that can be read; none where it has gone."""
        path = f"/{access.version}/{quote(identifier(conversation['id']), safe='')}"
        fields = f"messages.limit({_READABLE}){{{_MESSAGES}}}"
        get = partial(access.client.get, auth=access.auth)
        try:
            listing = record(
                record(get(path, params={"fields": fields})).get("messages")
            )
            rows = list(records(listing.get("data")))
            for _ in range(_MOST_PAGES):
                after = _after(listing)
                if after is None or len(rows) >= _READABLE:
                    break
                params = {"fields": _MESSAGES, "limit": _READABLE, "after": after}
                listing = record(get(f"{path}/messages", params=params))
                rows += records(listing.get("data"))
        except Gone:
            return _Shown([])
        except AuthError:
            raise
        except PermanentError as exc:
            return _Shown([{"conversation": conversation, "fault": str(exc)}])
        return _Shown(rows, has_more=_after(listing) is not None)


class _Walk:
    """One page of conversations, read one after another."""

    def __init__(self, place: Place, listing: Collection[dict[str, Any]]) -> None:
        self._listing = listing
        moments = [moment_of_iso(one.get("updated_time")) for one in listing]
        newest = max((one for one in moments if one), default=None)
        #: Only the first page holds what came last.
        top = place.top or newest
        self.place = Place(place.until, place.after, top, dict(place.seen))
        self.is_at_floor = any(one < place.floor for one in moments if one)
        self.items: list[Item] = []
        self.missed = 0
        self.has_read = False

    def changed(self) -> Iterator[dict[str, Any]]:
        """The conversations that have something we may not have read."""
        for conversation in self._listing:
            changed = text(conversation.get("updated_time"))
            moment = moment_of_iso(changed)
            if moment is not None and moment < self.place.floor:
                continue
            if (
                changed
                and self.place.seen.get(identifier(conversation["id"])) == changed
            ):
                continue
            yield conversation

    def keep(
        self,
        conversation: dict[str, Any],
        shown: _Shown,
        reader: RecordReader,
        known: KnownIDs,
    ) -> None:
        """Keep the messages of a conversation that are not stored."""
        new = [row for row in shown.rows if self._is_new(row)]
        stored = known({one for row in new if (one := identifier(row.get("id")))})
        for row in new:
            if not _is_readable(row):
                self.missed += 1
            elif identifier(row.get("id")) not in stored:
                self.items.append(reader.item(row))
        if shown.has_more and new and len(new) == len(shown.rows):
            # The oldest that is shown is new, so there may be others behind it: at least one.
            self.missed += identifier(new[-1].get("id")) not in stored
        self.place.seen[identifier(conversation["id"])] = text(
            conversation.get("updated_time")
        )
        self.has_read = True

    def _is_new(self, row: dict[str, Any]) -> bool:
        sent_at = moment_of_iso(row.get("created_time"))
        return sent_at is None or sent_at >= self.place.floor


def _is_readable(row: dict[str, Any]) -> bool:
    """Whether the provider says more of a message than that there was one."""
    return "from" in row or "message" in row or "fault" in row


def _after(listing: Any) -> str | None:
    """The cursor of the next page. Only `next` tells that there is one; a cursor stands always."""
    paging = record(record(listing).get("paging"))
    following = text(paging.get("next"))
    if not following:
        return None
    after = text(record(paging.get("cursors")).get("after"))
    if after:
        return after
    try:
        return parse_qs(urlsplit(following).query).get("after", [None])[0]
    except ValueError:
        return None
