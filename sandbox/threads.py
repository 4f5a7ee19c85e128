"""Finds which mails of a mailbox belong together, as a provider does."""

import re
from collections.abc import Mapping

_ID = re.compile(rb"<[^<>\s]+>")


class Threads:
    """Joins mails that name a common id. A thread is known by its first mail."""

    def __init__(self) -> None:
        self._parents: list[int] = []
        self._first_with: dict[bytes, int] = {}

    def add(self, fields: Mapping[bytes, bytes]) -> None:
        """Take the next mail, given its header fields by lower-case name."""
        mail = len(self._parents)
        self._parents.append(mail)
        for name in _names(fields):
            self._join(self._first_with.setdefault(name, mail), mail)

    def follow(self, fields: Mapping[bytes, bytes]) -> None:
        """Take a mail that came later: it joins a thread, and never joins two into one.

        A provider does not rename threads that it has told of.
        """
        mail, names = len(self._parents), _names(fields)
        known = (self._first_with[name] for name in names if name in self._first_with)
        first = next(known, mail)
        self._parents.append(self._root(first) if first != mail else mail)
        for name in names:
            self._first_with.setdefault(name, mail)

    def first(self, mail: int) -> int:
        """The position of the first mail of this mail's thread."""
        return self._root(mail)

    def _join(self, one: int, other: int) -> None:
        first, second = sorted((self._root(one), self._root(other)))
        self._parents[second] = first

    def _root(self, mail: int) -> int:
        while self._parents[mail] != mail:
            self._parents[mail] = self._parents[self._parents[mail]]
            mail = self._parents[mail]
        return mail


def _names(fields: Mapping[bytes, bytes]) -> list[bytes]:
    if gmail := fields.get(b"x-gm-thrid"):  # a Takeout mailbox knows its true threads
        return [b"gm:" + gmail]
    return [
        *_ID.findall(fields.get(b"message-id", b""))[:1],
        *_ID.findall(fields.get(b"references", b"")),
        *_answered(fields.get(b"in-reply-to", b"")),
    ]


def _answered(value: bytes) -> list[bytes]:
    """The id in an In-Reply-To, which may stand in a phrase.

    `<id>; from anna@example.com on …` begins with it; `Message from Anna
    <anna@example.com> of "…" <id>` ends with it, and the address must not be taken
    for an id: it would join all that Anna was ever answered. Some leave the brackets out.
    """
    value = value.strip()
    if b"<" not in value and len(value.split()) == 1:
        return [b"<" + value + b">"]
    found = _ID.findall(value)
    if value.startswith(b"<"):
        return found[:1]
    return found[-1:] if value.endswith(b">") else []
