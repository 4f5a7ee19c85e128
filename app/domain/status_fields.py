"""The fields of a delivery status, as RFC 3464 has them and as servers write them.

Servers leave out the empty line between recipients, add one within a recipient, or put
the fields into the text for people. All of these are read alike.
"""

import re
from collections.abc import Iterator

from app.domain.mail_headers import decode_words

#: Reports are short; what is longer was not written by a mail server.
MAX_STATUS = 262_144
MAX_RECIPIENTS = 100
_MAX_VALUE = 1_000

#: The field to the name that metadata has for it.
_OF_RECIPIENT = {
    "final-recipient": "final_recipient",
    "original-recipient": "original_recipient",
    "action": "action",
    "status": "status",
    "diagnostic-code": "diagnostic",
}
_OF_MESSAGE = {"reporting-mta": "reporting_mta"}
#: `rfc822; anna@example.com`: before the semicolon stands the kind of what follows.
_TYPED = frozenset(
    {"final_recipient", "original_recipient", "diagnostic", "reporting_mta"}
)
_RECIPIENTS = frozenset({"final_recipient", "original_recipient"})
_VERDICTS = frozenset({"action", "status"})
_FIELD = re.compile(r"[ \t>|]{0,8}([A-Za-z][A-Za-z-]{2,40})[ \t]*:[ \t]*(.*)")
_MORE = re.compile(r"[45]\d\d[ -]")
_STATUS = re.compile(
    r"^[ \t>|]{0,8}(?:final-recipient|original-recipient|reporting-mta)[ \t]*:",
    re.MULTILINE | re.IGNORECASE,
)


def has_status(text: str) -> bool:
    """Whether a text holds the fields of a delivery status."""
    return bool(_STATUS.search(text, 0, MAX_STATUS))


def read_status(text: str) -> tuple[list[dict[str, str]], str | None]:
    """Return the fields of each recipient, and the server that reports."""
    recipients: list[dict[str, str]] = []
    server: str | None = None
    for group in _groups(text[:MAX_STATUS]):
        if len(recipients) == MAX_RECIPIENTS:
            break
        server = server or group.pop("reporting_mta", None)
        group.pop("reporting_mta", None)
        last = recipients[-1] if recipients else {}
        if not _RECIPIENTS & last.keys() or group.keys() & (last.keys() | _RECIPIENTS):
            # What names no recipient and no verdict speaks of the server.
            if group.keys() - {"diagnostic"}:
                recipients.append(group)
        else:
            last.update(group)
    return recipients, server


def _groups(text: str) -> Iterator[dict[str, str]]:
    group: dict[str, str] = {}
    for name, value in _fields(text):
        if (not name or name in group) and group:
            yield {key: _plain(key, each) for key, each in group.items()}
            group = {}
        if name and value:
            group[name] = value
    if group:
        yield {key: _plain(key, each) for key, each in group.items()}


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Yield each known field with what it goes on with, and "" for an empty line."""
    name, values = "", [""]
    for line in text.split("\n"):
        match = _FIELD.match(line)
        known = _known(match[1]) if match else None
        is_more = line[:1] in " \t" or (name == "diagnostic" and _MORE.match(line))
        if known is None and line.strip(" \t\r>|") and is_more:
            values.append(line)
            continue
        if name:
            yield name, " ".join(values)
        name, values = known or "", [match[2] if match else ""]
        if not line.strip(" \t\r>|"):
            yield "", ""
    if name:
        yield name, " ".join(values)


def _known(field: str) -> str | None:
    field = field.lower()
    return _OF_RECIPIENT.get(field) or _OF_MESSAGE.get(field)


def _plain(name: str, value: str) -> str:
    value = " ".join(decode_words(value[: 4 * _MAX_VALUE]).split())
    kind, _, rest = value.partition(";")
    if name in _TYPED and rest and " " not in kind.strip():
        value = rest.strip()
    if name == "action":
        value = value.lower()
    return value[:_MAX_VALUE]
