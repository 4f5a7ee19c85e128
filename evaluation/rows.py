"""Reads JSON lines, plain or packed, one row at a time."""

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from app.errors import InvalidInput


@dataclass(frozen=True)
class Row:
    """One line of a file: an object, and where it stands."""

    path: Path
    number: int
    """Of the line, from 1."""
    position: int
    """How far the file has been read, in bytes of the file itself."""
    fields: dict[str, Any]

    @property
    def name(self) -> str:
        """The row's own id, else the number of its line."""
        return str(self.fields.get("id") or self.number)

    def text(self, name: str) -> str:
        """A field that must be there as text.

        Raises InvalidInput.
        """
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise self.fault(f"{name} is missing or no text")
        return value

    def label(self, name: str) -> str:
        """A field that may be missing."""
        value = self.fields.get(name)
        return "-" if value is None else str(value)

    def raw(self) -> bytes:
        """The mail that the row carries.

        Raises InvalidInput.
        """
        try:
            return base64.b64decode(self.text("raw"), validate=True)
        except (binascii.Error, ValueError):
            raise self.fault("raw is no base64") from None

    def fault(self, what: str) -> InvalidInput:
        """An error that names the place and shows nothing of the row."""
        return InvalidInput(f"{self.path}, line {self.number}: {what}")


def is_rows(path: Path) -> bool:
    """Whether a file is one of JSON lines, by its name."""
    return path.name.endswith((".jsonl", ".jsonl.gz"))


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file; empty lines are passed over.

    Raises InvalidInput where the file cannot be read or a line is no JSON object.
    """
    try:
        with path.open("rb") as file:
            lines: IO[bytes] = (
                gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file  # type: ignore[assignment]
            )
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _row(path, number, file.tell(), line)
    except (OSError, EOFError, zlib.error) as exc:
        raise InvalidInput(f"cannot read {path}: {exc}") from exc


def _row(path: Path, number: int, position: int, line: bytes) -> Row:
    try:
        fields = json.loads(line)
    except ValueError:
        fields = None
    row = Row(path, number, position, fields if isinstance(fields, dict) else {})
    if not isinstance(fields, dict):
        raise row.fault("no JSON object")
    return row
