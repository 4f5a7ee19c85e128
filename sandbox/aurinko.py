"""Aurinko: the mails of a mailbox file, as the unified e-mail API hands them out."""

import calendar
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn

from flask import Blueprint, request

from sandbox import records, wire
from sandbox.mailbox import Entry, Mailbox
from sandbox.parts import BodyType
from sandbox.world import world

blueprint = Blueprint("aurinko", __name__)

TOKEN = "sandbox-"

_USUAL_LIMIT = 20
_HIGHEST_LIMIT = 100
#: Characters from which on a list leaves the body out.
_LARGE_BODY = 100 * 1024
_ERRORS = {
    400: "invalid.request",
    401: "unauthorized",
    403: "forbidden",
    404: "not.found",
    408: "thread.not.ready",
    410: "token.expired",
    429: "too.many.requests",
}
_DATE_FORMS = ("%Y/%m/%d", "%Y-%m-%d", "%m/%d/%Y")

Condition = Callable[[Entry], bool]


def error_body(status: int, message: str, code: str = "") -> dict[str, Any]:
    """An error as Aurinko writes it."""
    return {
        "code": code or _ERRORS.get(status, "server.error"),
        "message": message,
        "requestId": wire.request_fingerprint(),
        "originalError": None,
    }


@blueprint.get("/v1/account")
def account() -> dict[str, Any]:
    """The connected mailbox, which is well."""
    mailbox = _mailbox()
    return {
        "id": int(wire.fingerprint(wire.bearer())[:6], 16),
        "serviceType": "Google",
        "active": True,
        "tokenStatus": "active",
        "tokenError": None,
        "email": mailbox.owner,
        "email2": None,
        "mailboxAddress": mailbox.owner,
        "name": mailbox.owner.partition("@")[0],
        "authScopes": ["Mail.Read"],
    }


@blueprint.get("/v1/email/messages")
def messages() -> dict[str, Any]:
    """A page of messages, newest first."""
    mailbox, body_type = _mailbox(), _body_type()
    query = request.args.get("q", "")
    entries, more = mailbox.page(_limit(), _wanted(query), after=_place(query))
    page: dict[str, Any] = {
        "length": len(entries),
        "records": [_listed(mailbox, entry, body_type) for entry in entries],
    }
    if more:
        page["nextPageToken"] = _page_token(entries[-1], query)
    return page


@blueprint.get("/v1/email/messages/<message_id>")
def message(message_id: str) -> records.Record:
    """One message, whole."""
    mailbox = _mailbox()
    return records.record(mailbox, _entry(mailbox, message_id), _body_type())


@blueprint.get("/v1/email/messages/<message_id>/attachments/<attachment_id>")
def attachment(message_id: str, attachment_id: str) -> records.Record:
    """One attachment with its bytes in base64."""
    mailbox = _mailbox()
    entry = _entry(mailbox, message_id)
    found = records.attachment(mailbox, entry, attachment_id)
    if found is None:
        wire.refuse(404, error_body(404, "The message has no such attachment"))
    return found


def _mailbox() -> Mailbox:
    """The mailbox that the token opens: one that was loaded for it, or the default."""
    token = wire.bearer()
    if token == wire.DEAD:
        dead = "The account token is not valid anymore"
        wire.refuse(401, error_body(401, dead, "token.dead"))
    if not token.startswith(TOKEN):
        wire.refuse(401, error_body(401, "An account token is required"))
    known = world()
    return known.mailboxes.get(token.removeprefix(TOKEN), known.default_mailbox)


def _entry(mailbox: Mailbox, message_id: str) -> Entry:
    entry = mailbox.find(message_id)
    if entry is None:
        wire.refuse(404, error_body(404, "There is no such message"))
    return entry


def _listed(mailbox: Mailbox, entry: Entry, body_type: BodyType) -> records.Record:
    """A record as lists have it: some leave the body out and say so."""
    record = records.record(mailbox, entry, body_type)
    every = world().omit_every
    if len(record["body"]) > _LARGE_BODY or (every and entry.number % every == 0):
        del record["body"]
        record["omitted"] = ["body"]
    return record


def _body_type() -> BodyType:
    wanted = request.args.get("bodyType", "html")
    if wanted not in {"html", "text"}:
        _invalid(f"bodyType {wanted}")
    return "text" if wanted == "text" else "html"


def _limit() -> int:
    wanted = request.args.get("limit", str(_USUAL_LIMIT))
    if not wanted.isdecimal() or not int(wanted):
        _invalid(f"limit {wanted}")
    return min(int(wanted), _HIGHEST_LIMIT)


def _invalid(what: str) -> NoReturn:
    wire.refuse(400, error_body(400, f"Invalid parameter: {what}"))


def _page_token(last: Entry, query: str) -> str:
    token = json.dumps([*last.place, query]).encode()
    return urlsafe_b64encode(token).decode().rstrip("=")


def _place(query: str) -> tuple[int, int] | None:
    """Where the page before this one ended; a token is good for its own query only."""
    token = request.args.get("pageToken")
    if not token:
        return None
    try:
        padded = token + "=" * (-len(token) % 4)
        received, number, asked = json.loads(urlsafe_b64decode(padded))
    except (ValueError, TypeError):
        _invalid("pageToken")
    if not isinstance(received, int) or not isinstance(number, int):
        _invalid("pageToken")
    if asked != query:
        _invalid("pageToken of another query")
    return received, number


def _wanted(query: str) -> Condition:
    conditions = [_condition(term) for term in query.lower().split()]
    if request.args.get("includeTrashAndJunk", "").lower() != "true":
        conditions.append(lambda entry: not {"trash", "junk"} & set(entry.labels))
    return lambda entry: all(condition(entry) for condition in conditions)


def _condition(term: str) -> Condition:
    """One term of a query; what cannot be searched for is refused, not ignored."""
    name, _, value = term.partition(":")
    if name == "in" and value in {"inbox", "sent", "trash", "draft"}:
        return lambda entry: value in entry.labels
    if term == "is:unread":
        return lambda entry: "unread" in entry.labels
    if term == "is:read":
        return lambda entry: "unread" not in entry.labels
    if name in {"after", "before"} and (moment := _moment(value)) is not None:
        if name == "after":
            return lambda entry: entry.received >= moment
        return lambda entry: entry.received < moment
    _invalid(f"q {term}")


def _moment(value: str) -> int | None:
    """Unix seconds of a day as people write it, or of the seconds themselves."""
    if re.fullmatch(r"\d{8,}", value, re.ASCII):
        return int(value)
    for form in _DATE_FORMS:
        try:
            return calendar.timegm(datetime.strptime(value, form).timetuple())
        except ValueError:
            continue
    return None
