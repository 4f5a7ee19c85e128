"""Finds what a text quotes: by the marks of its lines, and by what introduces a quote.

A miss leaves too much in sight, and that is all. What is taken for a quote and is none gets hidden
from the person who should answer it, so everything here needs more than one sign.
"""

import re

from app.domain.attributions import YEAR, Signs
from app.domain.header_blocks import are_labels, header_block
from app.domain.line_kinds import Kind
from app.domain.quote_marks import GROUPWISE, bearing_marks
from app.domain.reply_phrases import (
    ABOVE_HINTS,
    ABOVE_LINE,
    CUT,
    DASHED_ATTRIBUTION,
)

#: Longer lines are paragraphs, and no program wrote them.
_LONGEST = 400
_ATTRIBUTION_LINES = 4
#: Each is looked for in the whole text.
_MOST_MARKS = 8
#: "As your page says:" ends what somebody wrote; "Bob Example wrote:" does not.
_MOST_WORDS = 8

_OTHER_MARK = re.compile(r"\s{0,4}[^\w\s\"'(*<\[{•·–—+\-]{1,3}(?=\s)|--\]")
_SURE_MARK = re.compile(r"\s{0,2}[|:}\]%]{1,2}(?=\s)(?!.*\|\s*$)")
_DIVIDER = re.compile(r"\s*[-_=*—–]{5,}\s*$")
_TITLE = re.compile(r"\s*[-_=*—]{4,60}\s*[^-_=*—\s][^-_=*—]{1,60}[-_=*—]{4,60}\s*$")
_SENTENCE_END = re.compile(r"[.!?…。！？][\"')»”]?\s*$")
_COLONS = (":", "：")

#: Marks of direction and other things without width stand anywhere; digits differ by script.
_PLAINER = str.maketrans(
    {chr(sign): None for sign in (*range(0x200B, 0x2010), *range(0x202A, 0x202F))}
    | {chr(sign): None for sign in (*range(0x2060, 0x206A), 0xFEFF, 0xAD)}
    | {
        chr(zero + digit): str(digit)
        for zero in (0x660, 0x6F0, 0x966, 0xE50, 0xFF10)
        for digit in range(10)
    }
)


def mark_quotes(lines: list[str], kinds: list[Kind]) -> None:
    """Mark the quotes in a text, where some kinds may be known already."""
    _Marker(lines, kinds).mark_all()


