"""What the structure of a mail proves, as metadata: reports, invitations, secrecy."""

import re
from typing import Any

from app.domain.mail_headers import Headers, read_headers
from app.domain.mail_ids import message_id
from app.domain.mail_parts import Part

#: Reports are short; what is longer was not written by a mail server.
_MAX_REPORT = 262_144
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
_MESSAGES = frozenset({"message/rfc822", "message/global", "text/rfc822-headers"})
_DELIVERY = {
    "final-recipient": "final_recipient",
    "original-recipient": "original_recipient",
    "action": "action",
    "status": "status",
    "diagnostic-code": "diagnostic",
}
_READ = {"final-recipient": "final_recipient", "disposition": "disposition"}
_COMPLAINT = {
    "feedback-type": "feedback_type",
    "original-rcpt-to": "original_recipient",
}
_TYPED = frozenset({"final_recipient", "original_recipient", "diagnostic"})
_CALENDARS = frozenset({"text/calendar", "application/ics"})
_EVENT_LINE = re.compile(
    r"^(METHOD|SUMMARY|LOCATION|DTSTART|DTEND|UID|ORGANIZER)([^:\n]*):([^\n]*)",
    re.MULTILINE | re.IGNORECASE,
)
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
    return facts


def _add_report(part: Part, facts: dict[str, Any]) -> None:
    for group in _groups(part.content()[:_MAX_REPORT]):
        match _REPORTS[part.content_type]:
            case "delivery-status":
                entry = _picked(group, _DELIVERY)
                entries = facts.setdefault("delivery_status", [])
                # The first group speaks of the server and names no recipient.
                if entry.keys() - {"diagnostic"} and len(entries) < _MAX_ENTRIES:
                    entries.append(entry)
            case "disposition-notification":
                facts.setdefault("disposition_notification", _picked(group, _READ))
                _add_original(group.first("original-message-id"), facts)
            case "feedback-report":
                facts.setdefault("feedback_report", _picked(group, _COMPLAINT))


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
    if "action" in picked:
        picked["action"] = picked["action"].lower()
    return picked


def _add_original(value: str | None, facts: dict[str, Any]) -> None:
    if value and (original := message_id(value)):
        facts.setdefault("original_message_id", original)


def _add_message(part: Part, facts: dict[str, Any]) -> None:
    content = part.content()
    inner, _ = read_headers(content, 0, len(content))
    if part.content_type != "text/rfc822-headers":
        found = {name: inner.first(name) for name in ("from", "subject", "date")}
        entry = {name: value[:_MAX_VALUE] for name, value in found.items() if value}
        entries = facts.setdefault("attached_messages", [])
        if len(entries) < _MAX_ENTRIES:
            entries.append({"place": part.place, **entry})
    if "report_type" in facts:
        _add_original(inner.first("message-id"), facts)


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
