"""HTML of strangers, made safe to show: nothing runs, nothing is fetched, nothing pretends.

The markup is first written anew, well nested and from a short list of tags, and then cleaned by a
library that knows how browsers read. Either alone would do; what one of them has never heard of,
the other stops.
"""

import re
from collections.abc import Callable
from html import escape
from urllib.parse import unquote

import nh3

from app.domain.html_text import MAX_DEPTH, MAX_PARSED, MAX_TAGS, text_of_html
from app.domain.html_tokens import Tag, tokens

#: What stands in place of a picture that would have to be fetched from elsewhere.
BLOCKED = '<span class="blocked">'

#: The URL under which we show the picture with this Content-ID; None where there is none.
ResolveCID = Callable[[str], str | None]

_VOID = frozenset({"br", "col", "hr", "img", "wbr"})
_BLOCKS = frozenset(
    {"address", "article", "blockquote", "center", "dd", "div", "dl", "dt", "figure"}
    | {"footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "ol", "p"}
    | {"pre", "section", "table", "ul"}
)
_INLINE = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "del", "em", "figcaption"}
    | {"font", "i", "ins", "kbd", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small"}
    | {"span", "strike", "strong", "sub", "sup", "tt", "u", "var"}
)
_TABLE_PARTS = frozenset({"caption", "col", "colgroup", "tbody", "tfoot", "thead"}) | {
    "td",
    "th",
    "tr",
}
_TAGS = _BLOCKS | _INLINE | _TABLE_PARTS | _VOID
#: What a tag ends that is still open, and within what it is looked for.
_CELLS = frozenset({"td", "th", "caption", "table"})
_ENDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    **dict.fromkeys(_BLOCKS, (frozenset({"p"}), _CELLS)),
    "li": (frozenset({"li", "p"}), _CELLS | {"ul", "ol"}),
    "dt": (frozenset({"dt", "dd", "p"}), _CELLS | {"dl"}),
    "dd": (frozenset({"dt", "dd", "p"}), _CELLS | {"dl"}),
    "a": (frozenset({"a"}), _CELLS),
    "td": (frozenset({"td", "th", "caption"}), frozenset({"table"})),
    "th": (frozenset({"td", "th", "caption"}), frozenset({"table"})),
    "tr": (frozenset({"tr", "caption", "colgroup"}), frozenset({"table"})),
    **dict.fromkeys(
        ("tbody", "thead", "tfoot", "colgroup", "caption"),
        (
            frozenset({"tbody", "thead", "tfoot", "caption", "colgroup"}),
            frozenset({"table"}),
        ),
    ),
}

_ANYWHERE = frozenset({"align", "bgcolor", "dir", "lang", "style", "title", "valign"})
_ATTRIBUTES = {
    "a": frozenset({"href"}),
    "img": frozenset({"src", "alt", "width", "height", "border"}),
    "font": frozenset({"color", "face", "size"}),
    "ol": frozenset({"start", "type"}),
    "table": frozenset({"border", "cellpadding", "cellspacing", "height", "width"}),
    **dict.fromkeys(("td", "th"), frozenset({"colspan", "rowspan", "width", "height"})),
    "col": frozenset({"span", "width"}),
}
_STYLES = frozenset(
    {"background-color", "border", "border-bottom", "border-collapse", "border-color"}
    | {"border-left", "border-radius", "border-right", "border-spacing", "border-style"}
    | {"border-top", "border-width", "color", "direction", "display", "font"}
    | {"font-family", "font-size", "font-style", "font-weight", "height", "line-height"}
    | {"list-style-type", "margin", "margin-bottom", "margin-left", "margin-right"}
    | {"margin-top", "max-height", "max-width", "min-width", "opacity", "overflow"}
    | {"padding", "padding-bottom", "padding-left", "padding-right", "padding-top"}
    | {"text-align", "text-decoration", "text-indent", "text-transform"}
    | {"vertical-align", "visibility", "white-space", "width", "word-break"}
)
#: What fetches, computes or hides what it says; letters may be written as escapes.
_UNSAFE_STYLE = re.compile(
    r"[\\@]|url|image|expression|binding|var\s*\(|attr\s*\(", re.I
)
_MAX_STYLE = 2_000
_MAX_VALUE = 4_000

#: Browsers pass over these inside an address.
_PASSED_OVER = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029\u200b-\u200f]+")
_LINK = re.compile(r"(?:https?://[^/]|mailto:|tel:)", re.IGNORECASE)
_REMOTE = re.compile(r"(?:https?:)?//[^/]", re.IGNORECASE)
_OURS = re.compile(r"/(?!/)")
_PICTURE_DATA = re.compile(
    r"data:image/(?:png|gif|jpe?g|webp);base64,[A-Za-z0-9+/]*={0,2}", re.IGNORECASE
)
_SMALL = re.compile(r"\s*0*[01](?:\.\d*)?(?:px|%)?\s*", re.IGNORECASE)
_SMALL_STYLE = re.compile(
    r"(?:^|;)\s*(?:max-)?(?:width|height)\s*:\s*0*[01](?:\.\d*)?(?:px|pt)?\s*(?:!|;|$)"
    r"|(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0+(?:\.0*)?\s*(?:;|$))",
    re.IGNORECASE,
)


class _TooMuch(Exception):
    """The markup is beyond what is taken apart."""