class _Marker:
    """Marks each line of a text as quoted that is."""

    def __init__(self, lines: list[str], kinds: list[Kind]) -> None:
        self.lines = [line.translate(_PLAINER) for line in lines]
        self.kinds = kinds
        for at in bearing_marks(self.lines):
            kinds[at] = Kind.QUOTED
        quotes = [at for at, kind in enumerate(kinds) if kind is Kind.QUOTED]
        self._last_quote = max(quotes, default=-1)
        self._has_text_above = False
        self._tried_marks = 0

    def mark_all(self) -> None:
        at = 0
        while at < len(self.lines):
            line = self.lines[at]
            is_open = self.kinds[at] is Kind.WRITTEN and 1 < len(line) <= _LONGEST
            after = (is_open and self._introduced(at, line)) or at + 1
            if self.kinds[at] is Kind.WRITTEN and line.strip():
                self._has_text_above = True
            at = after
        for at, kind in enumerate(self.kinds):
            if kind is Kind.INDENTED:
                self.kinds[at] = Kind.WRITTEN

    def _introduced(self, at: int, line: str) -> int | None:
        """Mark what introduces a quote here, and return where to go on."""
        bare = line.strip()
        if CUT.fullmatch(bare.strip("*|").strip()):
            block = header_block(self.lines, self._next_text(at + 1))
            return self._cut(at, block.end if block.roles else at + 1)
        if self._is_above_line(bare):
            if not self._has_text_above:
                return self._mark(at, at + 1)
            return self._cut(self._divider_before(at), at + 1)
        if GROUPWISE.match(line) and Signs(line).has_year:
            return self._cut(at, at + 1)
        block = header_block(self.lines, at)
        if block.is_quoted_mail:
            return self._cut(self._divider_before(at), block.end)
        if bare.startswith("-") and (end := self._dashed_attribution(at)):
            return self._cut(at, end)
        if _TITLE.match(line) and are_labels(self.lines, self._next_text(at + 1)):
            return self._cut(at, at + 1)
        if line.rstrip(" \t\xa0*_>").endswith(_COLONS):
            return self._attribution(at)
        return None

    def _is_above_line(self, line: str) -> bool:
        lowered = line.lower()
        return any(hint in lowered for hint in ABOVE_HINTS) and bool(
            ABOVE_LINE.fullmatch(line)
        )

    def _cut(self, start: int, end: int) -> int:
        """Mark an introduction, and all after it unless its quotes bear marks."""
        if self._is_quote(end):
            self._mark_indented(end)
            return self._mark(start, end)
        return self._mark(start, len(self.lines))

    def _divider_before(self, at: int) -> int:
        above = at - 1
        while above >= 0 and not self.lines[above].strip():
            above -= 1
        return above if above >= 0 and _DIVIDER.match(self.lines[above]) else at

    def _dashed_attribution(self, at: int) -> int | None:
        text = ""
        for end in range(at + 1, min(at + 4, len(self.lines) + 1)):
            text = f"{text} {self.lines[end - 1].strip()}".strip()
            if DASHED_ATTRIBUTION.fullmatch(text):
                signs = Signs(text)
                if not signs.has_verb:
                    return None
                block = header_block(self.lines, self._next_text(end))
                is_told = signs.has_address or signs.has_year or "from" in block.roles
                return max(end, block.end) if is_told else None
        return None

    def _attribution(self, at: int) -> int | None:
        start, signs = self._attribution_start(at)
        if signs.has_year and (signs.has_verb or signs.has_address):
            self._adopt_mark(at + 1, _OTHER_MARK, least=1)
        elif signs.has_verb:
            self._adopt_mark(at + 1, _SURE_MARK, least=2)
        if self._is_quote(at + 1):
            is_sure = signs.speaks and (signs.has_year or signs.has_address)
            if not (is_sure or (signs.has_verb and self._bears_marks(at + 1))):
                return None
            self._mark_indented(at + 1)
            is_prose = not is_sure and (
                len(signs.text.split()) > _MOST_WORDS
                or self._is_within_paragraph(start)
            )
            return at + 1 if is_prose else self._mark(start, at + 1)
        if not signs.stands_alone:
            return None
        # Marked quotes further down: what stands between may be an answer.
        is_last = self._last_quote < at
        return self._mark(start, len(self.lines) if is_last else at + 1)

    def _is_within_paragraph(self, at: int) -> bool:
        return (
            at > 0
            and bool(self.lines[at - 1].strip())
            and (self.kinds[at - 1] is Kind.WRITTEN)
        )

    def _attribution_start(self, at: int) -> tuple[int, Signs]:
        """Look for the first line of an attribution that was wrapped."""
        candidates: list[tuple[int, Signs]] = []
        for start in range(at, max(at - _ATTRIBUTION_LINES, -1), -1):
            line = self.lines[start].strip()
            if not line or self.kinds[start] is not Kind.WRITTEN:
                break
            if start < at and _SENTENCE_END.search(line) and not YEAR.search(line):
                break
            text = " ".join(each.strip() for each in self.lines[start : at + 1])
            if len(text) > _LONGEST:
                break
            candidates.append((start, Signs(text)))
        whole = [each for each in candidates if each[1].is_whole]
        dated = [
            each
            for each in candidates
            if each[1].has_year and each[1].has_address and each[1].has_verb
        ]
        if not whole:
            return (dated or candidates)[0]
        start, signs = whole[0]
        for above, more in whole[1:]:
            # "On Monday," may stand on a line of its own.
            if above != start - 1 or len(self.lines[above].split()) < 2:
                break
            start, signs = above, more
        return start, signs

    def _adopt_mark(self, at: int, marks: re.Pattern[str], *, least: int) -> None:
        """Learn the mark of those who quote with another than `>`."""
        first = self._next_text(at)
        if first == len(self.lines) or self.kinds[first] is not Kind.WRITTEN:
            return
        if self._tried_marks == _MOST_MARKS:
            return
        if not (found := marks.match(self.lines[first])):
            return
        self._tried_marks += 1
        bearing = [
            here
            for here in range(first, len(self.lines))
            if self.lines[here].startswith(found[0])
        ]
        if len(bearing) >= least:
            for here in bearing:
                self._mark(here, here + 1)
                self._last_quote = max(self._last_quote, here)

    def _mark(self, start: int, end: int) -> int:
        for at in range(start, end):
            if self.kinds[at] is not Kind.SIGNATURE or end == len(self.lines):
                self.kinds[at] = Kind.QUOTED
        return end

    def _mark_indented(self, at: int) -> None:
        """Take what is set in for quoted, now that something introduces it."""
        first = self._next_text(at)
        if first < len(self.lines) and self.kinds[first] is Kind.INDENTED:
            for here in range(first, len(self.lines)):
                if self.kinds[here] is Kind.INDENTED:
                    self._mark(here, here + 1)
                    self._last_quote = max(self._last_quote, here)

    def _next_text(self, at: int) -> int:
        while at < len(self.lines) and not self.lines[at].strip():
            at += 1
        return at

    def _bears_marks(self, at: int) -> bool:
        """Whether the next text from here on is known to be quoted."""
        following = self._next_text(at)
        return following < len(self.lines) and self.kinds[following] is Kind.QUOTED

    def _is_quote(self, at: int) -> bool:
        """Whether the next text from here on is quoted, or at least set in."""
        following = self._next_text(at)
        is_set_in = following < len(self.lines) and (
            self.kinds[following] is Kind.INDENTED
        )
        return is_set_in or self._bears_marks(at)
