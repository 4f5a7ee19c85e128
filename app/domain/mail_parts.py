"""A mail as a tree of parts, each known by where it stands in the raw bytes.

Offsets instead of copies keep a large mail at its own size. An attached message stays
one part: what somebody else wrote is never mixed into what the sender wrote.
"""

import binascii
import re
from dataclasses import dataclass, field
from functools import cached_property

from app.domain.charset import decode_text, says_something
from app.domain.mail_headers import (
    Headers,
    charset_of_words,
    lenient_base64,
    looks_like_base64,
    read_headers,
    read_parameters,
)

#: Each level reads the same bytes again; real mail stays below ten.
MAX_DEPTH = 50
MAX_PARTS = 1_000

_META_CHARSET = re.compile(
    rb"<meta[^<>]{1,200}charset=[\"']?([\w-]{1,40})", re.IGNORECASE
)
#: A parameter value that is longer is no file name.
_MAX_PARAMETERS = 4_000


@dataclass
class Part:
    """One part: its headers, where its content stands, and the parts inside it."""

    raw: bytes = field(repr=False)
    headers: Headers
    start: int
    end: int
    place: str
    """Counted as IMAP does: `2.1` is the first part of the second."""
    content_type: str
    """In lower case and always of the form `main/sub`."""
    parameters: dict[str, str]
    children: list["Part"] = field(default_factory=list)

    @property
    def main_type(self) -> str:
        return self.content_type.partition("/")[0]

    @property
    def is_first(self) -> bool:
        """Whether no other leaf stands before it."""
        return not self.place.replace("1", "").replace(".", "")

    @property
    def charset(self) -> str | None:
        return self.parameters.get("charset")

    @cached_property
    def disposition(self) -> tuple[str, dict[str, str]]:
        """`inline` or `attachment` (or nothing), and its parameters."""
        values = self.headers.undecoded("content-disposition", _MAX_PARAMETERS)
        return read_parameters(values[0]) if values else ("", {})

    @property
    def filename(self) -> str | None:
        """The name of the file without the folders a sender may have put before it."""
        name = self.disposition[1].get("filename")
        if not name and "name" in self.parameters:
            # Read again: now it is known what 8-bit names are written in.
            values = self.headers.undecoded("content-type", _MAX_PARAMETERS)
            name = read_parameters(values[0])[1].get("name")
        name = (name or "").replace("\\", "/").rpartition("/")[2].strip()
        return name[:255] or None

    @property
    def content_id(self) -> str | None:
        return (self.headers.first("content-id") or "").strip("<> ")[:500] or None

    def content(self) -> bytes:
        """Return the content with its transfer encoding undone as far as it goes."""
        content = self.raw[self.start : self.end]
        encoding = self.headers.first("content-transfer-encoding") or ""
        match encoding.split(";")[0].strip().lower():
            case "base64":
                # Some mailers claim the encoding and then do not apply it.
                is_applied = looks_like_base64(content)
                return lenient_base64(content) if is_applied else content
            case "quoted-printable":
                return binascii.a2b_qp(content)
            case "x-uuencode" | "uuencode" | "x-uue" | "uue":
                return _from_uu(content)
        return content

    def text(self, limit: int) -> str:
        """Return at most `limit` characters of the content as text."""
        # No character takes more than four bytes.
        content = self.content()[: 4 * limit]
        charset = self.charset
        if charset is None and self.content_type == "text/html":
            meta = _META_CHARSET.search(content, 0, 4_096)
            charset = meta[1].decode("ascii") if meta else None
        return decode_text(content, charset)[:limit]

    def walk(self) -> list["Part"]:
        """Return this part and all within it, in the order they stand."""
        return [self, *(inner for child in self.children for inner in child.walk())]

    def leaves(self) -> list["Part"]:
        """Return what has content of its own."""
        return [part for part in self.walk() if not part.children]


