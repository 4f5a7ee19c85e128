"""Tells what somebody wrote from what they quoted and how they signed.

Nothing is deleted: each line ends up in exactly one of the three.
"""

import re
from dataclasses import dataclass

from app.domain.reply_phrases import (
    ATTRIBUTION_LEAD,
    ATTRIBUTION_VERB,
    CUT,
    LABELS,
    SENT_FROM,
)

#: Longer lines are paragraphs, and no program wrote them.
_LONGEST = 400
#: No answer has more.
_MOST_LINES = 100_000
_ATTRIBUTION_LINES = 4
_HEADER_LINES = 14
_SIGNATURE_LINES = 40
#: The blank after the dashes is the standard; without it the dashes may divide a text.
_LOOSE_SIGNATURE_LINES = 15

_QUOTED = re.compile(r"\s{0,4}(?:[A-Z]{1,4})?>")
_OTHER_MARK = re.compile(r"\s{0,4}[^\w\s\"'(*<\[{\-]{1,3}(?=\s)|--\]")
_ADDRESS = re.compile(r"<[^<>\s]+@[^<>\s]+>|\[mailto:|\(\s*<?[^()\s]+@[^()\s]+>?\s*\)")
_YEAR = re.compile(r"(?:19|20)\d\d|\b\d{1,2}[./]\d{1,2}[./]\d{2}\b")
_TIME = re.compile(r"\d{1,2}[:.h]\d{2}")
_DIVIDER = re.compile(r"\s*[-_=*—]{5,}\s*$")
_LIST_FOOTER = re.compile(r"\s*_{20,}\s*$")
_LIST_WORDS = re.compile(r"mailing list|mailman|listinfo|unsubscribe", re.IGNORECASE)
_COLONS = (":", "：")

_WRITTEN, _QUOTE, _SIGNATURE = range(3)


@dataclass(frozen=True)
class ReplyParts:
    """The three parts of a text."""

    visible: str
    quoted: str
    signature: str


def split_reply(text: str) -> ReplyParts:
    """Separate quotes and signature from what was written.

    Lines between quotes stay visible. Where nothing else would, the whole text does.
    """
    lines = text.split("\n")
    if len(lines) > _MOST_LINES:
        return ReplyParts(visible=text, quoted="", signature="")
    kinds = _Marker(lines).marked()
    visible, quoted, signature = (
        "\n".join(line for line, kind in zip(lines, kinds, strict=True) if kind is each)
        for each in (_WRITTEN, _QUOTE, _SIGNATURE)
    )
    if not visible.strip():
        return ReplyParts(visible=text, quoted="", signature="")
    return ReplyParts(visible.strip(), quoted.strip("\n"), signature.strip("\n"))


@dataclass(frozen=True)
class _HeaderBlock:
    roles: set[str]
    end: int
    has_address: bool

    @property
    def is_quoted_mail(self) -> bool:
        # "From: London, To: Paris, Date: 3 June" is a journey.
        names_mail = "subject" in self.roles or (
            "to" in self.roles and self.has_address
        )
        return {"from", "date"} <= self.roles and names_mail


