"""What an adapter is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from app.config import Settings
from app.domain.unified_message import Channel, UnifiedMessage
from app.errors import RateLimited, RetryableError


@dataclass(frozen=True)
class Account:
    """A connected account as an adapter sees it: decrypted, in memory only."""

    config_id: str
    addresses: frozenset[str]
    """Our own canonical identifiers on it."""
    credentials: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Item:
    """One provider message: the original, and how we understood it."""

    raw: dict[str, Any]
    message: UnifiedMessage | None
    """None where it could not be understood; `error` says why."""
    error: str | None = None
    external_id: str | None = None
    """The provider's id, where at least that could be read."""


@dataclass(frozen=True)
class Page:
    """One page of an account's history."""

    items: list[Item]
    next_token: str | None
    """Opaque; None at the end of the folder."""


class Interrupted(RetryableError):
    """The provider stopped answering in the middle of a page; `items` is what came before.

    Store them, then ask for the same page again: what is stored is not fetched twice. Else a page
    whose bodies hit a rate limit half-way would hit it there every time.
    """

    def __init__(
        self, detail: str, retry_after: float | None, items: Sequence[Item]
    ) -> None:
        super().__init__(detail, retry_after)
        self.items = list(items)


class InterruptedByRateLimit(Interrupted, RateLimited):
    """The same, because we ask too often."""


#: Which of these provider ids are stored already. Saves fetching a body twice.
KnownIDs = Callable[[Collection[str]], Collection[str]]


class ChannelAdapter(ABC):
    """Translates between one provider and us. Holds no state, writes nothing."""

    provider: ClassVar[str]
    channel: ClassVar[Channel]
    folders: ClassVar[tuple[str, ...]] = ()
    """What an import reads, in this order; empty where the provider has no history."""

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Build it from the settings that concern its provider."""

    def fetch_page(
        self,
        account: Account,
        *,
        folder: str,
        token: str | None,
        limit: int,
        known: KnownIDs,
    ) -> Page:
        """Fetch one page of a folder, newest first.

        Raises RateLimited, RetryableError, PermanentError or AuthError; Interrupted, which is
        retryable, where a part of the page is there. A single item that cannot be read comes back
        with its error; it never fails the page.
        """
        raise NotImplementedError(f"{self.provider} has no history to import")

    def fetch_attachment(self, account: Account, url: str) -> bytes | None:
        """Fetch a file that only the account may see; None where this is no address of the provider.

        Raises RateLimited, RetryableError, AuthError, Gone, Refused or PermanentError.
        """
        return None
