"""Outlook's own wrapping of a message, the `winmail.dat` that other programs cannot open.

Written here because the library there is copies the rest of the file for every field and believes
every count in it: minutes and gigabytes for a file that means harm. This one goes through once.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.domain.charset import decode_text

#: The first bytes of such a file.
MARK = b"\x78\x9f\x3e\x22"
#: More are left out; a person attaches a handful.
MAX_FILES = 100

_MESSAGE, _ATTACHMENT = 1, 2
_BODY, _CODEPAGE, _MESSAGE_PROPERTIES = 0x800C, 0x9007, 0x9003
_NEW_FILE, _FILE_NAME, _FILE_CONTENT, _FILE_PROPERTIES = 0x9002, 0x8010, 0x800F, 0x9005
#: Properties of a message.
_TEXT, _HTML, _HTML_CODEPAGE = 0x1000, 0x1013, 0x3FDE
#: Properties of a file.
_LONG_NAME, _SHORT_NAME, _TYPE, _CONTENT_ID, _CONTENT = (
    0x3707,
    0x3704,
    0x370E,
    0x3712,
    0x3701,
)
#: Types of a property, and how many bytes a value of fixed size takes.
_STRING, _UNICODE, _OBJECT, _BINARY, _INTEGER = 0x001E, 0x001F, 0x000D, 0x0102, 0x0003
_FIXED = {0x0002: 4, 0x0003: 4, 0x0004: 4, 0x000A: 4, 0x000B: 4, 0x0005: 8, 0x0006: 8}
_FIXED |= {0x0007: 8, 0x0014: 8, 0x0040: 8, 0x0048: 16, 0x0001: 4, 0x0000: 4}
_MANY = 0x1000
_MAX_NAME = 255
#: An attached Outlook item begins with the id of its interface.
_ITEM = bytes.fromhex("0703020000000000c000000000000046")


@dataclass
class File:
    """One attached file."""

    name: str | None = None
    content_type: str | None = None
    content_id: str | None = None
    content: bytes = field(default=b"", repr=False)


@dataclass
class Unpacked:
    """What could be read; of a text that is there only as compressed RTF, nothing is."""

    text: str | None = None
    html: str | None = None
    files: list[File] = field(default_factory=list)


def is_wrapped(name: str | None, content_type: str) -> bool:
    """Whether a part claims to be such a file."""
    return (
        content_type in {"application/ms-tnef", "application/vnd.ms-tnef"}
        or (name or "").lower() == "winmail.dat"
    )


def unpack(content: bytes) -> Unpacked | None:
    """Read such a file as far as it goes; None where it is none. Never raises."""
    if not content.startswith(MARK):
        return None
    reader = _Reader()
    for level, name, value in _fields(content):
        reader.take(level, name, value)
    return reader.unpacked


class _Reader:
    def __init__(self) -> None:
        self.unpacked = Unpacked()
        self._charset = "cp1252"
        self._is_full = False

    def take(self, level: int, name: int, value: memoryview) -> None:
        if name == _NEW_FILE:
            self._is_full = len(self.unpacked.files) >= MAX_FILES
            if not self._is_full:
                self.unpacked.files.append(File())
        elif level == _ATTACHMENT and self.unpacked.files and not self._is_full:
            self._take_of_file(self.unpacked.files[-1], name, value)
        elif level == _MESSAGE:
            self._take_of_message(name, value)

    def _take_of_message(self, name: int, value: memoryview) -> None:
        if name == _CODEPAGE and len(value) >= 4:
            self._charset = _charset(value)
        elif name == _BODY:
            self.unpacked.text = self._text(_STRING, value) or None
        elif name == _MESSAGE_PROPERTIES:
            found = {key: (kind, one) for key, kind, one in _properties(value)}
            if _TEXT in found:
                self.unpacked.text = self._text(*found[_TEXT]) or None
            if _HTML in found:
                kind, one = found[_HTML]
                _, codepage = found.get(_HTML_CODEPAGE, (0, memoryview(b"")))
                charset = _charset(codepage) if len(codepage) >= 4 else None
                self.unpacked.html = (
                    self._text(kind, one)
                    if kind == _UNICODE
                    else decode_text(bytes(one).rstrip(b"\0"), charset)
                ) or None

    def _take_of_file(self, file: File, name: int, value: memoryview) -> None:
        if name == _FILE_NAME:
            file.name = file.name or self._name(_STRING, value)
        elif name == _FILE_CONTENT:
            file.content = bytes(value)
        elif name == _FILE_PROPERTIES:
            found = {key: (kind, one) for key, kind, one in _properties(value)}
            for key in (_SHORT_NAME, _LONG_NAME):
                if key in found:
                    file.name = self._name(*found[key]) or file.name
            if _TYPE in found:
                file.content_type = self._short(*found[_TYPE]).lower() or None
            if _CONTENT_ID in found:
                file.content_id = self._short(*found[_CONTENT_ID]).strip("<>") or None
            if _CONTENT in found and not file.content:
                file.content = bytes(found[_CONTENT][1]).removeprefix(_ITEM)

    def _name(self, kind: int, value: memoryview) -> str | None:
        name = self._short(kind, value).replace("\\", "/")
        return name.rpartition("/")[2].strip() or None

    def _short(self, kind: int, value: memoryview) -> str:
        return self._text(kind, value[: 4 * _MAX_NAME]).strip()[:_MAX_NAME]

    def _text(self, kind: int, value: memoryview) -> str:
        if kind == _UNICODE:
            return bytes(value).decode("utf-16-le", "replace").rstrip("\0")
        return decode_text(bytes(value).rstrip(b"\0"), self._charset)


def _fields(content: bytes) -> Iterator[tuple[int, int, memoryview]]:
    """Level, name and value of each field; a cut one ends it."""
    view = memoryview(content)
    at = 6
    while at + 9 <= len(view):
        level, name, _, length = struct.unpack_from("<BHHI", view, at)
        at += 9
        if at + length > len(view):
            return
        yield level, name, view[at : at + length]
        at += length + 2


def _properties(value: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """Name, type and first value of each property, as far as they can be read."""
    at = 4
    while at + 4 <= len(value):
        kind, name = struct.unpack_from("<HH", value, at)
        at += 4
        if name >= 0x8000:  # a property of somebody's own
            at = _after_name(value, at)
        is_many, kind = bool(kind & _MANY), kind & ~_MANY
        count = 1
        is_long = kind in {_STRING, _UNICODE, _OBJECT, _BINARY}
        if is_many or is_long:
            if at + 4 > len(value):
                return
            (count,) = struct.unpack_from("<I", value, at)
            at += 4
        if not is_long and kind not in _FIXED:
            return
        for number in range(count):
            if is_long:
                if at + 4 > len(value):
                    return
                (length,) = struct.unpack_from("<I", value, at)
                at += 4
            else:
                length = _FIXED[kind]
            if at + length > len(value):
                return
            if number == 0:
                yield name, kind, value[at : at + length]
            at += length + -length % 4


def _after_name(value: memoryview, at: int) -> int:
    if at + 24 > len(value):
        return len(value)
    is_text, number = struct.unpack_from("<II", value, at + 16)
    return at + 24 + (number + -number % 4 if is_text else 0)


def _charset(value: memoryview) -> str:
    (codepage,) = struct.unpack_from("<I", value)
    return {65001: "utf-8", 20127: "ascii", 1200: "utf-16-le"}.get(
        codepage, f"cp{codepage}"
    )
