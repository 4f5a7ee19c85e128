"""Finds out what a folder of corpora holds, by the names and the first rows of its files."""

from dataclasses import dataclass, field
from pathlib import Path

from app.errors import InvalidInput
from evaluation.mails import is_maildir
from evaluation.rows import is_rows, read_rows

_PACKINGS = ("", ".gz")


@dataclass
class Corpora:
    """What can be scored of a folder."""

    mailboxes: list[tuple[Path, Path | None]] = field(default_factory=list)
    """With the true threads beside each, where there are any."""
    labelled: list[Path] = field(default_factory=list)
    replies: list[Path] = field(default_factory=list)
    unknown: list[Path] = field(default_factory=list)
    """Rows of a kind that nothing here scores."""

    def __bool__(self) -> bool:
        return bool(self.mailboxes or self.labelled or self.replies)


def find_corpora(folder: Path) -> Corpora:
    """Look at what stands in a folder, not deeper.

    Raises InvalidInput for a file of rows that cannot be read.
    """
    found = Corpora()
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if is_maildir(path) or any(path.rglob("*.eml")):
                found.mailboxes.append((path, truth_beside(path)))
        elif is_rows(path):
            _sort(path, found)
        elif path.name.endswith((".mbox", ".mbox.gz")):
            found.mailboxes.append((path, truth_beside(path)))
    return found


def truth_beside(path: Path) -> Path | None:
    """`NAME.threads.jsonl` for `NAME.mbox`, either packed or not."""
    name = path.name.removesuffix(".gz").removesuffix(".mbox")
    for packing in _PACKINGS:
        beside = path.with_name(f"{name}.threads.jsonl{packing}")
        if beside.is_file():
            return beside
    return None


def _sort(path: Path, found: Corpora) -> None:
    first = next(read_rows(path), None)
    if first is None:
        raise InvalidInput(f"{path} has no rows")
    if "visible" in first.fields:
        found.replies.append(path)
    elif "label" in first.fields:
        found.labelled.append(path)
    elif "message_ids" not in first.fields:
        found.unknown.append(path)
