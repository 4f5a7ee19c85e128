"""What the structure of HTML says of each line: written, quoted, signature.

Every program marks its quotes in its own way. They are found in the tags themselves, in one pass and
without a tree, so that neither size nor depth matters.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from html import unescape

from app.domain.html_text import MARKUP
from app.domain.line_kinds import Kind

_ATTRIBUTE = re.compile(
    r"""(?<![\w-])(class|id|name|type|cite|style|data-marker|data-type)\s*=\s*"""
    r"""("[^"]*"?|'[^']*'?|[^\s"'>]+)""",
    re.IGNORECASE,
)
#: Spares a look at the attributes of most tags.
_TELLING = re.compile(
    r"quote|cite|sig|sgn|reply|rply|divrp|orig|orim|forward|header|border|messagebody|__"
    r"|[gz]mail"
    r"|reference|iosymail|history|zwchr|bloop|airmail|clean_bq|mailcontent|body_section"
    r"|attribution",
    re.IGNORECASE,
)
#: What one program puts before the names of another when it quotes: x_, m_-123, ydp1a2b3c4d, yiv12.
_PREFIX = re.compile(r"^(?:x_)+|^m_-?\d+|^ydp[0-9a-f]{6,9}|^yiv\d+")

#: Holds an attribution and a quote, and an answer below it, or else a forwarded message.
_CONTAINER = re.compile(
    r"gmail_quote(?:_container)?|protonmail_quote|skiff_quote|messagereplysection"
    r"|zmail_extra|tutanota_quote"
)
_QUOTE = re.compile(
    r"gmail_attr|yahoo_quoted\w*|moz-cite-prefix|moz-forward-container"
    r"|moz-email-headers-table|olk_src_body_section|iosymail|airmail_on|clean_bq"
    r"|mail-editor-reference-message-container|freshdesk_quote|front-blockquote"
    r"|missive_quote|history_container|cm_quote|spark_quote|edo_quote|isreplycontent"
    r"|isforwardcontent|_originalcontent|origbody|quoted-content|orimsghtmlsepe\w+"
    r"|reply139content|mailcontent_quote|reply-intro|v\dreply-intro|replyheader"
    r"|__quoted_text__|__headers__|mail-quote-collapse|gmail_quote_attribution"
    r"|hs_reply|fairemail_reference|-x-evo-attribution|mailbird_quote|intercom-quote"
)
#: All that comes after these is quoted, as far as what they stand in goes.
_CUT = re.compile(
    r"divrplyfwdmsg|divrpf\d+|outlookmessageheader|replysplit|zwchr|__divider__"
    r"|__pbconvhr"
)
_SIGNATURE = re.compile(
    r"[\w-]*signature(?:[_-]?(?:block|section|container|wrapper|widget|prefix|old|text"
    r"|content|body|area|user|proton|div|new|\d)[\w-]*)?"
    r"|bloop_sign[\w-]*|_rc_sig|mb_sig|aqm-sig\w*|canarysig|sig\d+|zm-_id_-sgn\w*"
    r"|fmsigsep\w*|messagesignaturesection|-x-evo-signature[\w-]*"
)
#: The line that most programs draw beside a quote.
_BAR = re.compile(
    r"border-left[\w-]*\s*:\s*(?!none|0(?:px|pt)?\s*[;\"'])", re.IGNORECASE
)
#: The rule that Outlook draws above the headers of what it quotes.
_OUTLOOK_RULE = re.compile(
    r"border-top\s*:\s*(?:solid\s+(?:#e1e1e1|#b5c4df|windowtext)|[\d.]+p[tx]\s+solid)",
    re.IGNORECASE,
)
_ORIGINAL_COMMENT = re.compile(r"<!--\s*originalmessage\s*-->", re.IGNORECASE)
_LABELLED = re.compile(r"\s*[*•]?\s*[^\d\s:：][^:：]{0,30}[:：]")
_YEAR = re.compile(r"\b(?:19|20|25)\d\d\b")
_BREAKS = frozenset(
    {"address", "article", "blockquote", "body", "br", "caption", "center", "dd", "div"}
    | {"dl", "dt", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6"}
    | {"header", "hr", "html", "li", "main", "ol", "p", "pre", "section", "table"}
    | {"tbody", "tfoot", "thead", "tr", "ul", "signature"}
)
_VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta"})
_UNSEEN = {
    tag: re.compile(f"</{tag}", re.IGNORECASE) for tag in ("script", "style", "title")
}
#: What a comment that tells something is called among the tags.
_COMMENT = "!"
_MOST_ATTRIBUTES = 4000
#: An attribution is no longer than that.
_MOST_ABOVE = 400
_HEADER_LINES = 8


class _Mark(Enum):
    """What an element says of the text in it."""

    CONTAINER = auto()
    QUOTE = auto()
    INDENTED = auto()
    SIGNATURE = auto()
    #: Nothing of the text in it, but of all that comes after.
    CUT = auto()
    #: The same, if it turns out to stand above the headers of a mail.
    RULE = auto()


_NAMED = (
    (_Mark.CONTAINER, _CONTAINER),
    (_Mark.CUT, _CUT),
    (_Mark.QUOTE, _QUOTE),
    (_Mark.SIGNATURE, _SIGNATURE),
)


@dataclass
class MarkedLine:
    """A line as HTML breaks it, and whose it is."""

    text: str
    kind: Kind


@dataclass(frozen=True)
class _Region:
    """A telling element that is open: how deep among its like, and since which line."""

    mark: _Mark
    tag: str
    depth: int
    start: int


def marked_lines(html: str) -> list[MarkedLine]:
    """Return the lines of HTML and what its structure says of each. Never raises."""
    reader = _Reader()
    for text, tag, attributes in _tokens(html):
        if text:
            reader.take(text)
        elif tag.startswith("/"):
            reader.close(tag[1:])
        else:
            reader.open(tag, attributes)
    return reader.finish()


class _Reader:
    """Knows which telling elements are open while the tags go by."""

    def __init__(self) -> None:
        self._lines: list[MarkedLine] = []
        self._pieces: list[str] = []
        self._regions: list[_Region] = []
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        self._marks: Counter[_Mark] = Counter()
        self._depths: Counter[str] = Counter()
        self._first_quote: int | None = None
        self._rules: list[int] = []
        self._is_cut = False

    def take(self, text: str) -> None:
        self._pieces.append(text)

    def open(self, tag: str, attributes: str) -> None:
        if tag in _BREAKS:
            self._break()
            if self._regions and self._regions[-1].tag == "p":
                self._end_from(len(self._regions) - 1)
        mark = _mark_of(tag, attributes)
        if mark is not None:
            self._break()
        if mark is _Mark.CUT:
            self._cut()
        elif mark is _Mark.RULE:
            self._rules.append(len(self._lines))
        if tag in _VOID or tag == _COMMENT:
            return
        self._depths[tag] += 1
        if mark not in (None, _Mark.CUT, _Mark.RULE):
            self._begin(mark, tag)

    def close(self, tag: str) -> None:
        if tag in _BREAKS:
            self._break()
        self._depths[tag] = max(0, self._depths[tag] - 1)
        places = self._places[tag]
        if places and self._regions[places[-1]].depth > self._depths[tag]:
            self._break()
            self._end_from(places[-1])

    def finish(self) -> list[MarkedLine]:
        self._break()
        self._end_from(0)
        for rule in self._rules:
            if _is_header_block(self._lines[rule : rule + _HEADER_LINES]):
                _mark(self._lines[rule:], Kind.QUOTED)
                break
        return self._lines

    def _begin(self, mark: _Mark, tag: str) -> None:
        here = len(self._lines)
        if mark is _Mark.CONTAINER and not self._marks[mark]:
            self._first_quote = None
        if tag == "blockquote" and self._first_quote is None:
            self._first_quote = here
        self._places[tag].append(len(self._regions))
        self._regions.append(_Region(mark, tag, self._depths[tag], here))
        self._marks[mark] += 1

    def _end_from(self, place: int) -> None:
        """End a region and those that were left open within it."""
        while len(self._regions) > place:
            region = self._regions.pop()
            self._places[region.tag].pop()
            self._marks[region.mark] -= 1
            if region.mark is _Mark.CONTAINER and not self._marks[region.mark]:
                _settle(self._lines[region.start :], region.start, self._first_quote)

    def _cut(self) -> None:
        # Within a quote it is the quoted mail that was cut there.
        if not self._marks[_Mark.CONTAINER] and not self._marks[_Mark.QUOTE]:
            self._is_cut = True

    def _break(self) -> None:
        text = " ".join(unescape("".join(self._pieces)).split())
        self._pieces.clear()
        if text:
            self._lines.append(MarkedLine(text, self._kind()))

    def _kind(self) -> Kind:
        if self._is_cut or self._marks[_Mark.QUOTE]:
            return Kind.QUOTED
        if self._marks[_Mark.INDENTED]:
            is_held = self._marks[_Mark.CONTAINER]
            return Kind.QUOTED if is_held else Kind.INDENTED
        return Kind.SIGNATURE if self._marks[_Mark.SIGNATURE] else Kind.WRITTEN


def _settle(lines: list[MarkedLine], start: int, first_quote: int | None) -> None:
    """Tell a reply from a forwarded message, of which all is quoted.

    In a reply an attribution stands above the quote, and what follows it is an answer.
    """
    if first_quote is None:
        return _mark(lines, Kind.QUOTED)
    above = lines[: first_quote - start]
    is_short = sum(len(line.text) for line in above) <= _MOST_ABOVE
    if is_short and sum(bool(_LABELLED.match(line.text)) for line in above) < 3:
        return _mark(above, Kind.QUOTED)
    return _mark(lines, Kind.QUOTED)


def _mark(lines: list[MarkedLine], kind: Kind) -> None:
    for line in lines:
        line.kind = kind


def _is_header_block(lines: list[MarkedLine]) -> bool:
    labelled = [line.text for line in lines if _LABELLED.match(line.text)]
    return len(labelled) >= 3 and any(map(_YEAR.search, labelled))


def _mark_of(tag: str, attributes: str) -> _Mark | None:
    if tag == _COMMENT:
        return _Mark.CUT
    if tag == "signature":
        return _Mark.SIGNATURE
    if tag != "blockquote" and not _TELLING.search(attributes):
        return None
    given = {
        name.lower(): value.strip("\"'")
        for name, value in _ATTRIBUTE.findall(attributes[:_MOST_ATTRIBUTES])
    }
    if found := _mark_of_names(_names(given)):
        return (
            _Mark.QUOTE if found is _Mark.CONTAINER and tag == "blockquote" else found
        )
    style = given.get("style", "")
    if tag == "blockquote":
        is_cited = given.get("type", "").lower() == "cite" or "cite" in given
        return _Mark.QUOTE if is_cited or _BAR.search(style) else _Mark.INDENTED
    if given.get("name") == "quote":
        return _Mark.QUOTE
    return _Mark.RULE if _OUTLOOK_RULE.search(style) else None


def _names(given: dict[str, str]) -> list[str]:
    """What an element is called, as the program that made it called it."""
    held = (given.get(name, "") for name in ("class", "id", "name", "data-marker"))
    return [
        _PREFIX.sub("", name) for each in held for name in each.lower().split()[:20]
    ]


def _mark_of_names(names: list[str]) -> _Mark | None:
    for mark, pattern in _NAMED:
        if any(map(pattern.fullmatch, names)):
            return mark
    return None


def _tokens(html: str) -> Iterator[tuple[str, str, str]]:
    """Yield each text, or each tag with its attributes."""
    at = 0
    while found := MARKUP.search(html, at):
        yield html[at : found.start()], "", ""
        at = found.end()
        tag = (found["tag"] or "").lower()
        if tag in _UNSEEN:
            at = _end_of_unseen(html, tag, at)
        elif tag:
            yield "", tag, found["attributes"]
        elif found[0] == "<":
            yield "<", "", ""
        elif _ORIGINAL_COMMENT.match(found[0]):
            yield "", _COMMENT, ""
    yield html[at:], "", ""


def _end_of_unseen(html: str, tag: str, at: int) -> int:
    end = _UNSEEN[tag].search(html, at)
    return end.start() if end else len(html)
