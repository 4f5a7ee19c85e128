"""Reads mailbox files, one mail at a time: memory does not grow with the file."""

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.channels.mail_item import MAX_MAIL
from app.errors import InvalidInput

_ESCAPED = re.compile(rb"^>(>*From )")


@dataclass(frozen=True)
class Mail:
    """One mail of a file."""

    raw: bytes
    position: int
    """How far the file has been read, in bytes of the file itself."""
    cut: bool = False


def read_mbox(path: Path) -> Iterator[Mail]:
    """The mails of an mbox (mboxrd; `.gz` too), in file order.

    A file that breaks off gives what there is of its last mail.

    Raises InvalidInput where the file cannot be read or is no mbox.
    """
    try:
        with path.open("rb") as file:
            lines: IO[bytes] = (
                gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file  # type: ignore[assignment]
            )
            yield from _split(lines, file, path)
    except OSError as exc:
        raise InvalidInput(f"cannot read {path}: {exc}") from exc


def _split(lines: IO[bytes], file: IO[bytes], path: Path) -> Iterator[Mail]:
    first = next((line for line in lines if line.strip()), b"")
    if not first:
        return
    if not first.startswith(b"From "):
        raise InvalidInput(f"{path} is no mbox: it does not begin with a 'From ' line")
    mail: list[bytes] = []
    size = 0
    after_blank = False
    for line in _until_broken(lines):
        # A separator stands at the beginning or after an empty line; anything else is text.
        if after_blank and line.startswith(b"From "):
            yield _mail(mail, size, file)
            mail, size, after_blank = [], 0, False
            continue
        after_blank = not line.strip()
        size += len(line)
        if size <= MAX_MAIL:
            mail.append(_ESCAPED.sub(rb"\1", line))
    yield _mail(mail, size, file)


def _until_broken(lines: IO[bytes]) -> Iterator[bytes]:
    """The lines of an archive up to where it breaks off: what is there is a mail's beginning."""
    try:
        yield from lines
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return


def _mail(lines: list[bytes], size: int, file: IO[bytes]) -> Mail:
    # The empty line before the next separator belongs to the file, not to the mail.
    if lines and not lines[-1].strip():
        lines = lines[:-1]
    return Mail(b"".join(lines), file.tell(), cut=size > MAX_MAIL)


def read_maildir(path: Path) -> Iterator[Mail]:
    """The mails of a Maildir and its subfolders, in the order of their names.

    Raises InvalidInput where the folder is no Maildir.
    """
    folders = [path, *sorted(one for one in path.glob(".*") if one.is_dir())]
    if not any((folder / "cur").is_dir() for folder in folders):
        raise InvalidInput(f"{path} is no Maildir: it has no folder 'cur'")
    position = 0
    for folder in folders:
        for part in ("cur", "new"):
            files = (
                sorted((folder / part).glob("*")) if (folder / part).is_dir() else []
            )
            for file in files:
                with file.open("rb") as opened:
                    raw = opened.read(MAX_MAIL + 1)
                position += len(raw)
                yield Mail(raw[:MAX_MAIL], position, cut=len(raw) > MAX_MAIL)


def size_of(path: Path) -> int:
    """Bytes to be read, for a progress bar."""
    if path.is_file():
        return path.stat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
