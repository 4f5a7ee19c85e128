"""A plain text as HTML: the same words for mail programs that show no other."""

import re
from html import escape

_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")
#: Without the mark that ends a sentence.
_LINK = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)\]'*]", re.IGNORECASE)


def html_of_text(text: str) -> str:
    """Return paragraphs and line breaks as they are, addresses as links, and nothing else."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    # Each paragraph finds its own direction: an Arabic one may stand below an English one.
    paragraphs = [
        "<br>\n".join(map(_linked, one.split("\n"))) for one in _PARAGRAPH.split(lines)
    ]
    written = "\n".join(f'<p dir="auto">{one}</p>' for one in paragraphs)
    return f"<div>{written}</div>"


def _linked(line: str) -> str:
    written, at = [], 0
    for link in _LINK.finditer(line):
        address = escape(link[0])
        written += [escape(line[at : link.start()])]
        written += [f'<a href="{address}">{address}</a>']
        at = link.end()
    return "".join([*written, escape(line[at:])])
