"""A mail as Aurinko hands it out, read into the shape that all channels share.

Records are read defensively: every field may be absent or of another type than documented.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from app.channels.base import Account, Item
from app.domain.html_text import text_of_html
from app.domain.identifiers import email_key
from app.domain.mail import MAX_HEADERS
from app.domain.mail_addresses import MAX_ADDRESSES, read_mailboxes
from app.domain.mail_facts import INVITING
from app.domain.mail_headers import MAX_FIELDS, MAX_VALUE, Headers, read_parameters
from app.domain.mail_ids import message_id, message_ids
from app.domain.mail_people import sender_of
from app.domain.scrub import scrub
from app.domain.unified_message import (
    MAX_TEXT,
    Attachment,
    Direction,
    MessageKind,
    Moment,
    Participant,
    Recipient,
    UnifiedMessage,
)

MESSAGES = "/v1/email/messages"

#: What is in these was not said to anybody, or not wanted.
_NO_MESSAGES = frozenset({"draft", "trash", "junk"})
_NAMING = ("name", "address", "raw")
_TAG = re.compile(r"<[a-z!/]", re.IGNORECASE)
_PKCS7 = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


class RecordReader:
    """Reads the records of one account."""

    def __init__(self, base_url: str, account: Account) -> None:
        self._base_url = base_url
        self._account = account

    def item(self, record: Any) -> Item:
        """Read a record; one that cannot be understood comes back with what is wrong."""
        if not isinstance(record, dict) or not record_id(record):
            return unreadable(record, "aurinko: a record without an id")
        try:
            raw = scrub(record)
            return Item(raw, self._unified(raw), external_id=record_id(raw))
        except RecursionError:
            fault = "nested too deep"
            record = {"id": record["id"]}  # the rest could not be stored either
        except ValidationError as exc:
            first = exc.errors(include_input=False, include_url=False)[0]
            fault = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        return unreadable(record, f"aurinko: unreadable record: {fault}")

    def _unified(self, record: dict[str, Any]) -> UnifiedMessage:
        headers = _headers(record)
        sender = _sender(record, headers)
        text, html = _bodies(record)
        sent_at, claimed_date = _sent_at(record)
        attachments = list(self._attachments(record))
        parents = message_ids(_text(record.get("inReplyTo")))
        references = message_ids(" ".join(_texts(record.get("references"))))
        facts = _facts(record, headers) | {"claimed_date": claimed_date}
        from_us = email_key(sender.value) in self._account.addresses
        is_ours = from_us or "sent" in facts["labels"]
        return UnifiedMessage(
            external_id=record_id(record),
            external_thread_id=_text(record.get("threadId")) or None,
            direction=Direction.OUTBOUND if is_ours else Direction.INBOUND,
            sender=sender,
            recipients=list(islice(_recipients(record), MAX_ADDRESSES)),
            subject=_text(record.get("subject")) or None,
            body_text=text,
            body_html=html,
            sent_at=sent_at,
            attachments=attachments,
            in_reply_to=parents[0] if parents else None,
            references=list(dict.fromkeys(references + parents[1:])),
            headers=headers.listed(MAX_HEADERS),
            kind=_kind(facts, has_text=bool(text), has_files=bool(attachments)),
            metadata={name: fact for name, fact in facts.items() if fact},
        )

    def _attachments(self, record: dict[str, Any]) -> Iterator[Attachment]:
        for listed in _objects(record.get("attachments")):
            size, attachment_id = listed.get("size"), record_id(listed)
            path = f"{MESSAGES}/{quote(record_id(record), safe='')}/attachments"
            yield Attachment(
                name=_text(listed.get("name")) or None,
                content_type=_text(listed.get("mimeType")).lower() or None,
                size=size if isinstance(size, int) and size >= 0 else None,
                url=f"{self._base_url}{path}/{quote(attachment_id, safe='')}"
                if attachment_id
                else None,
                content_id=_text(listed.get("contentId")).strip("<>") or None,
            )


def fingerprint_of(item: Item) -> Item:
    """Return the item with what tells it from others though its id may change.

    Some services give a mail another id when it is moved. Its Message-ID alone is no proof: senders
    choose it, and use one for different mails.
    """
    message = item.message
    own_id = message.metadata.get("internet_message_id") if message else None
    if message is None or not own_id:
        return item
    said = "".join((message.body_text or "").split())
    sent_at = message.sent_at.isoformat() if message.sent_at else ""
    sender = email_key(message.sender.value)
    parts = json.dumps([own_id, sender, message.subject or "", sent_at, said])
    digest = hashlib.sha256(parts.encode()).hexdigest()
    return replace(item, fingerprint=digest)


def is_message(record: Any) -> bool:
    """Whether a record is a message at all; what does not tell its labels may be one."""
    return _NO_MESSAGES.isdisjoint(_labels(record) or ())


def is_message_of(record: Any, folder: str) -> bool:
    """Whether a record is a message of this folder.

    What does not tell its labels, or is no record at all, belongs to every folder: it is better
    seen twice, which ingest notices, than not at all.
    """
    labels = _labels(record)
    if labels is None:
        return True
    return is_message(record) and ("sent" in labels) == (folder == "SENT")


def _labels(record: Any) -> list[str] | None:
    labels = record.get("sysLabels") if isinstance(record, dict) else None
    if not isinstance(labels, list):
        return None
    return [label.lower() for label in labels if isinstance(label, str)]


def lacks_body(record: Any) -> bool:
    """Whether the body of a mail has to be fetched by itself."""
    return (
        isinstance(record, dict)
        and bool(record_id(record))
        and "body" in _texts(record.get("omitted"))
    )


def unreadable(record: Any, error: str) -> Item:
    """Return the item of a record that cannot be read, with as much of it as can be kept."""
    raw = record if isinstance(record, dict) else {"record": record}
    try:
        raw = scrub(raw)
    except RecursionError:
        raw = {}
    return Item(raw, None, error, record_id(raw) or None)


def _sender(record: dict[str, Any], headers: Headers) -> Participant:
    for candidate in _objects(record.get("from")):
        if found := _participant(candidate):
            # A Google Group puts its own address in place of the writer's.
            is_group = " via " in (found["name"] or "") and headers.first("from")
            return sender_of(headers) if is_group else Participant(**found)
    sender = sender_of(headers)
    for candidate in _objects(record.get("from")):
        # `MAILER-DAEMON` is no address, and still says who it is.
        told = [_text(candidate.get(field)).strip("<> ") for field in _NAMING]
        sender.name = sender.name or next(filter(None, told), None)
    return sender


def _recipients(record: dict[str, Any]) -> Iterator[Recipient]:
    for role in ("to", "cc", "bcc"):
        for candidate in _objects(record.get(role)):
            if found := _participant(candidate):
                yield Recipient(**found, role=role)


def _participant(listed: dict[str, Any]) -> dict[str, Any] | None:
    """The address and name of somebody, else what the raw form of the address holds."""
    for field in ("address", "raw"):
        for mailbox in read_mailboxes(_text(listed.get(field))):
            told = " ".join(_text(listed.get("name")).split()).strip("'\"<> ")
            name = told or mailbox.name or ""
            is_name = name.lower() != mailbox.address.lower()
            return {
                "kind": "email",
                "value": mailbox.address,
                "name": name if name and is_name else None,
            }
    return None


def _bodies(record: dict[str, Any]) -> tuple[str | None, str | None]:
    """The body as text and as HTML, each where there is one."""
    body, snippet = _text(record.get("body")), _text(record.get("bodySnippet"))
    if not _TAG.search(body):  # no HTML after all
        return (body or snippet)[:MAX_TEXT] or None, None
    return (text_of_html(body) or snippet)[:MAX_TEXT] or None, body[:MAX_TEXT]


def _sent_at(record: dict[str, Any]) -> tuple[datetime | None, str | None]:
    """The moment of sending, and what is claimed instead where that is no moment."""
    if claimed := record.get("sentAt"):
        moment = _moment(claimed)
        return moment, None if moment else str(claimed)[:MAX_VALUE]
    return _moment(record.get("receivedAt")) or _moment(record.get("createdTime")), None


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return _MOMENT.validate_python(datetime.fromisoformat(value.strip()))
    except (ValueError, OverflowError):  # Exchange writes the year 1 for "never"
        return None


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _headers(record: dict[str, Any]) -> Headers:
    """The headers as they are listed, and two that the record knows where they are not."""
    listed = _objects(record.get("internetHeaders"))
    fields = [
        (name.lower(), _text(header.get("value")))
        for header in islice(listed, MAX_FIELDS)
        if (name := _text(header.get("name")))
    ]
    reply_to = [
        _participant(candidate) for candidate in _objects(record.get("replyTo"))
    ]
    known = {
        "message-id": _text(record.get("internetMessageId")),
        "reply-to": ", ".join(found["value"] for found in reply_to if found),
    }
    names = {name for name, _ in fields}
    missing = [(name, value) for name, value in known.items() if name not in names]
    fields = [field for field in missing if field[1]] + fields
    return Headers([(name, value[:MAX_VALUE].encode()) for name, value in fields])


def _facts(record: dict[str, Any], headers: Headers) -> dict[str, Any]:
    """What is known about the mail beside what it says; the rules read some of it."""
    content_type, parameters = read_parameters(headers.first("content-type") or "")
    method = _text(record.get("meetingMessageMethod"))
    is_sealed = content_type in _PKCS7 and "signed" not in parameters.get(
        "smime-type", ""
    )
    return {
        "internet_message_id": message_id(_text(record.get("internetMessageId"))),
        "labels": _labels(record) or [],
        "received_at": _iso(_moment(record.get("receivedAt"))),
        "omitted": _texts(record.get("omitted")),
        "truncated": len(_text(record.get("body"))) > MAX_TEXT,
        "content_type": content_type[:200],
        "report_type": parameters.get("report-type", "").lower(),
        "meeting_method": method,
        "calendar_method": method.upper(),
        "encrypted": content_type == "multipart/encrypted" or is_sealed,
    }


def _kind(facts: dict[str, Any], *, has_text: bool, has_files: bool) -> MessageKind:
    if facts["calendar_method"] in INVITING:
        return MessageKind.EVENT
    return MessageKind.MEDIA if has_files and not has_text else MessageKind.TEXT


def record_id(record: Any) -> str:
    """Return the id of a record, or nothing."""
    value = record.get("id") if isinstance(record, dict) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(value)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of a list; one that stands alone is a list of one."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item


def _texts(value: Any) -> list[str]:
    """The texts of a list; one that stands alone is a list of one."""
    listed = value if isinstance(value, list) else [value]
    return [text for item in listed if (text := _text(item))]


def _text(value: Any) -> str:
    """The text without blanks around it; nothing where it is none."""
    return value.strip() if isinstance(value, str) else ""
