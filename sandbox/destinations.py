"""For whom a delivery of the courier is: where they listen, how it is signed, when it is over."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from sandbox import signature
from sandbox.subscriptions import Subscriptions

#: The answer by which a subscriber of Aurinko ends its subscription.
_UNWANTED = HTTPStatus.UNPROCESSABLE_ENTITY


class Destination(Protocol):
    """Somebody to whom a provider posts."""

    @property
    def name(self) -> int | str:
        """How the attempts call it."""

    def url(self) -> str | None:
        """Where it listens; None where there is nobody any more."""

    def headers(self, url: str, body: bytes, timestamp: int) -> Mapping[str, str]:
        """What proves to it who wrote this."""

    def is_done(self, status: int) -> bool:
        """Whether this answer makes further attempts needless."""


@dataclass(frozen=True)
class Subscriber:
    """Somebody who subscribed at Aurinko."""

    subscriptions: Subscriptions
    name: int
    """The id of the subscription."""
    secret: str

    def url(self) -> str | None:
        subscription = self.subscriptions.get(self.name)
        return subscription.url if subscription else None

    def headers(self, url: str, body: bytes, timestamp: int) -> Mapping[str, str]:
        signed = signature.headers(self.secret, timestamp, body)
        return {"Content-Type": "application/json", **signed}

    def is_done(self, status: int) -> bool:
        if status == _UNWANTED:
            self.subscriptions.remove(self.name)
        return status in {HTTPStatus.OK, _UNWANTED}
