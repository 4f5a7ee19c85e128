"""Everything that was accepted for sending: the proof of what was sent how often."""

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar


@dataclass(frozen=True, kw_only=True)
class Send:
    """One accepted message."""

    number: int
    provider: str
    name: str
    """The account: the name in the token, or its id."""
    route: str
    id: str | None
    """The provider's id of it, or of the copy that is kept."""
    to: list[str]
    body: dict[str, Any]
    """The request as it came."""


@dataclass(frozen=True, kw_only=True)
class MailSend(Send):
    """One accepted mail."""

    message_id: str
    """The Message-ID that was said to be submitted."""
    sent_message_id: str
    """The Message-ID of the copy in SENT."""
    subject: str


@dataclass(frozen=True, kw_only=True)
class ChatSend(Send):
    """One accepted chat message."""

    text: str
    failed: int | None
    """The code with which the provider says afterwards that it could not deliver it."""


Kind = TypeVar("Kind", bound=Send)


class Sends:
    """The accepted messages. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._accepted: list[Send] = []
        self._count = 0

    def accept(self, sent: Callable[[int], Kind]) -> Kind:
        """Send the next message, given its number; who looks meanwhile waits until it is.

        Numbers go on when the list is forgotten.
        """
        with self._lock:
            send = sent(self._count + 1)
            self._count += 1
            self._accepted.append(send)
            return send

    def accepted(
        self, name: str | None = None, provider: str | None = None
    ) -> list[dict[str, Any]]:
        """Those of an account, of a provider, or all, in the order of their acceptance."""
        with self._lock:
            found = list(self._accepted)
        return [
            asdict(send)
            for send in found
            if name in (None, send.name) and provider in (None, send.provider)
        ]

    def clear(self) -> None:
        """Forget them."""
        with self._lock:
            self._accepted.clear()
