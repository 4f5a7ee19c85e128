"""Mails set aside on disk, to be taken in another order without holding them all in memory."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from app.channels.mailbox import Mail


class Spool:
    """Keeps mails in a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._places: list[tuple[int, int, bool]] = []
        self._end = 0

    def __len__(self) -> int:
        return len(self._places)

    def keeping(self, mails: Iterable[Mail]) -> Iterator[Mail]:
        """Hand mails on and set each aside in passing."""
        for mail in mails:
            self._places.append((self._file.tell(), len(mail.raw), mail.cut))
            self._file.write(mail.raw)
            self._end = mail.position
            yield mail

    def take(self, order: Iterable[int]) -> Iterator[Mail]:
        """The mails with these numbers, counted from 0; `position` grows as evenly as it can."""
        for taken, number in enumerate(order, 1):
            start, length, cut = self._places[number]
            self._file.seek(start)
            position = self._end * taken // len(self)
            yield Mail(self._file.read(length), position, cut)


@contextmanager
def spooled() -> Iterator[Spool]:
    """A spool that is gone at the end."""
    with tempfile.TemporaryFile() as file:
        yield Spool(file)
