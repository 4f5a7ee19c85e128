"""Reads mails from wherever they are kept, one at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.channels.mail_item import MAX_MAIL
from app.channels.mailbox import Mail, read_maildir, read_mbox
from evaluation.rows import is_rows, read_rows


@dataclass(frozen=True)
class Specimen:
    """One mail of a corpus, known by a name that says nothing of what is in it."""

    name: str
    mail: Mail


def read_mails(path: Path) -> Iterator[Specimen]:
    """The mails of an mbox, a Maildir, a folder of `.eml` files, one such file, or rows with `raw`.

    Raises InvalidInput where there is nothing of the kind.
    """
    if is_rows(path):
        for row in read_rows(path):
            yield Specimen(row.name, Mail(row.raw(), row.position))
    elif path.is_dir() and not is_maildir(path):
        yield from _loose(path, sorted(path.rglob("*.eml")))
    elif path.suffix == ".eml":
        yield from _loose(path.parent, [path])
    else:
        mails = read_maildir(path) if path.is_dir() else read_mbox(path)
        for number, mail in enumerate(mails, 1):
            yield Specimen(f"{number}@{mail.position}", mail)


def is_maildir(path: Path) -> bool:
    return (path / "cur").is_dir() or any(path.glob(".*/cur"))


def _loose(folder: Path, files: list[Path]) -> Iterator[Specimen]:
    position = 0
    for file in files:
        with file.open("rb") as opened:
            raw = opened.read(MAX_MAIL + 1)
        position += len(raw)
        mail = Mail(raw[:MAX_MAIL], position, cut=len(raw) > MAX_MAIL)
        yield Specimen(str(file.relative_to(folder)), mail)
