"""How providers call us: the request, what it says, and what an adapter has to know for it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from app.channels.base import Account, Item
from app.errors import RetryableError


class NoSecret(RetryableError):
    """Nobody has entered what the provider signs with, so nothing can be believed."""


@dataclass(frozen=True)
class WebhookRequest:
    """A request as it arrived. Signatures are made over `body` as it is, never over a parsed copy."""

    method: str
    url: str
    """The public address, query included, as the provider called it."""
    headers: Mapping[str, str]
    """By name in lower case."""
    query: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Delivery:
    """What one request says of one account."""

    account: str | None
    """The provider's id of the account; None where only the address of the request tells."""
    items: list[Item] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)
    """Ids of messages that have to be fetched."""
    has_changed: bool = False
    """Something is new and the request does not say what."""
    trouble: str | None = None
    """What the provider says is wrong with the account."""


class Receiver(ABC):
    """An adapter whose provider calls us."""

    secret_headers: ClassVar[frozenset[str]] = frozenset({"authorization", "cookie"})
    """Headers that are not kept."""
    secret_parameters: ClassVar[frozenset[str]] = frozenset()
    """Parts of the query that are not kept."""
    answer: ClassVar[tuple[str, str]] = ("application/json", '{"status": "ok"}')
    """Content type and body of the answer to a request that was stored."""

    @abstractmethod
    def verify(self, request: WebhookRequest, account: Account | None) -> None:
        """Believe a request or not, by its raw bytes and in constant time.

        `account` is the one that the address names, if it names one. Raises AccessDenied for what
        is not signed as it should be, NoSecret where there is nothing to check it against.
        """

    def handshake(self, request: WebhookRequest) -> str | None:
        """Return what the provider wants to hear when it tries the address; None for other requests."""
        return None

    @abstractmethod
    def receive(self, request: WebhookRequest) -> list[Delivery]:
        """Read a request that has been believed; one delivery per account it speaks of.

        A single item that cannot be read comes back with its error; it never fails the request.
        Raises InvalidPayload where nothing of it can be read.
        """


class Subscriber(ABC):
    """An adapter whose provider has to be asked to call us, and forgets it in time."""

    @abstractmethod
    def subscribe(
        self, account: Account, *, url: str, cursor: dict[str, Any] | None
    ) -> dict[str, Any]:
        """See to it that the provider calls `url`; returns what to remember of it (`cursor`).

        Holds `account_id`, the provider's id of the account. Safe to repeat: what is in force stays.
        Raises as `fetch_page` does.
        """
