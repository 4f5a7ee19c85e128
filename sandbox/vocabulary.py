"""Finds listed words in a text, quickly: a bench asks for thousands of messages."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

_WORD = re.compile(r"\w+")
_SHORTEST_STEM = 3


def listed(text: str) -> list[str]:
    """The entries of a list that is written as in `words.py`."""
    return [entry.strip() for entry in " ".join(text.split()).split(",")]


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, each as often as it stands there."""
    return _WORD.findall(text.lower())


class Vocabulary:
    """Lists of words, stems (`book*`) and phrases, each list under a name."""

    def __init__(self, lists: Mapping[str, str]) -> None:
        #: By their first word, so that only phrases that may be there are looked for.
        self._phrases: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._stems: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for name, entries in lists.items():
            for entry in listed(entries):
                if entry.endswith("*"):
                    self._stems[entry[:-1]].append((name, entry[:-1]))
                else:
                    self._phrases[_WORD.findall(entry)[0]].append((name, entry))

    def found(self, text: str) -> dict[str, set[str]]:
        """The entries that stand in a text, by the name of their list."""
        text = text.lower()
        found: dict[str, set[str]] = defaultdict(set)
        for word in set(_WORD.findall(text)):
            for name, entry in self._entries(word, text):
                found[name].add(entry)
        return found

    def _entries(self, word: str, text: str) -> Iterator[tuple[str, str]]:
        for name, entry in self._phrases.get(word, ()):
            if entry == word or entry in text:
                yield name, entry
        for length in range(_SHORTEST_STEM, len(word) + 1):
            yield from self._stems.get(word[:length], ())
