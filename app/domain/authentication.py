"""What our own mail server found out about who sent a mail (RFC 8601)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_MAX_VALUE = 10_000
_COMMENT = re.compile(r"\([^()]{0,1000}\)")
_RESULT = re.compile(
    r"\s*(spf|dkim|dmarc)(?:\s*/\s*\d{1,3})?\s*=\s*([a-z]{1,20})\b(.*)", re.DOTALL
)
_VERDICTS = frozenset(
    {"pass", "fail", "softfail", "neutral", "none", "policy", "temperror", "permerror"}
)
_SIGNER = re.compile(r"\bheader\.(?:d|i)\s*=\s*\"?(?:[^\s\"@;]*@)?([\w.-]{1,253})")


@dataclass(frozen=True)
class Authentication:
    """The verdicts of one server: `pass`, `fail`, `none` ...; None where it gave none."""

    server: str
    spf: str | None = None
    dkim: str | None = None
    dmarc: str | None = None
    signers: tuple[str, ...] = ()
    """The domains whose signatures are valid."""

    @property
    def proves_sender(self) -> bool:
        """Whether the address in From is that of who sent it."""
        return self.dmarc == "pass"


def authentication_of(
    headers: Mapping[str, Any], trusted: frozenset[str]
) -> Authentication | None:
    """Read the topmost Authentication-Results, if a trusted server wrote it.

    Those below it came with the mail, whatever name they bear: anybody can write them.
    A server that gives no name, as Microsoft 365 does, is trusted as "".
    """
    values = headers.get("authentication-results")
    topmost = values[0] if isinstance(values, list) and values else values
    if not isinstance(topmost, str):
        return None
    parts = _plain(topmost[:_MAX_VALUE].lower()).split(";")
    server = "" if _RESULT.match(parts[0]) else (parts.pop(0).split() or [""])[0]
    if server not in {name.lower() for name in trusted}:
        return None
    found: dict[str, str] = {}
    signers: list[str] = []
    for part in parts:
        match = _RESULT.match(part)
        if match is None or match[2] not in _VERDICTS:
            continue
        method, verdict, rest = match.groups()
        # One valid signature is enough, whatever others there are.
        if method not in found or (method == "dkim" and verdict == "pass"):
            found[method] = verdict
        if method == "dkim" and verdict == "pass" and (signer := _SIGNER.search(rest)):
            signers.append(signer[1])
    return Authentication(server, signers=tuple(dict.fromkeys(signers)), **found)


def _plain(value: str) -> str:
    """Take the comments out; they nest, and they may hold semicolons."""
    for _ in range(5):
        value, count = _COMMENT.subn(" ", value)
        if not count:
            break
    return value
