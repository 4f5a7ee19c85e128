"""How far a folder has been read: the token of an import, the cursor of polling."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Self

#: So many UIDs below the newest are asked for again: a server that stores on several machines
#: may show a mail after one with a higher UID.
OVERLAP = 50


@dataclass(frozen=True)
class Place:
    """Where an import stands in a folder that it reads downwards."""

    name: str
    uid_validity: int
    floor: int
    """Down to here, exclusively; what lies below has been read."""
    next_uid: int
    top: int
    """What came since the reading began lies above."""

    @classmethod
    def read(cls, token: str | None) -> Self | None:
        """None at the beginning; a token of another make begins again too."""
        parts = (token or "").split(":", 4)
        if len(parts) < 5 or not all(part.isdecimal() for part in parts[:4]):
            return None
        validity, floor, next_uid, top = map(int, parts[:4])
        return cls(parts[4], validity, floor, next_uid, top)

    def __str__(self) -> str:
        numbers = (self.uid_validity, self.floor, self.next_uid, self.top)
        return ":".join(map(str, (*numbers, self.name)))


@dataclass(frozen=True)
class Mark:
    """Where polling stands in a folder that it reads upwards."""

    uid_validity: int
    uid: int
    """Up to here everything was looked at."""
    floor: int
    """From here on upwards; what lies below is history."""
    seen: tuple[int, ...] = ()
    """What was looked at of the last `OVERLAP` UIDs."""
    at: str | None = None
    """When the newest mail that was read came in, by the server's clock."""
    since: str | None = None
    """While a folder is read for the first time: what came earlier is left out, …"""
    to: int = 0
    """… up to this UID."""

    @classmethod
    def read(cls, kept: Any) -> Self | None:
        """None where there is none, or none that can be understood."""
        try:
            mark = cls(**{**kept, "seen": tuple(kept["seen"])})
            numbers = (mark.uid_validity, mark.uid, mark.floor, mark.to, *mark.seen)
            _moment(mark.at), _moment(mark.since)
        except (TypeError, LookupError, ValueError):
            return None
        return mark if all(isinstance(number, int) for number in numbers) else None

    @classmethod
    def first(cls, uid_validity: int, last_uid: int, since: datetime) -> Self:
        """Before a folder that is read from a moment on."""
        told = since.isoformat()
        return cls(uid_validity, 0, 0, at=told, since=told, to=last_uid)

    @property
    def is_scanning(self) -> bool:
        return self.since is not None

    @property
    def scan_since(self) -> datetime | None:
        return _moment(self.since)

    @property
    def read_until(self) -> datetime | None:
        return _moment(self.at)

    @property
    def overlap_from(self) -> int:
        """The UID above which is searched for what is new."""
        return max(self.floor, self.uid - OVERLAP)

    def past(self, uid: int, received_at: datetime | None, *, is_final: bool) -> Self:
        """The mark behind a mail. One that is not final is looked at again while it is near."""
        highest = max(self.uid, uid)
        # During the first reading nothing is asked for again.
        seen = () if self.is_scanning else (*self.seen, *([uid] if is_final else []))
        at = max(filter(None, (self.read_until, received_at)), default=None)
        return replace(
            self,
            uid=highest,
            seen=tuple(sorted(one for one in seen if one > highest - OVERLAP)),
            at=at.isoformat() if at else None,
        )

    def after_scan(self) -> Self:
        """The mark at the end of the first reading."""
        uid = max(self.uid, self.to)
        return replace(self, uid=uid, floor=uid, seen=(), since=None, to=0)

    def kept(self) -> dict[str, Any]:
        """The mark as JSON keeps it."""
        return asdict(self) | {"seen": list(self.seen)}


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
