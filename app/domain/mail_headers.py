"""The header fields of a mail: found in damaged blocks, decoded without complaint.

The standard library's parser takes a block apart at its first damaged line and costs
minutes on hostile nesting, so the fields are found here; what they mean is left to it.
"""

import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from app.domain.charset import decode_text, says_something

#: More than any mail needs; what lies beyond is not looked at.
MAX_BLOCK = 1_048_576
MAX_FIELDS = 2_000
MAX_VALUE = 10_000
MAX_PARAMETERS = 50

_WELL_KNOWN = (
    *("from", "to", "cc", "subject", "date", "sender", "reply-to", "return-path"),
    *("received", "message-id", "mime-version", "content-", "x-", "list-"),
)
_END = re.compile(rb"\n\r*\n")
_FIELD = re.compile(
    rb"^([!-9;-~]{1,100})[ \t]*:[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE
)
_FOLD = re.compile(rb"[\r\n]+[ \t]*")
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?")
_PARAMETER = re.compile(r";\s*([^\s=;\"]{1,100})\s*=\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_BARE = re.compile(r"[^;]*")
_ESCAPED = re.compile(r"\\(.)")
_CONTINUED = re.compile(r"([^*]+)\*(?:(\d{1,3})(\*)?)?$")


class Headers:
    """The fields of one mail or part, in their order, decoded when asked for."""

    def __init__(self, fields: list[tuple[str, bytes]]) -> None:
        self.fields = fields
        self.charset: str | None = None
        """What raw 8-bit values are read as where they are not UTF-8."""

    def all(self, name: str) -> list[str]:
        """Return the decoded values of a field; `name` is in lower case."""
        return [decode_words(value) for value in self.undecoded(name)]

    def first(self, name: str) -> str | None:
        """Return the first value that is not empty."""
        return next((value for value in self.all(name) if value), None)

    def undecoded(self, name: str, limit: int = MAX_VALUE) -> list[str]:
        """Return the values with encoded words left alone.

        Structure comes before decoding: a decoded name may hold a comma or a quote.
        """
        return [self._text(raw, limit) for field, raw in self.fields if field == name]

    def listed(self, limit: int) -> dict[str, str | list[str]]:
        """Return the first fields as name to value, or values where it repeats."""
        listed: dict[str, str | list[str]] = {}
        for name, raw in self.fields[:limit]:
            value = decode_words(self._text(raw, MAX_VALUE))[:MAX_VALUE]
            known = listed.get(name)
            if known is None:
                listed[name] = value
            elif isinstance(known, list):
                known.append(value)
            else:
                listed[name] = [known, value]
        return listed

    def _text(self, raw: bytes, limit: int) -> str:
        return decode_text(_FOLD.sub(b" ", raw[:limit]).strip(), self.charset)


def read_headers(raw: bytes, start: int, end: int) -> tuple[Headers, int]:
    """Read the header block of `raw[start:end]`; return it and where the body starts.

    A damaged line is passed over, several are where a well-known field follows them;
    else the body has begun without its empty line.
    """
    block, body = _block(raw, start, end)
    fields: list[tuple[str, bytes]] = []
    at = 0
    for match in _FIELD.finditer(block):
        name = match[1].decode("ascii").lower()
        damaged = block.count(b"\n", at, match.start()) if at < match.start() else 0
        if damaged > 1 and not name.startswith(_WELL_KNOWN):
            break
        fields.append((name, match[2]))
        at = match.end() + 1
        if len(fields) == MAX_FIELDS:
            return Headers(fields), body
    if block[at:].strip():
        body = start + at
    return Headers(fields), body


def decode_words(text: str) -> str:
    """Decode the RFC 2047 words in a header value.

    Neighbours are joined as bytes first: mailers cut inside multibyte characters.
    """
    if "=?" not in text:
        return text
    decoded: list[str] = []
    pending: tuple[str, bytes] | None = None
    for between, charset, content in _words(text):
        if pending and not (content and not between.strip()):
            decoded.append(decode_text(pending[1], pending[0]))
            pending = None
        if pending and charset == pending[0]:
            pending = (charset, pending[1] + content)
            continue
        if pending:
            decoded.append(decode_text(pending[1], pending[0]))
        else:
            decoded.append(between)
        pending = (charset, content) if content else None
    return "".join(decoded)


def read_parameters(value: str) -> tuple[str, dict[str, str]]:
    """Split `text/plain; name="a"` into the lower-case value and its parameters.

    RFC 2231 continuations and RFC 2047 words in parameters are joined and decoded.
    """
    main = value.partition(";")[0].strip().lower()
    plain: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for name, text in _parameters(value):
        numbered = _CONTINUED.match(name)
        if numbered is None:
            plain.setdefault(name, decode_words(text))
        else:
            number = int(numbered[2] or 0)
            encoded = numbered[2] is None or numbered[3] is not None
            pieces.setdefault(numbered[1], []).append((number, encoded, text))
    # Where a parameter stands in both forms, the plain one is for old readers.
    return main, plain | {name: _joined(parts) for name, parts in pieces.items()}


def lenient_base64(content: bytes) -> bytes:
    """Decode what can be decoded: foreign characters and lost padding are common."""
    digits = content.translate(None, _NO_DIGITS)
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    try:
        return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))
    except binascii.Error:
        return b""


