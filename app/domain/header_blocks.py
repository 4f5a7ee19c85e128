"""Reads the header lines that programs put above a mail they quote."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from app.domain.attributions import YEAR
from app.domain.reply_phrases import LABELS

_HEADER_LINES = 16
_LABELLED = re.compile(r"\s*[*|]{0,2}\s*[^\d\s:：*][^:：]{0,30}[:：]")
#: A sender has letters; "From: 10:00" has not.
_NAMING = re.compile(r"[:：].*[^\W\d_]{2}")


@dataclass(frozen=True)
class HeaderBlock:
    roles: set[str]
    end: int
    has_address: bool

    @property
    def is_quoted_mail(self) -> bool:
        # "From: London, To: Paris, Date: 3 June" is a journey, and a form has a subject too.
        if "from" not in self.roles or not self.roles & {"sent", "date"}:
            return False
        is_addressed = "to" in self.roles and (
            "subject" in self.roles or self.has_address
        )
        return is_addressed or {"sent", "subject"} <= self.roles


def header_block(lines: Sequence[str], at: int) -> HeaderBlock:
    """Read the header lines that stand from here on, if any do."""
    roles: set[str] = set()
    end = at
    for here in range(at, min(at + _HEADER_LINES, len(lines))):
        line = lines[here]
        if role := _role(line):
            if role != "from" or _NAMING.search(line):
                roles.add(role)
            end = here + 1
        elif here == at or (line.strip() and not lines[here - 1].strip()):
            # A line without a label only goes on with the line above it.
            break
    has_address = any("@" in line for line in lines[at:end])
    return HeaderBlock(roles, end, has_address)


def are_labels(lines: Sequence[str], start: int) -> bool:
    """Whether these are the headers of a mail, in whatever language."""
    block = list(takewhile(_LABELLED.match, lines[start : start + 8]))
    text = " ".join(block)
    return len(block) >= 3 and "@" in text and bool(YEAR.search(text))


def _role(line: str) -> str | None:
    label, colon, _ = line[:60].replace("：", ":").partition(":")
    if not colon:
        return None
    return LABELS.get("".join(label.strip(" >*_|\t\xa0").lower().split()))
