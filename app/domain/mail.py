"""Reads one mail as it came over the wire into the shape all channels share.

Works for any bytes: what cannot be understood is left out, and `decode_error` in the
metadata says what that was. The raw bytes are kept elsewhere, so nothing is lost here.
"""

import csv
import re
from datetime import datetime
from functools import lru_cache
from typing import Any

from app.domain.charset import codec_for
from app.domain.identifiers import email_key
from app.domain.mail_body import Body, read_body
from app.domain.mail_date import claimed_moment
from app.domain.mail_digest import content_digest, synthetic_id
from app.domain.mail_facts import INVITING, facts_of
from app.domain.mail_headers import Headers, decode_words, read_parameters
from app.domain.mail_ids import message_id, message_ids
from app.domain.mail_parts import Part, read_parts
from app.domain.mail_people import UNKNOWN_SENDER, recipients_of, sender_of
from app.domain.tnef import Unpacked, unpack
from app.domain.unified_message import Direction, MessageKind, UnifiedMessage

__all__ = ["UNKNOWN_SENDER", "AttachedParts", "content_digest", "read_mail"]

MAX_HEADERS = 200

#: Long enough for 500 ids.
_MAX_REFERENCES = 40_000
#: A byte order mark, empty lines, or the line an mbox puts before each mail.
_BEFORE = re.compile(rb"\A(?:\xef\xbb\xbf)?(?:\s*>?From [^\n]*\n|\s+)?")


def read_mail(
    raw: bytes, *, own_addresses: frozenset[str] = frozenset()
) -> UnifiedMessage:
    """Read a mail. What comes from one of `own_addresses` is outbound.

    Never raises, and takes time and memory in proportion to the size of the mail.
    """
    root, faults = read_parts(_without_envelope(raw))
    headers = root.headers
    body = read_body(root)
    date = headers.first("date") or ""
    sent_at = claimed_moment(date)
    facts = facts_of(root.walk()) | _facts_of_headers(headers, date, sent_at)
    facts |= _facts_of_body(body)
    sender = sender_of(headers)
    is_own = email_key(sender.value) in _keys(own_addresses)
    parents = _ids(headers, "in-reply-to")
    return UnifiedMessage(
        external_id=_first_id(headers) or synthetic_id(raw),
        external_thread_id=_thread_id(headers),
        direction=Direction.OUTBOUND if is_own else Direction.INBOUND,
        sender=sender,
        recipients=recipients_of(headers),
        subject=headers.first("subject"),
        body_text=body.text or _invitation(facts),
        body_html=body.html,
        sent_at=sent_at,
        attachments=[file for _, file in body.files],
        in_reply_to=parents[0] if parents else None,
        references=list(dict.fromkeys(_ids(headers, "references") + parents[1:])),
        headers=headers.listed(MAX_HEADERS),
        kind=_kind(body, facts),
        metadata=facts | _faults(root, faults),
    )


class AttachedParts:
    """The parts of one mail: read once, decoded as each is asked for."""

    def __init__(self, raw: bytes) -> None:
        root, _ = read_parts(_without_envelope(raw))
        self._parts = {part.place: part for part in root.leaves()}
        self._unpacked: dict[str, Unpacked | None] = {}

    def content(self, place: str) -> bytes | None:
        """Return the decoded bytes of a part, by its place in `attachment_places`."""
        outer, _, inner = place.partition("/")
        part = self._parts.get(outer)
        if part is None or not inner:
            return part.content() if part else None
        # What stands in Outlook's wrapping is numbered from one.
        if outer not in self._unpacked:
            self._unpacked[outer] = unpack(part.content())
        unpacked = self._unpacked[outer]
        files = unpacked.files if unpacked else []
        is_there = inner.isdecimal() and 0 < int(inner) <= len(files)
        return files[int(inner) - 1].content if is_there else None


def _without_envelope(raw: bytes) -> bytes:
    if b"\n" not in raw:
        # Lone carriage returns are the line ends of old Macs.
        raw = raw.replace(b"\r", b"\n")
    return _BEFORE.sub(b"", raw, count=1)


@lru_cache(maxsize=256)
def _keys(addresses: frozenset[str]) -> frozenset[str]:
    return frozenset(map(email_key, addresses))


def _first_id(headers: Headers) -> str | None:
    ids = map(message_id, headers.all("message-id"))
    return next(filter(None, ids), None)


def _ids(headers: Headers, field: str) -> list[str]:
    values = headers.undecoded(field, _MAX_REFERENCES)
    return [found for value in values for found in message_ids(decode_words(value))]


def _thread_id(headers: Headers) -> str | None:
    thread = headers.first("x-gm-thrid")
    return f"gmail:{thread[:100]}" if thread else None


def _facts_of_headers(
    headers: Headers, date: str, sent_at: datetime | None
) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if declared := headers.first("content-type"):
        facts["content_type"] = read_parameters(declared)[0][:200]
    if date and sent_at is None:
        facts["claimed_date"] = date
    if labels := headers.first("x-gmail-labels"):
        # CSV: a label with a comma in it is quoted.
        rows = csv.reader([labels.replace("\n", " ")], skipinitialspace=True)
        facts["labels"] = [label.strip() for row in rows for label in row if label]
    return facts


def _facts_of_body(body: Body) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "signed": body.is_signed,
        "encrypted": body.is_encrypted,
        "truncated": body.is_truncated,
        "empty": not (body.text or body.html or body.attached),
        "attachment_places": [place for place, _ in body.files],
    }
    return {name: fact for name, fact in facts.items() if fact}


def _invitation(facts: dict[str, Any]) -> str | None:
    event = facts.get("calendar", {})
    said = [event[name] for name in ("summary", "location") if name in event]
    return "\n".join(said) or None


def _kind(body: Body, facts: dict[str, Any]) -> MessageKind:
    is_bare_date = "calendar" in facts and body.text is None
    if is_bare_date or facts.get("calendar_method") in INVITING:
        return MessageKind.EVENT
    if body.text is None and body.attached:
        return MessageKind.MEDIA
    return MessageKind.TEXT


def _faults(root: Part, faults: list[str]) -> dict[str, Any]:
    if not root.headers.fields:
        faults = [*faults, "no header fields"]
    labels = {part.charset or "" for part in root.walk() if part.main_type == "text"}
    unknown = sorted(label for label in labels if label and codec_for(label) is None)
    faults += [f"unknown charset {label[:40]}" for label in unknown]
    return {"decode_error": "; ".join(faults)} if faults else {}
