"""Aurinko's delta sync: what has changed in a mailbox since a client last asked.

A token holds its epoch, the changes up to which the client knows, and how the sync was
begun: the changes there were then, the earliest arrival that it wants of those, and the
form of the bodies.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, cast

from flask import Blueprint, request

from sandbox import aurinko_access, cursors, headers
from sandbox.aurinko_messages import listed
from sandbox.changes import Deleted
from sandbox.entries import Entry
from sandbox.mailbox import Mailbox
from sandbox.parts import BodyType

blueprint = Blueprint("sync", __name__)

Kind = Literal["updated", "deleted"]

_DAY = 24 * 60 * 60
_USUAL_DAYS = 30
_PAGE = 50


class _Cursor(NamedTuple):
    """What is in a token."""

    epoch: str
    kind: str
    use: str
    """`delta` or `page`: one is not good for the other."""
    since: int
    begun_at: int
    earliest: int
    body_type: str


@blueprint.post("/v1/email/sync")
def sync() -> dict[str, Any]:
    """Begin a sync: tokens for the mails of the last days, and for deletions from now on."""
    mailbox = aurinko_access.mailbox()
    body_type = aurinko_access.body_type()
    days = aurinko_access.number("daysWithin", _USUAL_DAYS)
    if mailbox.count_down("not_ready"):
        return {"ready": False}
    begun_at = mailbox.changes()
    earliest = mailbox.now() - days * _DAY
    cursor = _Cursor(
        mailbox.epoch, "updated", "delta", 0, begun_at, earliest, body_type
    )
    deletions = cursor._replace(kind="deleted", since=begun_at)
    return {
        "syncUpdatedToken": cursors.packed(*cursor),
        "syncDeletedToken": cursors.packed(*deletions),
        "ready": True,
    }


@blueprint.get("/v1/email/sync/updated")
def updated() -> dict[str, Any]:
    """A page of the mails that are new or changed, the oldest change first."""
    mailbox = aurinko_access.mailbox()
    cursor = _cursor(mailbox, "updated")
    limit = aurinko_access.page_limit(mailbox, _PAGE)
    entries, since, more = mailbox.updated(cursor.since, limit, _concerned(cursor))
    body_type = cast(BodyType, cursor.body_type)
    records = [listed(mailbox, entry, body_type) for entry in entries]
    return _page(cursor._replace(since=since), records, more=more)


@blueprint.get("/v1/email/sync/deleted")
def deleted() -> dict[str, Any]:
    """A page of the mails that are gone, the first to go first."""
    mailbox = aurinko_access.mailbox()
    cursor = _cursor(mailbox, "deleted")
    limit = aurinko_access.page_limit(mailbox, _PAGE)
    gone, since, more = mailbox.deleted(cursor.since, limit)
    records = [_gone(each) for each in gone]
    return _page(cursor._replace(since=since), records, more=more)


def _cursor(mailbox: Mailbox, kind: Kind) -> _Cursor:
    delta, page = request.args.get("deltaToken"), request.args.get("pageToken")
    if bool(delta) == bool(page):
        aurinko_access.invalid("either deltaToken or pageToken is required")
    kinds = (str, str, str, int, int, int, str)
    position = cursors.unpacked(delta or page or "", *kinds)
    if position is None:
        aurinko_access.invalid("deltaToken" if delta else "pageToken")
    cursor = _Cursor(*position)
    if (cursor.kind, cursor.use) != (kind, "delta" if delta else "page"):
        aurinko_access.invalid("a token of something else")
    if cursor.epoch != mailbox.epoch:
        aurinko_access.refuse(410, "The sync token has expired")
    return cursor


def _concerned(cursor: _Cursor) -> Callable[[Entry], bool]:
    """Of what was there already the young; of what changed since everything."""
    begun_at, earliest = cursor.begun_at, cursor.earliest
    return lambda entry: entry.change > begun_at or entry.received >= earliest


def _page(
    cursor: _Cursor, records: list[dict[str, Any]], *, more: bool
) -> dict[str, Any]:
    name, use = ("nextPageToken", "page") if more else ("nextDeltaToken", "delta")
    token = cursors.packed(*cursor._replace(use=use))
    return {name: token, "length": len(records), "records": records}


def _gone(deleted: Deleted) -> dict[str, Any]:
    return {
        "id": deleted.id,
        "folderId": deleted.folder.upper(),
        "internetMessageId": deleted.internet_message_id or None,
        "timestamp": headers.iso(deleted.time),
    }
