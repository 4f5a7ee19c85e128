"""What the structure of a mail proves, as metadata: reports, invitations, secrecy."""

import re
from typing import Any

from app.domain.mail_headers import Headers, read_headers
from app.domain.mail_ids import message_id
from app.domain.mail_parts import Part
from app.domain.status_fields import MAX_STATUS, has_status, read_status

#: Reports are short; what is longer was not written by a mail server.
_MAX_REPORT = MAX_STATUS
_MAX_ENTRIES = 100
_MAX_VALUE = 1_000

#: Methods by which a calendar asks or answers; others only hand out a date.
INVITING = frozenset({"REQUEST", "CANCEL", "REPLY", "COUNTER", "DECLINECOUNTER", "ADD"})

_REPORTS = {
    "message/delivery-status": "delivery-status",
    "message/global-delivery-status": "delivery-status",
    "message/disposition-notification": "disposition-notification",
    "message/feedback-report": "feedback-report",
}
_MESSAGES = frozenset({"message/rfc822", "message/global", "message/partial"})
#: Several names, for the one of the standard is younger than its use.
_HEADERS = frozenset(
    {
        "text/rfc822-headers",
        "text/rfc822-header",
        "text/rfc822",
        "message/rfc822-headers",
        "message/global-headers",
    }
)
_READ = {
    "final-recipient": "final_recipient",
    "original-recipient": "original_recipient",
    "disposition": "disposition",
}
_COMPLAINT = {
    "feedback-type": "feedback_type",
    "original-rcpt-to": "original_recipient",
    "removal-recipient": "original_recipient",
    "original-mail-from": "original_sender",
    "source-ip": "source_ip",
}
_TYPED = frozenset({"final_recipient", "original_recipient"})
_CALENDARS = frozenset({"text/calendar", "application/ics"})
_EVENT_LINE = re.compile(
    r"^(METHOD|SUMMARY|LOCATION|DTSTART|DTEND|UID|ORGANIZER)([^:\n]*):([^\n]*)",
    re.MULTILINE | re.IGNORECASE,
)
_BEFORE = re.compile(rb"\s*(?:>?From [^\n]*\n)?")
_EVENT_ESCAPE = re.compile(r"\\(.)")


def facts_of(parts: list[Part]) -> dict[str, Any]:
    """Return what the parts prove as metadata; only what is there has a key."""
    facts: dict[str, Any] = {}
    for part in parts:
        if part.content_type == "multipart/report":
            if declared := part.parameters.get("report-type"):
                facts["report_type"] = declared.lower()
        elif part.content_type in _REPORTS:
            facts.setdefault("report_type", _REPORTS[part.content_type])
            _add_report(part, facts)
        elif part.content_type in _CALENDARS:
            _add_calendar(part, facts)
        elif part.content_type in _MESSAGES:
            _add_message(part, facts)
        elif part.content_type in _HEADERS:
            _add_original(_headers_of(part), facts)
        elif part.content_type == "text/plain" and _may_be_returned(part):
            _add_plain(part, facts)
    return facts


def _may_be_returned(part: Part) -> bool:
    """Whether a text stands where servers put what they return, and is as short."""
    return not part.is_first and part.end - part.start <= 4 * _MAX_REPORT


def _add_report(part: Part, facts: dict[str, Any]) -> None:
    if _REPORTS[part.content_type] == "delivery-status":
        _add_status(part, facts)
        return
    for group in _groups(part.content()[:_MAX_REPORT]):
        match _REPORTS[part.content_type]:
            case "disposition-notification":
                facts.setdefault("disposition_notification", _picked(group, _READ))
                _add_id(group.first("original-message-id"), facts)
            case "feedback-report":
                known = facts.setdefault("feedback_report", {})
                for name, value in _picked(group, _COMPLAINT).items():
                    known.setdefault(name, value)


def _add_status(part: Part, facts: dict[str, Any]) -> None:
    recipients, server = read_status(part.text(_MAX_REPORT))
    entries = facts.setdefault("delivery_status", [])
    entries += recipients[: _MAX_ENTRIES - len(entries)]
    if server:
        facts.setdefault("reporting_mta", server)
    for group in _groups(part.content()[:_MAX_REPORT]):
        # Where a boundary is damaged, the returned headers stand in the same part.
        if group.first("message-id"):
            _add_original(group, facts)


def _add_plain(part: Part, facts: dict[str, Any]) -> None:
    """Some servers call the status or the returned headers plain text."""
    if "delivery_status" not in facts and has_status(part.text(_MAX_REPORT)):
        _add_status(part, facts)
        return
    inner = _headers_of(part)
    if "report_type" in facts:
        _add_original(inner, facts)
    elif inner.first("message-id") and inner.first("from"):
        facts.setdefault("returned_headers", _described(inner))


def _groups(content: bytes) -> list[Headers]:
    """Read the groups of fields that a report consists of."""
    groups: list[Headers] = []
    at = 0
    while at < len(content) and len(groups) < _MAX_ENTRIES:
        headers, after = read_headers(content, at, len(content))
        if headers.fields:
            groups.append(headers)
        at = max(after, at + 1)
    return groups


def _picked(group: Headers, names: dict[str, str]) -> dict[str, str]:
    picked: dict[str, str] = {}
    for field, key in names.items():
        if value := group.first(field):
            # `rfc822; anna@example.com`: the kind of address is always that.
            kind, _, rest = value.partition(";")
            is_typed = key in _TYPED and rest and " " not in kind.strip()
            picked[key] = (rest if is_typed else value).strip()[:_MAX_VALUE]
    return picked


def _add_message(part: Part, facts: dict[str, Any]) -> None:
    inner = _headers_of(part)
    entries = facts.setdefault("attached_messages", [])
    if len(entries) < _MAX_ENTRIES:
        entries.append({"place": part.place, **_described(inner)})
    if "report_type" in facts:
        _add_original(inner, facts)


def _described(inner: Headers) -> dict[str, str]:
    names = ("from", "to", "cc", "subject", "date")
    entry = {name: value[:_MAX_VALUE] for name in names if (value := inner.first(name))}
    if original := message_id(inner.first("message-id") or ""):
        entry["message_id"] = original
    return entry


def _headers_of(part: Part) -> Headers:
    content = part.content()
    # Some servers put an empty line or an mbox line before the returned headers.
    start = _BEFORE.match(content)
    headers, _ = read_headers(content, start.end() if start else 0, len(content))
    headers.charset = part.headers.charset
    return headers


def _add_original(inner: Headers, facts: dict[str, Any]) -> None:
    """Keep the id and the subject of the mail that a report is about."""
    _add_id(inner.first("message-id"), facts)
    if subject := inner.first("subject"):
        facts.setdefault("original_subject", subject[:_MAX_VALUE])


def _add_id(value: str | None, facts: dict[str, Any]) -> None:
    if value and (original := message_id(value)):
        facts.setdefault("original_message_id", original)


def _add_calendar(part: Part, facts: dict[str, Any]) -> None:
    method = part.parameters.get("method", "")
    event: dict[str, str] = {}
    # A folded line goes on after one blank.
    text = part.text(_MAX_REPORT).replace("\n ", "").replace("\n\t", "")
    begin = text.find("BEGIN:VEVENT")
    for match in _EVENT_LINE.finditer(text):
        name, value = match[1].lower(), _EVENT_ESCAPE.sub(r"\1", match[3]).strip()
        if name == "method":
            method = method or value
        elif value and match.start() > begin >= 0:
            event.setdefault(name, value[:_MAX_VALUE])
    if method:
        facts.setdefault("calendar_method", method.upper()[:50])
    facts.setdefault("calendar", event)
