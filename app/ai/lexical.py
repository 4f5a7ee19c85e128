"""Vectors without a model: texts are alike that share words, or the beginnings and ends of words.

It knows nothing of what words mean, and is named for what it is. Its merit is that it needs nobody,
and that the same text has the same vector for ever.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from app.ai.base import Vector
from app.domain.search_words import words_in
from app.errors import PermanentError

DIMENSION = 512

#: A word and its other forms share most pieces; only the word itself shares this.
_WORD_WEIGHT = 0.6
#: Shorter ones hold sentences together in most languages that have blanks.
_SHORT = 4
_SHORT_WEIGHT = 0.4


class LexicalEmbedder:
    """Signed feature hashing. Never raises."""

    model = "lexical/1"
    nearness = 0.15

    def embed(self, texts: Sequence[str]) -> list[Vector | PermanentError]:
        return [_vector(text, {}) for text in texts]

    def embed_question(
        self, question: str, worth: Mapping[str, float]
    ) -> Vector | PermanentError:
        """See `app.ai.base.Embedder`; what is said everywhere asks for nothing."""
        return _vector(question, worth)


def _vector(text: str, worth: Mapping[str, float]) -> Vector | PermanentError:
    counts = Counter(word.word for word in words_in(text))
    vector = [0.0] * DIMENSION
    for word, count in counts.items():
        # The tenth time that a word is said tells less than the first.
        often = worth.get(word, 1.0) * (1 + math.log(count))
        for feature, weight in _features(word):
            place, sign = _mark(feature)
            vector[place] += sign * weight * often
    length = math.sqrt(math.fsum(value * value for value in vector))
    if not length:
        return PermanentError("the text has no words")
    return [value / length for value in vector]


def _features(word: str) -> Iterator[tuple[str, float]]:
    is_short = word.isascii() and len(word) < _SHORT and not word.isdigit()
    weight = _SHORT_WEIGHT if is_short else 1.0
    yield word, _WORD_WEIGHT * weight
    marked = f"<{word}>"
    pieces = sorted({marked[at : at + 3] for at in range(len(marked) - 2)})
    for piece in pieces:
        yield f"#{piece}", weight / math.sqrt(len(pieces))


@lru_cache(maxsize=65_536)
def _mark(feature: str) -> tuple[int, float]:
    digest = hashlib.blake2b(
        feature.encode("utf-8", "surrogatepass"), digest_size=8
    ).digest()
    number = int.from_bytes(digest, "big")
    return number % DIMENSION, 1.0 if number >> 63 else -1.0
