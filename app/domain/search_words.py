"""The words by which a text is found, the same on every server.

PostgreSQL's own parser depends on the locale of the database, takes "BB-1042" for a negative number
and a Chinese sentence for one word.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import regex

#: Nobody looks for the end of a longer one.
LONGEST = 64

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
#: Written without blanks: two neighbours are what comes closest to a word.
_DENSE = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]+"
)


@dataclass(frozen=True)
class Word:
    """A word, and where it stands."""

    word: str
    start: int
    end: int


def words_in(text: str) -> Iterator[Word]:
    """Yield the words of a text in their order."""
    for match in _WORD.finditer(text):
        place = match.start()
        for dense in _DENSE.finditer(text, *match.span()):
            if place < dense.start():
                yield _word(text, place, dense.start())
            yield from _pairs(text, dense.start(), dense.end())
            place = dense.end()
        if place < match.end():
            yield _word(text, place, match.end())


def distinct(text: str, *, most: int | None = None) -> list[str]:
    """Return the words of a text, each once, in the order in which they first stand there."""
    found: dict[str, None] = {}
    for word in words_in(text):
        if len(found) == most:
            break
        found[word.word] = None
    return list(found)


def spans(text: str, wanted: set[str], *, most: int) -> list[tuple[int, int]]:
    """Return where words stand in a text; pieces of one word that overlap are one."""
    found: list[tuple[int, int]] = []
    for word in words_in(text):
        if word.word not in wanted:
            continue
        if found and word.start < found[-1][1]:
            found[-1] = (found[-1][0], word.end)
        elif len(found) == most:
            break
        else:
            found.append((word.start, word.end))
    return found


def _pairs(text: str, start: int, end: int) -> Iterator[Word]:
    for place in range(start, max(end - 1, start + 1)):
        yield _word(text, place, min(place + 2, end))


def _word(text: str, start: int, end: int) -> Word:
    return Word(folded(text[start : min(end, start + LONGEST)]), start, end)


def folded(word: str) -> str:
    """A word as it is compared: whatever its case, its width and its accents."""
    apart = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(one for one in apart if not unicodedata.combining(one))
    return unicodedata.normalize("NFKC", plain)[:LONGEST] or word[:LONGEST]