class _Marker:
    """Marks each line of a text as written, quoted, or part of a signature."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.kinds = [_QUOTE if _QUOTED.match(line) else _WRITTEN for line in lines]
        quotes = [at for at, kind in enumerate(self.kinds) if kind == _QUOTE]
        self._last_quote = max(quotes, default=-1)

    def marked(self) -> list[int]:
        at = 0
        while at < len(self.lines):
            is_open = self.kinds[at] == _WRITTEN and len(self.lines[at]) <= _LONGEST
            at = (is_open and self._introduced(at)) or at + 1
        self._mark_signatures()
        self._mark_gaps()
        return self.kinds

    def _introduced(self, at: int) -> int | None:
        """Mark what introduces a quote here, and return where to go on."""
        line = self.lines[at]
        if CUT.fullmatch(line.strip()):
            block = self._header_block(self._next_text(at + 1))
            return self._cut(at, block.end if block.roles else at + 1)
        block = self._header_block(at)
        if block.is_quoted_mail:
            return self._cut(self._divider_before(at), block.end)
        if line.rstrip(" \t\xa0\u200b*_").endswith(_COLONS):
            return self._attribution(at)
        return None

    def _cut(self, start: int, end: int) -> int:
        """Mark an introduction, and all after it unless its quotes bear marks."""
        return self._mark(start, end if self._is_quote(end) else len(self.lines))

    def _header_block(self, at: int) -> "_HeaderBlock":
        """Read the header lines that stand from here on, if any do."""
        roles: set[str] = set()
        end = at
        for here in range(at, min(at + _HEADER_LINES, len(self.lines))):
            line = self.lines[here]
            if role := _role(line):
                roles.add(role)
                end = here + 1
            elif here == at or (line.strip() and not self.lines[here - 1].strip()):
                # A line without a label only goes on with the line above it.
                break
        has_address = any("@" in line for line in self.lines[at:end])
        return _HeaderBlock(roles, end, has_address)

    def _divider_before(self, at: int) -> int:
        above = at - 1
        while above >= 0 and not self.lines[above].strip():
            above -= 1
        return above if above >= 0 and _DIVIDER.match(self.lines[above]) else at

    def _attribution(self, at: int) -> int | None:
        start = self._attribution_start(at)
        text = " ".join(self.lines[start : at + 1])
        has_verb = bool(ATTRIBUTION_VERB.search(text))
        has_address = bool(_ADDRESS.search(text))
        has_year = bool(_YEAR.search(text))
        if has_year and (has_verb or has_address):
            self._adopt_mark(at + 1)
        if self._is_quote(at + 1):
            is_dated = has_year and bool(_TIME.search(text))
            named = has_verb or has_address or is_dated
            return self._mark(start, at + 1) if named else None
        has_lead = bool(ATTRIBUTION_LEAD.match(text.strip()))
        if not has_year or not (has_address or (has_verb and has_lead)):
            return None
        # Marked quotes further down: what stands between may be an answer.
        is_last = self._last_quote < at
        return self._mark(start, len(self.lines) if is_last else at + 1)

    def _attribution_start(self, at: int) -> int:
        """Look for the first line of an attribution that was wrapped."""
        start = at
        for above in range(at, max(at - _ATTRIBUTION_LINES, -1), -1):
            line = self.lines[above].strip()
            if not line or len(line) > _LONGEST or self.kinds[above] != _WRITTEN:
                break
            if ATTRIBUTION_LEAD.match(line):
                start = above
        return start

    def _adopt_mark(self, at: int) -> None:
        """Learn the mark of those who quote with another than `>`."""
        first = self._next_text(at)
        if first == len(self.lines) or self.kinds[first] != _WRITTEN:
            return
        if found := _OTHER_MARK.match(self.lines[first]):
            for here in range(first, len(self.lines)):
                if self.lines[here].startswith(found[0]):
                    self._mark(here, here + 1)
                    self._last_quote = max(self._last_quote, here)

    def _mark_signatures(self) -> None:
        for at, line in enumerate(self.lines):
            if self.kinds[at] != _WRITTEN:
                continue
            end = at + 1
            if line.rstrip() == "--":
                end = self._signature_end(at, is_standard=line != "--")
            elif _LIST_FOOTER.match(line):
                footer = "\n".join(self.lines[at : at + 5])
                end = self._signature_end(at, is_standard=True)
                end = end if _LIST_WORDS.search(footer) else at
            elif len(line) > 160 or not SENT_FROM.fullmatch(line.strip()):
                continue
            self._mark(at, end, _SIGNATURE)

    def _signature_end(self, at: int, *, is_standard: bool) -> int:
        """Where a signature ends, or its start where it is too long to be one."""
        left = _SIGNATURE_LINES if is_standard else _LOOSE_SIGNATURE_LINES
        for end in range(at + 1, len(self.lines)):
            if self.kinds[end] != _WRITTEN:
                return end
            left -= bool(self.lines[end].strip())
            if left < 0:
                return at
        return len(self.lines)

    def _mark_gaps(self) -> None:
        """Count empty lines between two quoted ones as quoted."""
        last = _WRITTEN
        gap: list[int] = []
        for at, line in enumerate(self.lines):
            if not line.strip():
                gap.append(at)
                continue
            if gap and last == self.kinds[at]:
                self._mark(gap[0], at, last)
            gap = []
            last = self.kinds[at]

    def _mark(self, start: int, end: int, kind: int = _QUOTE) -> int:
        for at in range(start, end):
            if self.kinds[at] == _WRITTEN:
                self.kinds[at] = kind
        return end

    def _next_text(self, at: int) -> int:
        while at < len(self.lines) and not self.lines[at].strip():
            at += 1
        return at

    def _is_quote(self, at: int) -> bool:
        """Whether the next text from here on bears quote marks."""
        following = self._next_text(at)
        return following < len(self.lines) and self.kinds[following] == _QUOTE


def _role(line: str) -> str | None:
    label, colon, _ = line[:60].replace("：", ":").partition(":")
    if not colon:
        return None
    return LABELS.get("".join(label.strip(" >*_|\t\xa0").lower().split()))
