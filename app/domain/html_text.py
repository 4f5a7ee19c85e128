"""HTML to readable text, in time that grows with its length and nothing else."""

import re
from html import unescape

from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from lxml.etree import LxmlError

#: A real parser costs seconds beyond these.
MAX_PARSED = 262_144
MAX_TAGS = 10_000
#: What lies deeper, libxml2 silently leaves out.
MAX_DEPTH = 200

#: The lengths bound what an unclosed quote can cost; such a tag ends at its first `>`.
MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<[!?][^<>]*>"
    r"|<(?P<tag>/?[a-z][a-z0-9:]{0,30})(?P<attributes>"
    r"""(?:"[^"]{0,300}"|'[^']{0,300}'|[^<>"']+){0,100}+>|[^<>]*>)"""
    r"|<",
    re.IGNORECASE | re.DOTALL,
)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)")
_STYLES = (
    (re.compile(r"display\s*:\s*none", re.IGNORECASE), "display:none"),
    (re.compile(r"white-space\s*:\s*(?:pre|break)", re.IGNORECASE), "white-space:pre"),
)
#: Elements that end by themselves, so that an open one says nothing about depth.
_SELF_ENDING = frozenset(
    {"area", "base", "br", "col", "hr", "img", "input", "link", "meta"}
    | {"dd", "dt", "li", "option", "p", "td", "th", "tr"}
)
_UNSEEN = re.compile(r"<(script|style|title)[ >]")
_BREAKING = re.compile(
    r"</?(?:br|p|div|tr|li|ul|ol|table|h[1-6]|blockquote|pre)\b[^<>]*>", re.IGNORECASE
)
_ANY_TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_BLANKS = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r"\n(?:[ \t\N{NO-BREAK SPACE}]*\n){2,}")
_CONFIG = ParserConfig(css=CSS_PROFILES["strict"])


def text_of_html(html: str) -> str:
    """Return the text a reader sees, with its line breaks.

    What is too large or too deep for the parser has its tags stripped instead.
    """
    bare = MARKUP.sub(_bare_tag, html)
    if len(html) <= MAX_PARSED and bare.count("<") <= MAX_TAGS and _is_flat(bare):
        try:
            text = get_text(bare, _CONFIG)
        except (LxmlError, ValueError):
            text = ""
        if text.strip():
            return _tidy(text)
    return _tidy(_stripped(bare))


def _bare_tag(match: re.Match[str]) -> str:
    """Drop the attributes but for two styles.

    Thousands of attributes take seconds to parse, and one `padding-left:99999em` is
    rendered as that many blanks.
    """
    tag = match["tag"]
    if tag is None:
        return "&lt;" if match[0] == "<" else ""
    if ":" in tag:
        return ""
    kept = [style for found, style in _STYLES if found.search(match["attributes"])]
    return f'<{tag.lower()} style="{";".join(kept)}">' if kept else f"<{tag.lower()}>"


def _is_flat(bare: str) -> bool:
    depth = 0
    for match in _TAG.finditer(bare):
        if match[2] not in _SELF_ENDING:
            depth += -1 if match[1] else 1
            if depth > MAX_DEPTH:
                return False
    return True


def _stripped(bare: str) -> str:
    text = _BREAKING.sub("\n", _without_unseen(bare))
    return _BLANKS.sub(" ", unescape(_ANY_TAG.sub("", text)))


def _without_unseen(bare: str) -> str:
    pieces: list[str] = []
    at = 0
    # By hand: a pattern would look for the end of every unclosed one again.
    while unseen := _UNSEEN.search(bare, at):
        pieces.append(bare[at : unseen.start()])
        at = unseen.start()
        end = bare.find(f"</{unseen[1]}>", unseen.end())
        if end < 0:
            break
        at = end
    return "".join(pieces) + bare[at:]


def _tidy(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return _EMPTY_LINES.sub("\n\n", lines).strip()
