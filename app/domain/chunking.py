"""Cuts what people wrote into pieces that can be found by their meaning.

The same text always has the same pieces: what did not change is not embedded a second time. Borders
are those of `split_text`; whoever moves them changes the pieces of new texts only.
"""

import hashlib
from dataclasses import dataclass

from app.domain.redaction import redacted
from app.domain.split_text import split_text
from app.domain.text_limit import TextLimit

#: Of one message; what is longer was generated, and is found by its beginning.
MAX_CHUNKS = 100


@dataclass(frozen=True)
class Chunk:
    """A piece of a message, without what is secret."""

    text: str

    @property
    def text_hash(self) -> str:
        """SHA-256: the same text has the same vector."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


def chunks_of(text: str, *, size: int, least: int) -> list[Chunk]:
    """Return the pieces of a text, each of at most `size` characters.

    A text that is shorter than `least` says too little to be found; the short rest of a longer one is
    kept, so that nothing of it is missing.
    """
    kept = redacted(text[: MAX_CHUNKS * size]).strip()
    if len(kept) < least:
        return []
    pieces = split_text(kept, TextLimit(size))
    return [Chunk(piece) for piece in pieces[:MAX_CHUNKS]]
