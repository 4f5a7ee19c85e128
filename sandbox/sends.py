"""Every mail that was accepted for sending: the proof of what was sent how often."""

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Send:
    """One accepted mail."""

    number: int
    name: str
    """The account: the name in the token."""
    route: str
    message_id: str
    """The Message-ID that was said to be submitted."""
    sent_message_id: str
    """The Message-ID of the copy in SENT."""
    id: str | None
    """The provider's id of that copy, if one is kept."""
    to: list[str]
    subject: str
    body: dict[str, Any]
    """The request as it came."""


class Sends:
    """The accepted mails. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._accepted: list[Send] = []
        self._count = 0

    def accept(self, sent: Callable[[int], Send]) -> Send:
        """Send the next mail, given its number; who looks meanwhile waits until it is.

        Numbers go on when the list is forgotten.
        """
        with self._lock:
            send = sent(self._count + 1)
            self._count += 1
            self._accepted.append(send)
            return send

    def accepted(self, name: str | None = None) -> list[dict[str, Any]]:
        """The mails of an account, or of all, in the order in which they were accepted."""
        with self._lock:
            found = [s for s in self._accepted if name is None or s.name == name]
        return [asdict(s) for s in found]

    def clear(self) -> None:
        """Forget the mails."""
        with self._lock:
            self._accepted.clear()