def safe_html(html: str, *, resolve_cid: ResolveCID, show_remote: bool = False) -> str:
    """Return HTML that can be shown, in a frame of its own.

    Pictures from elsewhere are replaced by a note (`BLOCKED`) unless `show_remote`; points that
    only count readers are dropped in any case. What is too large or too deep is shown as text.
    """
    if len(html) <= MAX_PARSED:
        try:
            return _CLEANER.clean(_Writer(resolve_cid, show_remote).write(html))
        except _TooMuch:
            pass
    return f"<pre>{escape(text_of_html(html))}</pre>"


class _Writer:
    """Writes markup anew, every element closed in its place.

    So a parser has nothing to mend: mending can multiply what is there.
    """

    def __init__(self, resolve_cid: ResolveCID, show_remote: bool) -> None:
        self._resolve_cid = resolve_cid
        self._show_remote = show_remote
        self._pieces: list[str] = []
        self._open: list[str] = []

    def write(self, html: str) -> str:
        tags = 0
        for token in tokens(html):
            if isinstance(token, str):
                self._pieces.append(token)
                continue
            tags += 1
            if tags > MAX_TAGS:
                raise _TooMuch
            if token.name not in _TAGS:
                continue
            if token.is_closing:
                self._end(frozenset({token.name}), _boundary_of(token.name))
            else:
                self._begin(token)
        self._close_down_to(0)
        return "".join(self._pieces)

    def _begin(self, tag: Tag) -> None:
        if tag.name in _ENDS:
            self._end(*_ENDS[tag.name])
        if tag.name == "img":
            self._pieces.append(self._picture(tag.attributes))
            return
        attributes = dict(tag.attributes)
        if tag.name == "a":
            attributes["href"] = _link(attributes.get("href", ""))
        self._pieces.append(_written(tag.name, attributes))
        if tag.name not in _VOID:
            self._open.append(tag.name)
            if len(self._open) > MAX_DEPTH:
                raise _TooMuch

    def _end(self, names: frozenset[str], within: frozenset[str]) -> None:
        """Close the outermost open element of these names, not looking beyond a boundary."""
        found = None
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place] in names:
                found = place
                if len(names) == 1:
                    break
            if self._open[place] in within:
                break
        if found is not None:
            self._close_down_to(found)

    def _close_down_to(self, place: int) -> None:
        while len(self._open) > place:
            self._pieces.append(f"</{self._open.pop()}>")

    def _picture(self, attributes: dict[str, str]) -> str:
        if _is_point(attributes):
            return ""
        source = _PASSED_OVER.sub("", attributes.get("src", ""))
        name = " ".join(attributes.get("alt", "").split())[:200]
        if source[:4].lower() == "cid:":
            found = self._resolve_cid(unquote(source[4:]))
            if found is None:
                return _note("missing", name)
            return _written("img", attributes | {"src": found})
        if _PICTURE_DATA.fullmatch(source):
            return _written("img", attributes | {"src": source}, longest=len(source))
        if not _REMOTE.match(source):
            return _note("missing", name) if name else ""
        if not self._show_remote:
            return _note("blocked", name)
        if source.startswith("//"):
            source = f"https:{source}"
        return _written("img", attributes | {"src": source})


def _boundary_of(name: str) -> frozenset[str]:
    """Beyond what a closing tag closes nothing: no cell is left by way of a paragraph in it."""
    if name == "table":
        return frozenset()
    return frozenset({"table"}) if name in _TABLE_PARTS else _CELLS


def _written(
    name: str, attributes: dict[str, str], *, longest: int = _MAX_VALUE
) -> str:
    allowed = _ANYWHERE | _ATTRIBUTES.get(name, frozenset())
    kept = "".join(
        f' {key}="{escape(value)}"'
        for key, value in attributes.items()
        if key in allowed and len(value) <= longest and _is_harmless(key, value)
    )
    return f"<{name}{kept}>"


def _is_harmless(key: str, value: str) -> bool:
    if key == "href":
        return bool(value)
    if key == "style":
        return len(value) <= _MAX_STYLE and not _UNSAFE_STYLE.search(value)
    return True


def _link(address: str) -> str:
    """The address of a link, or nothing: scripts, data and our own pages are none."""
    bare = _PASSED_OVER.sub("", address)
    return bare if _LINK.match(bare) else ""


def _is_point(attributes: dict[str, str]) -> bool:
    sizes = (attributes.get("width"), attributes.get("height"))
    if any(size is not None and _SMALL.fullmatch(size[:50]) for size in sizes):
        return True
    return bool(_SMALL_STYLE.search(attributes.get("style", "")[:_MAX_STYLE]))


def _note(kind: str, name: str) -> str:
    return f'<span class="{kind}">{escape(name) or "picture"}</span>'


def _confirmed(tag: str, name: str, value: str) -> str | None:
    """The last look at addresses, after a browser's reading of the markup."""
    if name == "href":
        return value if tag == "a" and _LINK.match(value) else None
    if name == "src":
        shapes = (_REMOTE, _OURS, _PICTURE_DATA)
        return value if any(shape.match(value) for shape in shapes) else None
    return value


_CLEANER = nh3.Cleaner(
    tags=set(_TAGS),
    clean_content_tags={"script", "style", "title", "textarea", "iframe", "noframes"},
    attributes={"*": set(_ANYWHERE)}
    | {tag: set(_ATTRIBUTES[tag]) for tag in _ATTRIBUTES},
    attribute_filter=_confirmed,
    url_schemes={"http", "https", "mailto", "tel", "data"},
    link_rel="noopener noreferrer",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    allowed_classes={"span": {"blocked", "missing"}},
    filter_style_properties=set(_STYLES),
)
