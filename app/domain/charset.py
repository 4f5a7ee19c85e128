"""Bytes to text, whatever their label says: the label is wrong too often to be obeyed."""

import codecs
from functools import lru_cache

from charset_normalizer import from_bytes

from app.domain.scrub import scrub_text

#: Shorter texts give a guess nothing to hold on to.
_ENOUGH_TO_GUESS = 64
_SAMPLE = 4_096

#: Pure ASCII bytes that mean something else: these labels have to be believed first.
_SHIFTING = frozenset({"iso2022_jp", "iso2022_jp_2", "iso2022_kr", "hz", "utf-7"})
_WIDE = frozenset(
    f"utf-{bits}{order}" for bits in (16, 32) for order in ("", "-le", "-be")
)
_BELIEVED = _SHIFTING | _WIDE
#: Two or three characters in these are valid UTF-8 often enough by chance.
_EAST_ASIAN = frozenset({"gb18030", "big5", "cp949", "cp932", "euc_jp"})
#: Labels that say nothing: ASCII with 8-bit bytes in it is not ASCII.
_SILENT = frozenset({"ascii", "utf-8", "cp1252"})
#: No header is written in these, and `<CAG+kv1=…@mail.example.com>` would mean something else.
_BODIES_ONLY = _WIDE | {"utf-7", "hz"}

#: What mailers write, where Python has no such name or a poorer reading of it. Each
#: national standard is read as the superset that its Windows senders really use.
_ALIASES = {
    "ascii": "ascii",
    "646": "ascii",
    "iso8859-1": "cp1252",
    "iso8859-8-i": "iso8859-8",
    "iso-8859-8-i": "iso8859-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-gb2312": "gb18030",
    "x-gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "big5hkscs": "big5",
    "x-x-big5": "big5",
    "euc_kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "sjis": "cp932",
    "iso-2022-jp-ms": "iso2022_jp",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "utf8mb4": "utf-8",
    "windows-874": "cp874",
    "x-mac-roman": "mac-roman",
}
#: Codecs of Python that are no character sets, slow on hostile bytes, or both.
_NOT_CHARSETS = frozenset(
    {
        "idna",
        "mbcs",
        "oem",
        "punycode",
        "raw-unicode-escape",
        "undefined",
        "unicode-escape",
    }
)


def decode_text(raw: bytes, declared: str | None = None) -> str:
    """Decode as UTF-8, else as declared, else as the best reading there is.

    Never raises; the result is storable and has `\\n` line ends only.
    """
    if raw.startswith(codecs.BOM_UTF8):
        raw = raw[len(codecs.BOM_UTF8) :]
    codec = codec_for(declared) if declared else None
    if raw.isascii() and b"\x1b" not in raw and codec not in _BELIEVED:
        text = raw.decode("ascii")
    else:
        text = _decode(raw, codec)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return scrub_text(text)


@lru_cache(maxsize=512)
def codec_for(label: str | None) -> str | None:
    """Name the Python codec for a charset label, or None where there is none."""
    # Seen in the wild: utf-8*en (RFC 2231), utf-8;format=flowed, "utf-8".
    name = (label or "").strip(" \t\"'").lower()
    for end in "*;, ":
        name = name.split(end, 1)[0]
    if not name or len(name) > 40 or not name.isascii() or not name.isprintable():
        return None
    if name in _ALIASES:
        return _ALIASES[name]
    try:
        codec = codecs.lookup(name)
        if codec.name.replace("_", "-") in _NOT_CHARSETS:
            return None
        # bytes.decode refuses what is no text encoding (base64, rot13, zlib).
        b"-".decode(codec.name, "replace")
    except LookupError:
        return None
    return _ALIASES.get(codec.name, codec.name)


def says_something(label: str | None) -> bool:
    """Whether a label tells more of a header than what would be tried without it."""
    return codec_for(label) not in _SILENT | _BODIES_ONLY | {None}


def _decode(raw: bytes, codec: str | None) -> str:
    for candidate in _candidates(raw, codec):
        try:
            return raw.decode(candidate)
        except UnicodeError:
            continue
    return _closest(raw, codec)


def _candidates(raw: bytes, codec: str | None) -> list[str]:
    if codec in _WIDE and raw.isascii() and b"\0" not in raw:
        return ["utf-8"]
    if codec is not None and codec in _BELIEVED:
        return [codec, "utf-8"]
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ["utf-16"]
    if b"\x1b$" in raw:
        return ["iso2022_jp", "utf-8"]
    if codec is None or codec in _SILENT:
        return ["utf-8"]
    if codec in _EAST_ASIAN and len(raw) < _ENOUGH_TO_GUESS and _high(raw) < 12:
        return [codec, "utf-8"]
    return ["utf-8", codec]


def _closest(raw: bytes, codec: str | None) -> str:
    """Read bytes that are faultless in no charset we were told of."""
    named = {"utf-8", codec or "utf-8"} - {"ascii"}
    readings = [raw.decode(name, "replace") for name in sorted(named)]
    best = min(readings, key=_faults)
    high = _high(raw)
    # A few damaged characters are no reason to doubt the label.
    if _faults(best) * 10 <= high:
        return best
    # Letters beyond ASCII are the exception in Western text and the rule elsewhere.
    if high >= _ENOUGH_TO_GUESS and high * 3 > len(raw.translate(None, b" \t\r\n")):
        guess = from_bytes(_sample(raw)).best()
        if guess is not None:
            return raw.decode(codec_for(guess.encoding) or "cp1252", "replace")
    return raw.decode("cp1252", "replace")


def _sample(raw: bytes) -> bytes:
    start = next((at for at, byte in enumerate(raw) if byte > 127), 0)
    return raw[start : start + _SAMPLE]


def _high(raw: bytes) -> int:
    return len(raw) - len(raw.translate(None, _HIGH))


def _faults(text: str) -> int:
    return text.count("\N{REPLACEMENT CHARACTER}")


_HIGH = bytes(range(128, 256))
