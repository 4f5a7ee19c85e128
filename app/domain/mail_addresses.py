"""Addresses out of header values as they really come: groups, junk, names with an @."""

import re
from dataclasses import dataclass

from app.domain.mail_headers import decode_words

#: A recipient list longer than this belongs to a mailing, and the raw message has it.
MAX_ADDRESSES = 1_000
MAX_VALUE = 100_000
_MAX_ADDRESS = 500
_MAX_NAME = 300
#: Of one mailbox. Without it, a value full of colons costs seconds.
_MAX_TOKENS = 200

#: Encoded words are taken whole: some mailers leave commas and quotes bare in them.
#: The lengths keep an unclosed quote or bracket from being looked for again and again.
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.){0,500}"'
    r"|\((?:[^()\\]|\\.|\([^()]{0,200}\)){0,500}\)"
    r"|<[^<>]{0,600}>"
    r"|=\?[^?\s]{1,60}\?[bBqQ]\?[^?]{0,500}\?="
    r"|[,;:]"
    r'|[^\s"(<,;:=]+'
    r"|\s+"
    r"|.",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MAILBOX = re.compile(r"[^\s@<>()\[\],;:\"]+@(?:[^\s@<>()\[\],;:\"]+|\[[^\]\s]+\])")
_QUOTED_MAILBOX = re.compile(r'"[^"]{1,200}"@[^\s@<>(),;:"]+')


@dataclass(frozen=True)
class Mailbox:
    """One address as received, its domain in lower case, and the name beside it."""

    address: str
    name: str | None


def read_mailboxes(value: str) -> list[Mailbox]:
    """Read the mailboxes of an address header whose words are not decoded yet.

    What has no address with an @ in it is left out; never raises.
    """
    mailboxes: list[Mailbox] = []
    entry: list[str] = []
    for match in _TOKEN.finditer(value, 0, MAX_VALUE):
        token = match[0]
        if token in {",", ";"}:
            _close(entry, mailboxes)
            entry = []
        elif token == ":" and not _address(entry):
            # What stood before was the name of a group, or "mailto".
            entry = []
        elif len(entry) < _MAX_TOKENS:
            entry.append(token)
        if len(mailboxes) >= MAX_ADDRESSES:
            return mailboxes
    _close(entry, mailboxes)
    return mailboxes


def _close(entry: list[str], mailboxes: list[Mailbox]) -> None:
    address = _address(entry)
    if address is not None:
        local, _, domain = address.rpartition("@")
        received = f"{local}@{domain.lower()}"
        mailboxes.append(Mailbox(received, _name(entry, address)))


def _address(entry: list[str]) -> str | None:
    # The last bracket counts: `<a@b.example> (was <old@b.example>)` is a comment's.
    bracketed = [token for token in entry if token[0] == "<" and len(token) > 1]
    for token in reversed(bracketed):
        # A route may stand before the mailbox: <@relay:anna@example.com>.
        if address := _mailbox(token.strip("<> ").rpartition(":")[2]):
            return address
    bare = [token for token in entry if token[0] not in '("<']
    address = _mailbox("".join(bare)) if any("@" in token for token in bare) else None
    return address or _mailbox("".join(entry))


def _mailbox(text: str) -> str | None:
    if "@" not in text:
        return None
    found = _QUOTED_MAILBOX.search(text) or _MAILBOX.search(text)
    if found is None:
        found = _MAILBOX.search("".join(text.split()))
    if found is None or len(found[0]) > _MAX_ADDRESS:
        return None
    address = found[0].rstrip(".'`>")
    return address if address.rpartition("@")[2] else None


def _name(entry: list[str], address: str) -> str | None:
    name = ""
    if any(token[0] == "<" for token in entry):
        known = address.lower()
        words = [
            token
            for token in entry
            if token[0] not in "(<" and known not in token.lower()
        ]
        name = decode_words("".join(_unquoted(word) for word in words))
    if not name.strip("<> "):
        comments = [token[1:-1] for token in entry if token[0] == "("]
        name = decode_words(" ".join(comments))
    name = " ".join(name.split()).strip("<> ")
    # Some clients quote the name twice.
    if len(name) > 1 and name[0] == name[-1] == "'":
        name = name[1:-1]
    return name[:_MAX_NAME] or None


def _unquoted(token: str) -> str:
    if token[0] == '"' and len(token) > 1:
        return _ESCAPED.sub(r"\1", token[1:-1])
    return token
