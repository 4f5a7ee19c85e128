"""Which discussion lists a mail came over, however the list's software says so."""

import re

from app.domain.identifiers import email_key
from app.domain.mail_addresses import read_mailboxes
from app.domain.unified_message import UnifiedMessage

_ID = re.compile(r"<([^<>\s]{1,200})>|^\s*([^<>\s]{1,200})\s*$")
_POST = re.compile(r"mailto:([^?>\s]{1,300})", re.IGNORECASE)
#: `list fork@example.com; contact …`, as ezmlm and Yahoo write it.
_MAILING = re.compile(r"(?:^|\blist\s)\s*([^\s;,<>]{1,200}@[^\s;,<>]{1,200})")
_DELIVERED = re.compile(
    r"mailing list\s+([^\s;,<>]{1,200}@[^\s;,<>]{1,200})", re.IGNORECASE
)
#: Their values are addresses of the list itself.
_ADDRESSES = ("x-mailing-list", "x-beenthere", "x-been-there", "x-ml-address")
#: What list software puts before a subject; a ticket system's tag has a number in it.
_TAG = re.compile(r"\s*(?:[^\W\d]{2,4}\s?[:：]\s*)*\[([^\W\d][\w.-]{2,39})\]")
_NO_LIST = frozenset(
    {"external", "extern", "externe", "externo", "spam", "bulk", "urgent", "important"}
    | {
        "suspicious",
        "caution",
        "warning",
        "confidential",
        "encrypted",
        "secure",
        "test",
    }
)
#: Of one header, and of all together.
_MAX_VALUES = 10
_MAX_LISTS = 20


def lists_of(message: UnifiedMessage) -> frozenset[str]:
    """Return the ids and addresses of the lists whose software handled a mail.

    Empty for what was only addressed to a list: that anybody can claim of any address.
    """
    found: set[str] = set()
    for value in _values(message, "list-id"):
        if match := _ID.search(value):
            found.add((match[1] or match[2]).lower())
    for name, pattern in (
        ("list-post", _POST),
        ("mailing-list", _MAILING),
        ("delivered-to", _DELIVERED),
    ):
        for value in _values(message, name):
            found.update(email_key(match) for match in pattern.findall(value[:1_000]))
    for name in _ADDRESSES:
        for value in _values(message, name):
            found.update(
                email_key(one.address) for one in read_mailboxes(value[:1_000])
            )
    found.update(_sending_list(message))
    if not found and (tag := _tag(message)):
        found.add(tag)
    return frozenset(sorted(found)[:_MAX_LISTS])


def _sending_list(message: UnifiedMessage) -> set[str]:
    """The recipient in whose name the mail was handed on to many."""
    precedence = " ".join(_values(message, "precedence")).lower()
    if "bulk" not in precedence and "list" not in precedence:
        return set()
    senders = {
        email_key(one.address)
        for value in _values(message, "sender")
        for one in read_mailboxes(value[:1_000])
    }
    return senders & {email_key(one.value) for one in message.recipients[:_MAX_LISTS]}


def _tag(message: UnifiedMessage) -> str | None:
    """The list's tag in the subject of a mail that names no recipient, as archives keep them."""
    if message.recipients or "message-id" not in message.headers:
        return None
    match = _TAG.match((message.subject or "")[:1_000])
    if match is None or match[1].lower() in _NO_LIST:
        return None
    return None if any(map(str.isdigit, match[1])) else f"[{match[1].lower()}]"


def _values(message: UnifiedMessage, name: str) -> list[str]:
    value = message.headers.get(name)
    values = value if isinstance(value, list) else [value]
    return [one for one in values[:_MAX_VALUES] if isinstance(one, str)]
