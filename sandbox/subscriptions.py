"""Who wants to be told of the changes of which mailbox."""

import threading
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from sandbox.changes import Change

_FIRST_ID = 7001
#: The only resource whose changes the sandbox has.
MESSAGES = "/email/messages"


@dataclass(frozen=True)
class Subscription:
    """One subscription, as it is now."""

    id: int
    account: str
    """The name in the token it was made with."""
    account_id: int
    resource: str
    url: str
    detail_level: Literal["signal", "status"] = "status"
    without_drafts: bool = False
    active: bool = True

    def wants(self, change: Change) -> bool:
        """Whether this change is told."""
        if not self.active or self.resource != MESSAGES:
            return False
        return not (self.without_drafts and change.is_draft)

    def described(self) -> dict[str, Any]:
        """It in words of the sandbox."""
        return asdict(self)


class Subscriptions:
    """All of them by their ids. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[int, Subscription] = {}
        self._next_id = _FIRST_ID

    def new_id(self) -> int:
        """An id that no other has."""
        with self._lock:
            self._next_id += 1
            return self._next_id - 1

    def add(self, subscription: Subscription) -> None:
        with self._lock:
            self._known[subscription.id] = subscription

    def get(self, subscription_id: int) -> Subscription | None:
        with self._lock:
            return self._known.get(subscription_id)

    def all(self) -> list[Subscription]:
        """Those there are, the oldest first."""
        with self._lock:
            return list(self._known.values())

    def set_active(self, subscription_id: int, active: bool) -> Subscription | None:
        """Switch one on or off; None if there is no such."""
        with self._lock:
            if subscription_id not in self._known:
                return None
            changed = replace(self._known[subscription_id], active=active)
            self._known[subscription_id] = changed
            return changed

    def remove(self, subscription_id: int) -> bool:
        """Forget one; whether there was such."""
        with self._lock:
            return self._known.pop(subscription_id, None) is not None
