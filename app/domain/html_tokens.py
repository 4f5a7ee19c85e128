"""HTML as a stream of text and tags, in one pass over it, however broken it is.

A parser builds a tree, and there are inputs whose tree is a thousand times their size.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

#: More on one tag are left out; a parser compares each with all before it.
MAX_ATTRIBUTES = 60

#: What is inside is no markup, whatever it looks like, and nothing that somebody reads.
_UNREAD = frozenset(
    {"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"}
)
_NAME = re.compile(r"</?([a-z][^\s/>]*)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"[\s/]*(?:([^\s/>=][^\s/>=]*)(\s*=\s*)?|=+)?")
_BARE_VALUE = re.compile(r"[^\s>]*")


@dataclass(frozen=True)
class Tag:
    """An opening or closing tag, its name in lower case."""

    name: str
    is_closing: bool = False
    attributes: dict[str, str] = field(default_factory=dict)
    """Names in lower case, entities of the values resolved; of two with one name the first."""


def tokens(html: str) -> Iterator[str | Tag]:
    """The text as it is written, entities and all, and the tags between. Never raises.

    Comments, declarations, and elements that hold no readable text are left out.
    """
    reader = _Reader(html)
    while (token := reader.next()) is not None:
        if token != "":
            yield token


class _Reader:
    def __init__(self, html: str) -> None:
        self._html = html
        self._at = 0
        # A quote that does not come again is not looked for again.
        self._last = {quote: html.rfind(quote) for quote in "\"'"}

    def next(self) -> str | Tag | None:
        html, at = self._html, self._at
        if at >= len(html):
            return None
        if html[at] != "<":
            end = html.find("<", at)
            self._at = end if end >= 0 else len(html)
            return html[at : self._at]
        if html.startswith("<!--", at):
            self._skip_past("-->", at + 4)
            return ""
        if html[at + 1 : at + 2] in ("!", "?"):
            self._skip_past(">", at + 2)
            return ""
        if not (name := _NAME.match(html, at)):
            self._at = at + 1
            return "&lt;"
        self._at = name.end()
        is_closing = html[at + 1] == "/"
        tag = Tag(name[1].lower(), is_closing, self._attributes())
        if tag.name in _UNREAD and not is_closing:
            self._skip_element(tag.name)
            return ""
        return tag

    def _attributes(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while match := _ATTRIBUTE.match(self._html, self._at):
            self._at = match.end()
            if self._at >= len(self._html):
                break
            if match[2]:
                value = self._value()
            elif match[1]:
                value = ""
            elif match[0]:
                continue
            else:
                self._at += 1  # the end of the tag
                break
            if len(found) < MAX_ATTRIBUTES:
                found.setdefault(match[1].lower(), unescape(value))
        return found

    def _value(self) -> str:
        html, at = self._html, self._at
        quote = html[at : at + 1]
        if quote in self._last and quote and self._last[quote] > at:
            end = html.find(quote, at + 1)
            self._at = end + 1
            return html[at + 1 : end]
        bare = _BARE_VALUE.match(html, at)
        assert bare is not None
        self._at = bare.end()
        return bare[0]

    def _skip_past(self, mark: str, start: int) -> None:
        end = self._html.find(mark, start)
        self._at = end + len(mark) if end >= 0 else len(self._html)

    def _skip_element(self, name: str) -> None:
        end = re.compile(f"</{name}", re.IGNORECASE).search(self._html, self._at)
        self._at = end.start() if end else len(self._html)
