"""Cuts a text that is too long for one message where a reader would pause.

Nothing is lost but the blanks at the cuts. What people see as one character is never cut: flags,
families of emoji and accents are several code points each.
"""

from bisect import bisect_right
from collections.abc import Iterator
from enum import IntEnum
from itertools import accumulate

import regex

from app.domain.text_limit import TextLimit

#: The longest that one code point is in any unit.
_LEAST_SIZE = 4

_GRAPHEME = regex.compile(r"\X")
_ADDRESS = regex.compile(r"(?:https?://|www\.)[^\s<>\"]+", regex.IGNORECASE)
#: After these a sentence has ended where a blank follows.
_ENDS = frozenset(".!?…:;。！？؟۔।")
#: And after these in any case.
_ENDS_ALWAYS = frozenset("。！？।")
_CLOSING = frozenset("\"')]}»”’」』）")


class _Border(IntEnum):
    """What a cut would part; the highest is the best place."""

    NONE = 0
    WORDS = 1
    SENTENCES = 2
    LINES = 3
    PARAGRAPHS = 4


def split_text(text: str, limit: TextLimit) -> list[str]:
    """Return the parts of a text, each within the limit and none of them empty.

    Raises ValueError for a limit that is shorter than a character may be.
    """
    if limit.size < _LEAST_SIZE:
        raise ValueError(f"a limit of {limit.size} is too short for some characters")
    if limit.unit.measure(text) <= limit.size:
        return [text] if text.strip() else []
    return [part for part in _Cutter(text, limit).parts() if part]


class _Cutter:
    """Walks through a text once. Places are counted in what people see as characters."""

    def __init__(self, text: str, limit: TextLimit) -> None:
        self._pieces = list(_pieces(text, limit))
        self._size = limit.size
        lengths = map(limit.unit.measure, self._pieces)
        self._until = list(accumulate(lengths, initial=0))
        self._borders = _borders(self._pieces)
        self._addresses = _addresses(text, self._pieces)

    def parts(self) -> Iterator[str]:
        start, end = 0, len(self._pieces)
        while start < end:
            reach = bisect_right(self._until, self._until[start] + self._size) - 1
            cut = end if reach == end else self._cut(start, reach)
            yield self._without_blanks(start, cut)
            start = cut
            while start < end and self._pieces[start].isspace():
                start += 1

    def _cut(self, start: int, reach: int) -> int:
        """The best place to cut: a good one, as long as that does not leave the part half empty."""
        middle = start + (reach - start) // 2
        best = max(
            range(reach, middle, -1), key=self._borders.__getitem__, default=reach
        )
        if self._borders[best] is not _Border.NONE:
            return best
        for place in range(middle, start, -1):
            if self._borders[place] is not _Border.NONE:
                return place
        # Languages without blanks: anywhere but in an address, which would lead nowhere.
        before = self._addresses.get(reach, start)
        return before if before > start else reach

    def _without_blanks(self, start: int, end: int) -> str:
        while (
            end > start and end < len(self._pieces) and self._pieces[end - 1].isspace()
        ):
            end -= 1
        return "".join(self._pieces[start:end])


def _pieces(text: str, limit: TextLimit) -> Iterator[str]:
    """The characters as people see them; one that is too long by itself comes in code points."""
    for match in _GRAPHEME.finditer(text):
        piece = match[0]
        # Four bytes at most are a code point, so nearly none has to be measured.
        if 4 * len(piece) > limit.size and limit.unit.measure(piece) > limit.size:
            yield from piece
        else:
            yield piece


def _borders(pieces: list[str]) -> list[_Border]:
    """What lies at each place, before the blanks that stand there."""
    borders = [_Border.NONE] * (len(pieces) + 1)
    place = 0
    while place < len(pieces):
        if not pieces[place].isspace():
            if pieces[place] in _ENDS_ALWAYS:
                borders[place + 1] = _Border.SENTENCES
            place += 1
            continue
        start, lines = place, 0
        while place < len(pieces) and pieces[place].isspace():
            lines += pieces[place] in {"\n", "\r\n", "\r", "\u2028", "\u2029"}
            place += 1
        if lines:
            borders[start] = _Border.PARAGRAPHS if lines > 1 else _Border.LINES
        else:
            has_ended = _is_end(pieces, start)
            borders[start] = _Border.SENTENCES if has_ended else _Border.WORDS
    return borders


def _is_end(pieces: list[str], place: int) -> bool:
    """Whether a sentence ends before a place."""
    at = place - 1
    while at > max(0, place - 4) and pieces[at] in _CLOSING:
        at -= 1
    return at >= 0 and pieces[at] in _ENDS


def _addresses(text: str, pieces: list[str]) -> dict[int, int]:
    """For each place within an address, where that begins."""
    starts = {
        at: place for place, at in enumerate(accumulate(map(len, pieces), initial=0))
    }
    within: dict[int, int] = {}
    for match in _ADDRESS.finditer(text):
        begin = starts.get(match.start())
        if begin is None:
            continue
        for at in range(match.start() + 1, match.end()):
            if at in starts:
                within[starts[at]] = begin
    return within
