"""Tells what somebody wrote from what they quoted and how they signed.

Nothing is deleted: each line ends up in exactly one of the three.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.html_quotes import MarkedLine, marked_lines
from app.domain.html_text import text_of_html
from app.domain.line_kinds import Kind
from app.domain.reply_quotes import mark_quotes
from app.domain.reply_signatures import mark_signatures
from app.domain.text_alignment import align

#: No answer has more.
_MOST_LINES = 100_000
#: More than any body that is kept.
_MOST_HTML = 2_000_000
#: A plain form with fewer of the words that HTML shows only says that there is HTML.
_LEAST_SHARE = 0.3
_LEAST_MORE = 3
#: Blanks that have no width, and the rules between what was marked.
_EMPTY = re.compile(
    r"[\s\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff\u00ad_=*\u2013\u2014-]*"
)


@dataclass(frozen=True)
class ReplyParts:
    """The three parts of a text."""

    visible: str
    quoted: str
    signature: str


def split_reply(text: str | None, html: str | None = None) -> ReplyParts:
    """Separate quotes and signature from what was written.

    HTML says best what is a quote, and the plain form has the better lines, so what the one says is
    carried over to the other. Lines between quotes stay visible. Where nothing else would, the whole
    text does.
    """
    text = text or ""
    marked = marked_lines(html[:_MOST_HTML]) if html else []
    if not html or not marked:
        return _split(text, None)
    if not text.strip():
        return _split_by(text_of_html(html), marked)
    shown = text_of_html(html) if _length(marked) > _LEAST_MORE * len(text) else ""
    is_less = len(shown) > _LEAST_MORE * len(text)
    if is_less and align(text.split("\n"), marked).share < _LEAST_SHARE:
        parts = _split_by(shown, marked)
        quoted = "\n".join(each for each in (parts.quoted, text.strip()) if each)
        return ReplyParts(parts.visible, quoted, parts.signature)
    return _split_by(text, marked)


def _length(marked: Sequence[MarkedLine]) -> int:
    return sum(len(line.text) for line in marked if line.kind is Kind.WRITTEN)


def _split_by(text: str, marked: Sequence[MarkedLine]) -> ReplyParts:
    """Split a text by what HTML says of the same lines."""
    if all(line.kind is Kind.WRITTEN for line in marked):
        return _split(text, None)
    lines = text.split("\n")
    known = _without_gaps(align(lines, marked).kinds)
    return _split(text, known)


def _without_gaps(kinds: list[Kind | None]) -> list[Kind]:
    """Give lines of which nothing is known the kind of those around them, if that is one."""
    known: list[Kind] = []
    following: list[Kind] = []
    after = Kind.WRITTEN
    for kind in reversed(kinds):
        after = after if kind is None else kind
        following.append(after)
    before = Kind.WRITTEN
    for kind, after in zip(kinds, reversed(following), strict=True):
        before = before if kind is None else kind
        known.append(before if before is after else Kind.WRITTEN)
    return known


def _split(text: str, known: list[Kind] | None) -> ReplyParts:
    lines = text.split("\n")
    whole = ReplyParts(visible=text, quoted="", signature="")
    if len(lines) > _MOST_LINES:
        return whole
    for kinds in _attempts(known, len(lines)):
        mark_quotes(lines, kinds)
        mark_signatures(lines, kinds)
        _mark_gaps(lines, kinds)
        visible, quoted, signature = (
            "\n".join(
                line for line, kind in zip(lines, kinds, strict=True) if kind is each
            )
            for each in (Kind.WRITTEN, Kind.QUOTED, Kind.SIGNATURE)
        )
        if not _EMPTY.fullmatch(visible):
            return ReplyParts(
                visible.strip(), quoted.strip("\n"), signature.strip("\n")
            )
    return whole


def _attempts(known: list[Kind] | None, length: int) -> list[list[Kind]]:
    """What to begin with: what HTML says, less of it where that leaves nothing."""
    attempts = [[Kind.WRITTEN] * length]
    if known and Kind.SIGNATURE in known:
        # Some telephones let people write into their signature.
        attempts.insert(
            0,
            [Kind.WRITTEN if kind is Kind.SIGNATURE else kind for kind in known],
        )
    if known:
        attempts.insert(0, known)
    return attempts


def _mark_gaps(lines: list[str], kinds: list[Kind]) -> None:
    """Count empty lines between two of a kind as of that kind."""
    last = Kind.WRITTEN
    gap: list[int] = []
    for at, line in enumerate(lines):
        if not line.strip():
            gap.append(at)
            continue
        for empty in gap:
            kinds[empty] = last if last is kinds[at] else Kind.WRITTEN
        gap = []
        last = kinds[at]
