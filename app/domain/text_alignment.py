"""Carries what HTML says of its lines over to the lines of the same mail in plain text.

The words are the same in both and in the same order, but for what each form has alone: addresses of
links, names of pictures, what is hidden. Words in runs that occur once on either side lead the way.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.domain.html_quotes import MarkedLine
from app.domain.line_kinds import Kind

#: More than anybody reads; what comes after goes with what came before.
MAX_WORDS = 60_000

_RUN = 3
_LINK = re.compile(r"https?://\S+|<?mailto:[^\s<>]+|\[(?:cid|image):[^\]\n]{0,200}\]")
#: Scripts without blanks would make a word of each sentence, and lines wrap in them anywhere.
_UNSPACED = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]"
_WORD = re.compile(rf"{_UNSPACED}|(?:(?!{_UNSPACED})[^\W_])+")


@dataclass(frozen=True)
class Alignment:
    """The kinds of lines that have words in common with HTML."""

    kinds: list[Kind | None]
    """None where no word of a line was found."""
    share: float
    """Of the words that HTML calls written, how many the text has."""


def align(lines: Sequence[str], marked: Sequence[MarkedLine]) -> Alignment:
    """Find for each line the kind that HTML gives to its words."""
    ours, places = _words(lines)
    theirs, sources = _words([line.text for line in marked])
    votes: list[Counter[Kind]] = [Counter() for _ in lines]
    found = 0
    for mine, other in _pairs(ours, theirs):
        kind = marked[sources[other]].kind
        votes[places[mine]][kind] += 1
        found += kind is Kind.WRITTEN
    written = sum(marked[source].kind is Kind.WRITTEN for source in sources)
    kinds = [vote.most_common(1)[0][0] if vote else None for vote in votes]
    if len(ours) == MAX_WORDS:
        last = places[-1]
        kinds[last:] = [kinds[last]] * (len(kinds) - last)
    return Alignment(kinds, found / written if written else 1.0)


def _words(lines: Iterable[str]) -> tuple[list[str], list[int]]:
    words: list[str] = []
    places: list[int] = []
    for at, line in enumerate(lines):
        here = _WORD.findall(_LINK.sub(" ", line).lower())
        words += here
        places += [at] * len(here)
        if len(words) >= MAX_WORDS:
            break
    return words[:MAX_WORDS], places[:MAX_WORDS]


def _pairs(ours: list[str], theirs: list[str]) -> Iterable[tuple[int, int]]:
    """Pair the words of two texts, each at most once and in order."""
    pairs: list[tuple[int, int]] = []
    mine = other = 0
    for anchor in [*_anchors(ours, theirs), (len(ours), len(theirs))]:
        if anchor[0] < mine or anchor[1] < other:
            continue
        forward = _common(ours[mine : anchor[0]], theirs[other : anchor[1]])
        pairs += ((mine + each, other + each) for each in range(forward))
        mine, other = mine + forward, other + forward
        back = _common(ours[mine : anchor[0]][::-1], theirs[other : anchor[1]][::-1])
        pairs += ((anchor[0] - each, anchor[1] - each) for each in range(back, 0, -1))
        mine, other = anchor
    return pairs


def _common(ours: list[str], theirs: list[str]) -> int:
    """How many words two texts begin with alike."""
    length = min(len(ours), len(theirs))
    return next((at for at in range(length) if ours[at] != theirs[at]), length)


def _anchors(ours: list[str], theirs: list[str]) -> list[tuple[int, int]]:
    """Where a run of words stands that either text has once, in the longest order of both."""
    mine, other = _single_runs(ours), _single_runs(theirs)
    shared = [(at, other[run]) for run, at in mine.items() if run in other]
    return _longest_rise(shared)


def _single_runs(words: list[str]) -> dict[tuple[str, ...], int]:
    runs = list(zip(*(words[skip:] for skip in range(_RUN)), strict=False))
    counts = Counter(runs)
    return {run: at for at, run in enumerate(runs) if counts[run] == 1}


def _longest_rise(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The most pairs of which both sides rise; the first sides rise already."""
    tails: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for at, (_, other) in enumerate(pairs):
        length = bisect_left(tails, other)
        before.append(last[length - 1] if length else -1)
        tails[length : length + 1] = [other]
        last[length : length + 1] = [at]
    rise: list[tuple[int, int]] = []
    at = last[-1] if last else -1
    while at >= 0:
        rise.append(pairs[at])
        at = before[at]
    return rise[::-1]
