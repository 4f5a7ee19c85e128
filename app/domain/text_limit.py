"""How long a text may be, in what a provider counts."""

from dataclasses import dataclass
from enum import StrEnum


class TextUnit(StrEnum):
    """In what a provider counts the length of a text."""

    CHARACTERS = "characters"
    UTF16 = "utf16"
    BYTES = "bytes"

    def measure(self, text: str) -> int:
        """Return how long a text is; a lone surrogate counts as any other character."""
        match self:
            case TextUnit.UTF16:
                return len(text.encode("utf-16-le", "surrogatepass")) // 2
            case TextUnit.BYTES:
                return len(text.encode("utf-8", "surrogatepass"))
            case _:
                return len(text)


@dataclass(frozen=True)
class TextLimit:
    """The longest text of one message."""

    size: int
    unit: TextUnit = TextUnit.CHARACTERS
