"""Reads mbox files: where each mail begins and ends, whatever their size.

Every line that begins like a separator is one (mboxrd): such lines within mails are
escaped. `From` at the start of a sentence is told apart by what follows it.
"""

import gzip
import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_BLOCK = 1 << 20
#: A separator longer than this is not seen as one where it crosses two blocks.
_LONGEST_SEPARATOR = 1024
_SEPARATOR = re.compile(rb"\nFrom (?:\S+[ \t\r]*|[^\n]*\d:\d\d[^\n]*)(?=\n|\Z)")
_ESCAPED = re.compile(rb"^>(>*From )", re.MULTILINE)


def opened(path: Path) -> IO[bytes]:
    """Open a mailbox for reading; a packed one is unpacked into a nameless file."""
    if path.suffix != ".gz":
        return path.open("rb")
    unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as its mailbox
    with gzip.open(path, "rb") as packed:
        try:
            while block := packed.read1(_BLOCK):
                unpacked.write(block)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            pass  # a truncated archive is served as far as it goes
    unpacked.flush()
    return unpacked


def spans(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Each mail's separator line, its first byte and the byte behind its last."""
    current: tuple[bytes, int] | None = None
    for separator, at, behind in _separators(file):
        if current is not None:
            yield (*current, _without_blank_line(file, current[1], at))
        current = separator, behind
    if current is not None:
        size = os.fstat(file.fileno()).st_size
        yield (*current, _without_blank_line(file, current[1], size))


def read(file: IO[bytes], start: int, end: int) -> bytes:
    """The bytes between two positions, as far as there are any."""
    # Not seek and read: threads share the file.
    return os.pread(file.fileno(), max(end - start, 0), start)


def unescaped(raw: bytes) -> bytes:
    """A mail as it was before it was put into an mbox."""
    return _ESCAPED.sub(rb"\1", raw) if b">From " in raw else raw


def _separators(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Each separator line, where it begins and where the line behind it begins."""
    window, offset = b"\n", -1  # as if a line ended before the file
    file.seek(0)
    while True:
        block = file.read(_BLOCK)
        window += block
        # What begins in the last stretch is looked at again with what follows it.
        decided = len(window) - (_LONGEST_SEPARATOR if block else 0)
        for match in _SEPARATOR.finditer(window):
            if match.start() >= decided:
                break
            begin, behind = match.start() + 1, match.end() + 1
            yield match.group().strip(), offset + begin, offset + behind
        if not block:
            return
        decided = max(decided, 0)
        window, offset = window[decided:], offset + decided


def _without_blank_line(file: IO[bytes], start: int, end: int) -> int:
    """The mbox ends each mail with a blank line that is not part of it."""
    tail = read(file, max(start, end - 4), end)
    for blank in (b"\r\n\r\n", b"\n\n"):
        if tail.endswith(blank):
            return end - len(blank) // 2
    return end
