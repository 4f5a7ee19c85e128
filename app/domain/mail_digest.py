"""What makes two mails the same mail, read from the bytes alone.

Nothing here may follow the parser: a stored key has to come out the same for ever.
"""

import hashlib
import re

_ENVELOPE = re.compile(rb"\A(?:\s*>?From [^\n]*\n|\s+)")
_EMPTY_LINE = re.compile(rb"\n\n|\A\n")
_FOLD = re.compile(rb"\n?[ \t]+")
#: Added or rewritten on the way, so two copies of one mail differ in them.
_ON_THE_WAY = re.compile(
    rb"(?:x-|received|delivered-to|envelope-to|return-path|message-id|status|lines"
    rb"|content-length|authentication-results|arc-|dkim-filter)"
)
_IDENTIFYING = (b"from", b"subject", b"date")
_LONGEST_HEAD = 1_048_576


def content_digest(raw: bytes) -> str:
    """Return the SHA-256 of what the sender wrote: body, From, Subject and Date.

    Two mails with one Message-ID are the same mail exactly when this is the same.
    """
    head, body = _head_and_body(raw)
    kept: dict[bytes, bytes] = {}
    for name, line in _fields(head):
        if name in _IDENTIFYING:
            kept.setdefault(name, line.partition(b":")[2].strip())
    lines = [name + b":" + kept.get(name, b"") for name in _IDENTIFYING]
    return hashlib.sha256(b"\n".join([*lines, b"", body])).hexdigest()


def synthetic_id(raw: bytes) -> str:
    """Return an id for a mail that has none: the same for each copy of the mail."""
    head, body = _head_and_body(raw)
    lines = [line for name, line in _fields(head) if not _ON_THE_WAY.match(name)]
    digest = hashlib.sha256(b"\n".join([*lines, b"", body])).hexdigest()
    return f"sha256:{digest}@bizzybee.invalid"


def _head_and_body(raw: bytes) -> tuple[bytes, bytes]:
    text = _ENVELOPE.sub(b"", raw.replace(b"\r\n", b"\n"))
    blank = _EMPTY_LINE.search(text, 0, _LONGEST_HEAD)
    if blank is None:
        return text[:_LONGEST_HEAD], text[_LONGEST_HEAD:].rstrip()
    return text[: blank.start()], text[blank.end() :].rstrip()


def _fields(head: bytes) -> list[tuple[bytes, bytes]]:
    """Each header line, unfolded, with its name in lower case."""
    lines: list[tuple[bytes, bytes]] = []
    for line in re.split(rb"\n(?![ \t])", head):
        unfolded = _FOLD.sub(b" ", line).strip()
        lines.append((unfolded.partition(b":")[0].rstrip().lower(), unfolded))
    return lines
