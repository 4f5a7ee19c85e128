"""What an adapter is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol, Self

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
    settings: dict[str, Any] = field(default_factory=dict)
    """What else its owner has chosen, not secret."""
    external_id: str | None = None
    """The provider's id of it, where its owner has entered one."""


@dataclass(frozen=True)
class Item:
    """One provider message: the original, and how we understood it."""

    raw: dict[str, Any]
    message: UnifiedMessage | None
    """None where it could not be understood; `error` says why."""
    error: str | None = None
    external_id: str | None = None
    """The provider's id, where at least that could be read."""
    content_digest: str | None = None
    """Given where senders choose the ids: tells a redelivery from another message."""
    fingerprint: str | None = None
    """Given where the provider may change an id: the same for the same message under any id."""
    near: frozenset[str] = frozenset()
    """Given where there is no id at all: fingerprints under which the same message may be known."""


@dataclass(frozen=True)
class Page:
    """One page of an account's history."""

    items: list[Item]
    next_token: str | None
    """Opaque; None at the end of the folder."""


@dataclass(frozen=True)
class Changes:
    """What is new on an account since a cursor."""

    items: list[Item]
    cursor: dict[str, Any]
    """Where the next call goes on. Saved in the transaction that stores the items."""
    more: bool = False
    """There is more right now; the next call need not wait."""
    reset: str | None = None
    """Why the old cursor was worth nothing and the account is read again from `since`."""
    missed: int = 0
    """Messages that are older than `since` and were never read: a gap, counted."""
    announced: list[str] = field(default_factory=list)
    """Ids of messages that failed and are to be fetched one by one (`fetch_message`), so that a message
    that the provider never manages to show does not keep those behind it."""


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


class Stored(Protocol):
    """What of a stored message tells it from another with the same id, as JSON writes it."""

    @property
    def subject(self) -> str | None: ...

    @property
    def sent_at(self) -> str | None: ...


#: Which of these provider ids are stored already, and for what. Saves fetching a body twice.
KnownIDs = Callable[[Collection[str]], Mapping[str, Stored]]


@contextmanager
def keeping(items: Sequence[Item]) -> Iterator[None]:
    """Hand over the items there are by then where the provider stops answering: `Interrupted`."""
    try:
        yield
    except RetryableError as exc:
        if not items:
            raise
        rate_limited = isinstance(exc, RateLimited)
        kind = InterruptedByRateLimit if rate_limited else Interrupted
        raise kind(str(exc), exc.retry_after, items) from exc


class ChannelAdapter(ABC):
    """Translates between one provider and us. Holds no state, writes nothing."""

    provider: ClassVar[str]
    channel: ClassVar[Channel]
    folders: ClassVar[tuple[str, ...]] = ()
    """What an import reads, in this order; empty where the provider has no history."""
    polls: ClassVar[bool] = False
    """Whether an account can be asked what is new: `fetch_changes`."""

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

    def fetch_changes(
        self,
        account: Account,
        *,
        cursor: dict[str, Any] | None,
        since: datetime,
        limit: int,
        known: KnownIDs,
    ) -> Changes:
        """Fetch about `limit` messages that are new since `cursor`; None begins at `since`.

        The cursor may lag behind on purpose: what comes twice is noticed by its id. One that the
        provider no longer knows is replaced, by reading again from `since`, and `reset` says so.
        Raises as `fetch_page` does; after Interrupted the same cursor is asked again.
        """
        raise NotImplementedError(f"{self.provider} cannot be polled")

    def fetch_message(self, account: Account, external_id: str) -> Item | None:
        """Fetch one message that the provider announced by its id only; None where it is none of ours.

        Raises as `fetch_page` does, and Gone where the provider no longer has it.
        """
        raise NotImplementedError(f"{self.provider} does not announce by id")

    def fetch_attachment(self, account: Account, url: str) -> bytes | None:
        """Fetch a file that only the account may see; None where this is no address of the provider.

        Raises RateLimited, RetryableError, AuthError, Gone, Refused or PermanentError.
        """
        return None
