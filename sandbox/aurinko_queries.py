"""The parameter `q`: Gmail's way to say which messages a list should have."""

import calendar
import re
from collections.abc import Callable
from datetime import datetime

from sandbox import aurinko_access
from sandbox.entries import Entry

Condition = Callable[[Entry], bool]

_DATE_FORMS = ("%Y/%m/%d", "%Y-%m-%d", "%m/%d/%Y")


def wanted(query: str) -> Condition:
    """Whether a mail is among those that are asked for."""
    conditions = [_condition(term) for term in query.lower().split()]
    if not aurinko_access.said("includeTrashAndJunk"):
        conditions.append(lambda entry: entry.folder not in {"trash", "junk"})
    return lambda entry: all(condition(entry) for condition in conditions)


def _condition(term: str) -> Condition:
    """One term of a query; what cannot be searched for is refused, not ignored."""
    name, _, value = term.partition(":")
    moment = _moment(value) if name in {"after", "before"} else None
    if name == "in" and value in {"inbox", "sent", "trash", "draft"}:
        return lambda entry: entry.folder == value
    if term == "is:unread":
        return lambda entry: entry.unread
    if term == "is:read":
        return lambda entry: not entry.unread
    if moment is None:
        aurinko_access.invalid(f"q {term}")
    if name == "after":
        return lambda entry: entry.received >= moment
    return lambda entry: entry.received < moment


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
