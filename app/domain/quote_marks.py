"""Finds the lines that bear a `>`, but for those that somebody typed so."""

import re
from collections.abc import Sequence

from app.domain.attributions import Signs

_LONGEST = 200
_MARKED = re.compile(r"\s{0,4}(?:(?!SQL)[A-Z]{1,4})?>")
_FENCE = re.compile(r"\s{0,3}```")
#: A mailbox file puts a `>` before a line that begins with this word.
_ESCAPED = re.compile(r">+From\s")
_PROMPT = re.compile(
    r"\s{0,4}>{1,3}\s?(?:\$|(?:npm|npx|yarn|pip3?|python3?|node|git|cd|ls|dir|docker|kubectl"
    r"|curl|wget"
    r"|sudo|ssh|apt|apt-get|brew|ping|ipconfig|ifconfig|nslookup|tracert"
    r"|traceroute"
    r"|telnet|java|go|cargo|const|let|var|def|import|print|for|if|return)\b[^?]*[^.?!\s]\s*$"
    r"|[\w.]+\s*(?:=[^=]|<-|\(.*\))|(?:SELECT|INSERT|UPDATE|DELETE|SHOW|CREATE|ALTER|DROP)\b)"
)
_PROSE = re.compile(r"(?:\s[^\W\dA-Z_]+){3}|[.?!,]\s*$|>\s*$|>\s?>")
#: Nobody quotes the third hand without the second, but Python asks so.
_THREEFOLD = re.compile(r"\s{0,4}>>>(?:\s|$)")
#: GroupWise: `>>> Bob <b@x.example> 3/4/2024 10:00 AM >>>`.
GROUPWISE = re.compile(r">>> [^<>].{5,200} >>>\s*$")


def bearing_marks(lines: Sequence[str]) -> set[int]:
    """The lines that bear a quote mark."""
    marked = [line for line in lines if _MARKED.match(line)]
    if all(map(_THREEFOLD.match, marked)):
        return set()
    fenced = _fenced(lines)
    found: set[int] = set()
    at = 0
    while at < len(lines):
        end = at
        while end < len(lines) and _MARKED.match(lines[end]):
            end += 1
        if end > at and at not in fenced and not _is_typed(lines, at, end):
            found.update(range(at, end))
        at = max(end, at + 1)
    return found


def _is_typed(lines: Sequence[str], start: int, end: int) -> bool:
    """Whether lines were typed so: as prompts, or to escape a word."""
    first, *others = lines[start:end]
    if not others and (GROUPWISE.match(first) or _ESCAPED.match(first)):
        return True
    above = next(
        (line for line in reversed(lines[max(0, start - 3) : start]) if line.strip()),
        "",
    )
    if not _PROMPT.match(first) or Signs(above[:_LONGEST]).has_verb:
        return False
    return not any(_PROSE.search(line) and not _PROMPT.match(line) for line in others)


def _fenced(lines: Sequence[str]) -> set[int]:
    """The lines between two fences of code."""
    fences = [at for at, line in enumerate(lines) if _FENCE.match(line)]
    pairs = zip(fences[::2], fences[1::2], strict=False)
    return {at for start, end in pairs for at in range(start, end)}