def looks_like_base64(content: bytes) -> bool:
    """Whether the start of a content is mostly made of what base64 is made of."""
    start = b"".join(content[:1_000].split(b"\n")).replace(b"\r", b"")
    return 10 * (len(start) - len(start.translate(None, _NO_DIGITS))) <= len(start)


def charset_of_words(fields: list[tuple[str, bytes]]) -> str | None:
    """Name the charset that the sender's own encoded words use, if any."""
    for _, raw in fields:
        if b"=?" in raw:
            word = _WORD.search(raw[:MAX_VALUE].decode("latin-1"))
            if word and says_something(word[1]):
                return word[1]
    return None


def _block(raw: bytes, start: int, end: int) -> tuple[bytes, int]:
    limit = min(end, start + MAX_BLOCK)
    if raw[start : start + 2].lstrip(b"\r").startswith(b"\n"):
        return b"", raw.index(b"\n", start) + 1
    blank = _END.search(raw, start, limit)
    if blank is None:
        return raw[start:limit], limit
    return raw[start : blank.start()], blank.end()


def _words(text: str) -> Iterator[tuple[str, str, bytes]]:
    """Yield each encoded word with the text before it, then the rest of the text."""
    at = 0
    while word := _WORD.search(text, at):
        # Some mailers leave a question mark bare, so the end is looked for.
        close = text.find("?=", word.end())
        if close < 0:
            break
        content = text[word.end() : close].encode("utf-8", "replace")
        decoded = (
            lenient_base64(content)
            if word[2] in "bB"
            else binascii.a2b_qp(content, header=True)
        )
        yield text[at : word.start()], word[1].lower(), decoded
        at = close + 2
    yield text[at:], "", b""


def _parameters(value: str) -> Iterator[tuple[str, str]]:
    at = value.find(";")
    for _ in range(MAX_PARAMETERS):
        match = _PARAMETER.search(value, at) if at >= 0 else None
        if match is None:
            return
        quoted = _QUOTED.match(value, match.end())
        if quoted:
            yield match[1].lower(), _ESCAPED.sub(r"\1", quoted[1])
            at = quoted.end()
        else:
            bare = _BARE.match(value, match.end())
            assert bare is not None
            yield match[1].lower(), bare[0].strip().strip('"')
            at = bare.end()


def _joined(parts: list[tuple[int, bool, str]]) -> str:
    if not any(encoded for _, encoded, _ in parts):
        return decode_words("".join(text for *_, text in sorted(parts)))
    charset = ""
    joined = b""
    for number, encoded, text in sorted(parts):
        content = text.encode("utf-8", "replace")
        if encoded and number == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
            content = text.encode("utf-8", "replace")
        joined += unquote_to_bytes(content) if encoded else content
    return decode_text(joined, charset)


_NO_DIGITS = bytes(
    set(range(256))
    - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)
