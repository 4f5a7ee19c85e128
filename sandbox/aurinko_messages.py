"""Aurinko's messages: lists, conversations, single ones, their attachments."""

from typing import Any

from flask import Blueprint, request

from sandbox import aurinko_access, aurinko_queries, cursors, records
from sandbox.aurinko_queries import Condition
from sandbox.entries import Entry
from sandbox.mailbox import Mailbox
from sandbox.parts import BodyType
from sandbox.world import world

blueprint = Blueprint("messages", __name__)

_USUAL_LIMIT = 20
_HIGHEST_LIMIT = 100
#: Characters from which on a list leaves the body out.
_LARGE_BODY = 100 * 1024
#: What the lists of a mailbox leave out that Aurinko reads by IMAP.
_NOT_IN_IMAP_LISTS = ("body", "attachments", "internetHeaders")


@blueprint.get("/v1/email/messages")
def messages() -> dict[str, Any]:
    """A page of messages, newest first."""
    query = request.args.get("q", "")
    return _page(aurinko_access.mailbox(), aurinko_queries.wanted(query), query)


@blueprint.get("/v1/email/conversations/<thread_id>")
def conversation(thread_id: str) -> dict[str, Any]:
    """A page of the messages of a thread, newest first."""
    mailbox = aurinko_access.mailbox()
    return _page(
        mailbox, lambda entry: mailbox.thread_id(entry) == thread_id, thread_id
    )


@blueprint.get("/v1/email/messages/<message_id>")
def message(message_id: str) -> records.Record:
    """One message, whole."""
    mailbox = aurinko_access.mailbox()
    entry = aurinko_access.entry_of(mailbox, message_id)
    required = aurinko_access.said("requireThreadId")
    if not mailbox.knows_thread(entry, seek=required) and required:
        wait = str(mailbox.settings.retry_after)
        aurinko_access.refuse(
            408, "The thread is still being discovered", **{"Retry-After": wait}
        )
    record = records.record(mailbox, entry, aurinko_access.body_type())
    return _without_unknown_thread(record, mailbox, entry)


@blueprint.get("/v1/email/messages/<message_id>/attachments/<attachment_id>")
def attachment(message_id: str, attachment_id: str) -> records.Record:
    """One attachment with its bytes in base64."""
    mailbox = aurinko_access.mailbox()
    entry = aurinko_access.entry_of(mailbox, message_id)
    found = records.attachment(mailbox, entry, attachment_id)
    if found is None:
        aurinko_access.refuse(404, "The message has no such attachment")
    return found


def listed(mailbox: Mailbox, entry: Entry, body_type: BodyType) -> records.Record:
    """A record as lists have it: they may leave things out, and say so."""
    record = records.record(mailbox, entry, body_type)
    every = world().omit_every
    if mailbox.settings.service_type == "IMAP":
        _leave_out(record, *_NOT_IN_IMAP_LISTS)
    elif len(record["body"]) > _LARGE_BODY or (every and entry.number % every == 0):
        _leave_out(record, "body")
    return _without_unknown_thread(record, mailbox, entry)


def _page(mailbox: Mailbox, wanted: Condition, query: str) -> dict[str, Any]:
    body_type, after = aurinko_access.body_type(), _place(query)
    limit = min(aurinko_access.number("limit", _USUAL_LIMIT), _HIGHEST_LIMIT)
    limit = aurinko_access.page_limit(mailbox, limit)
    entries, more = mailbox.page(limit, wanted, after=after)
    page: dict[str, Any] = {
        "length": len(entries),
        "records": [listed(mailbox, entry, body_type) for entry in entries],
    }
    if more:
        page["nextPageToken"] = cursors.packed(*entries[-1].place, query)
    return page


def _place(query: str) -> tuple[int, int] | None:
    """Where the page before this one ended; a token is good for its own query only."""
    token = request.args.get("pageToken")
    if not token:
        return None
    position = cursors.unpacked(token, int, int, str)
    if position is None:
        aurinko_access.invalid("pageToken")
    received, number, asked = position
    if asked != query:
        aurinko_access.invalid("pageToken of another query")
    return received, number


def _without_unknown_thread(
    record: records.Record, mailbox: Mailbox, entry: Entry
) -> records.Record:
    if not mailbox.knows_thread(entry):
        _leave_out(record, "threadId")
    return record


def _leave_out(record: records.Record, *fields: str) -> None:
    for name in fields:
        del record[name]
    record["omitted"] = [*record["omitted"], *fields]