def read_parts(raw: bytes) -> tuple[Part, list[str]]:
    """Return the whole mail as a tree, and the faults of its structure. Never raises."""
    reader = _Reader(raw)
    root = reader.read()
    return root, reader.faults


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.faults: list[str] = []
        self._parts = 0

    def read(self) -> Part:
        root = self._part(0, len(self.raw), "", "text/plain", depth=0)
        parts = root.walk()
        labels = [part.charset for part in parts if says_something(part.charset)]
        hint = labels[0] if labels else charset_of_words(root.headers.fields)
        for part in parts:
            own = part.charset
            part.headers.charset = own if says_something(own) else hint
        return root

    def _part(self, start: int, end: int, place: str, kind: str, depth: int) -> Part:
        self._parts += 1
        headers, body = read_headers(self.raw, start, end)
        values = headers.undecoded("content-type", _MAX_PARAMETERS)
        content_type, parameters = read_parameters(values[0] if values else kind)
        if not _is_type(content_type):
            content_type = "text/plain" if values else kind
        part = Part(
            self.raw, headers, body, end, place or "1", content_type, parameters
        )
        if part.main_type == "multipart":
            self._open(part, place, depth)
        return part

    def _open(self, part: Part, place: str, depth: int) -> None:
        boundary = part.parameters.get("boundary", "").rstrip()
        spans = self._spans(boundary, part.start, part.end) if boundary else []
        if not spans:
            self._fault("multipart without its boundary")
            part.content_type = "text/plain"
        elif depth >= MAX_DEPTH:
            self._fault(f"nested deeper than {MAX_DEPTH} parts")
        else:
            inside = part.content_type == "multipart/digest"
            kind = "message/rfc822" if inside else "text/plain"
            prefix = f"{place}." if place else ""
            for number, (start, end) in enumerate(spans, 1):
                if self._parts >= MAX_PARTS:
                    self._fault(f"more than {MAX_PARTS} parts")
                    break
                part.children.append(
                    self._part(start, end, f"{prefix}{number}", kind, depth + 1)
                )

    def _spans(self, boundary: str, start: int, end: int) -> list[tuple[int, int]]:
        """Where the parts between the boundary lines stand, the line ends left out."""
        delimiter = b"--" + boundary.encode("utf-8", "replace")
        spans: list[tuple[int, int]] = []
        opened: int | None = None
        at = self.raw.find(delimiter, start, end)
        while at >= 0 and len(spans) <= MAX_PARTS:
            if at == start or self.raw[at - 1] in b"\r\n":
                line_end = self.raw.find(b"\n", at, end) + 1 or end
                rest = self.raw[at + len(delimiter) : line_end][:100].rstrip()
                if rest in (b"", b"--") and opened is not None:
                    spans.append((opened, max(opened, self._line_before(at))))
                    opened = None
                if rest == b"--":
                    break
                if rest == b"":
                    opened = line_end
            at = self.raw.find(delimiter, at + len(delimiter), end)
        if opened is not None and opened < end:
            # The closing line is missing: a cut-off mail keeps what there is of it.
            spans.append((opened, end))
        return spans

    def _line_before(self, at: int) -> int:
        """The line end before a boundary belongs to the boundary."""
        if self.raw[at - 1 : at] == b"\n":
            at -= 1
        return at - 1 if self.raw[at - 1 : at] == b"\r" else at

    def _fault(self, fault: str) -> None:
        if fault not in self.faults:
            self.faults.append(fault)


def _is_type(content_type: str) -> bool:
    main, slash, sub = content_type.partition("/")
    return bool(main and slash and sub) and len(content_type) <= 200


def _from_uu(content: bytes) -> bytes:
    decoded: list[bytes] = []
    for line in content.splitlines():
        if not line or line.startswith(b"begin ") or line == b"end":
            continue
        try:
            decoded.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Sloppy encoders pad the line: only as much counts as its length says.
            length = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                decoded.append(binascii.a2b_uu(line[:length]))
            except binascii.Error:
                continue
    return b"".join(decoded)
