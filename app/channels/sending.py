"""How we write through a provider: what is sent, and what an adapter has to know for it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from app.channels.base import Account
from app.domain.mail_head import MailHead
from app.domain.text_limit import TextLimit

#: How far a provider's clock may be behind ours, where what it sent is told by its time.
CLOCKS_DIFFER = timedelta(seconds=10)


@dataclass(frozen=True)
class Address:
    """Somebody to write to, as the provider accepts it."""

    kind: str
    value: str
    name: str | None = None


@dataclass(frozen=True)
class Outgoing:
    """One message as it leaves, the same on every try."""

    id: UUID
    """Our own id of it, for providers that carry one along."""
    to: Address
    text: str = field(repr=False)
    html: str | None = field(default=None, repr=False)
    thread_id: str | None = None
    """The provider's id of the conversation."""
    reply_to: str | None = None
    """The provider's id of the message that it answers."""
    mail: MailHead | None = None
    """Given on mail accounts only."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """What the message that it answers had to say of its place (`metadata` of the message)."""


@dataclass(frozen=True)
class Sent:
    """What the provider says of a message that it took."""

    external_id: str | None
    """The id under which echoes and statuses speak of it; None where it tells none."""
    thread_id: str | None = None


class Sender(ABC):
    """An adapter through which messages can be sent."""

    text_limit: ClassVar[TextLimit | None] = None
    """Longer texts go out as several messages; None where mail carries any length."""
    window: ClassVar[timedelta | None] = None
    """How long after the customer's last message a free text is allowed; None: always."""
    can_find: ClassVar[bool] = False
    """Whether `find_sent` can tell what became of a message whose outcome is unknown."""

    def thread_of(self, account: Account, to: Address) -> str | None:
        """The provider's id of a conversation with somebody; None where only the provider knows.

        Most chats are named by whom they are with.
        """
        return to.value

    @abstractmethod
    def send(self, account: Account, outgoing: Outgoing) -> Sent:
        """Send one message, with one request that is never repeated here.

        Raises RateLimited or RetryableError only where the provider certainly did not take it (it
        said so, or the connection was never made); OutcomeUnknown where it may have: the connection
        broke or ended in silence after the request had gone out, or a 5xx that proves nothing.
        Raises AuthError, WindowClosed, OptedOut, Undeliverable or PermanentError for what will never
        do.
        """

    def find_sent(
        self, account: Account, outgoing: Outgoing, *, since: datetime
    ) -> Sent | None:
        """Look for a message among what the provider has sent; None where it is not there (yet).

        `since` is when we first tried. Raises as `fetch_page` does.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot look for what it sent")
