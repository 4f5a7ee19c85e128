"""What a provider of chats tells those who listen to an account, and in which order."""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.chats import Account
from sandbox.courier import Courier
from sandbox.courier_settings import CourierSettings

Order = Literal["made", "reversed", "shuffled"]
Content = dict[str, Any]


@dataclass(frozen=True)
class Manner:
    """How a product tells things."""

    pack: Callable[[Account, Sequence[Content]], bytes]
    """One request that tells all of this."""
    sign: Callable[[Account, str, bytes, int], Mapping[str, str]]
    """What proves who wrote to an address; a time is given for those who sign it."""
    batches: bool = False
    """One request may tell several things."""
    statuses: tuple[str, ...] = ()
    """What usually becomes of an accepted message."""
    courier: CourierSettings = field(default_factory=CourierSettings)


@dataclass(frozen=True)
class Listener:
    """Who listens to an account."""

    account: Account
    sign: Callable[[Account, str, bytes, int], Mapping[str, str]]
    address: str | None = None
    """Where it is another one than the account's."""

    @property
    def name(self) -> str:
        return self.account.id

    def url(self) -> str | None:
        return self.address or self.account.settings.callback

    def headers(self, url: str, body: bytes, timestamp: int) -> Mapping[str, str]:
        return self.sign(self.account, url, body, timestamp)

    def is_done(self, status: int) -> bool:
        return 200 <= status < 300


@dataclass(frozen=True)
class _Held:
    account: Account
    content: Content
    address: str | None
    copies: int | None


class Callbacks:
    """Hands what a product tells to its courier, or holds it back. Safe for many threads."""

    def __init__(self, manner: Manner, seed: int) -> None:
        self.manner = manner
        self.courier = Courier(manner.courier)
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._held: list[_Held] = []

    def tell(
        self,
        account: Account,
        content: Content,
        *,
        address: str | None = None,
        copies: int | None = None,
    ) -> None:
        """Tell one thing, now or when it is released."""
        if address is None and account.settings.callback is None:
            return
        held = _Held(account, content, address, copies)
        if self.courier.settings.hold:
            with self._lock:
                self._held.append(held)
        else:
            self._deliver([held])

    def release(self, order: Order, *, together: bool) -> int:
        """Deliver what was held, one by one or in batches; returns how many things."""
        with self._lock:
            held, self._held = self._held, []
            if order == "reversed":
                held.reverse()
            elif order == "shuffled":
                self._random.shuffle(held)
        for batch in _grouped(held) if together else [[one] for one in held]:
            self._deliver(batch)
        return len(held)

    def held(self) -> int:
        """How many things wait to be released."""
        with self._lock:
            return len(self._held)

    def clear(self) -> None:
        """Forget what is held back, what is under way, and the attempts."""
        with self._lock:
            self._held.clear()
        self.courier.clear()

    def _deliver(self, batch: Sequence[_Held]) -> None:
        first, settings = batch[0], self.courier.settings
        body = self.manner.pack(first.account, [one.content for one in batch])
        listener = Listener(first.account, self.manner.sign, first.address)
        copies = first.copies or settings.copies
        self.courier.deliver(listener, body, copies, delay=settings.delay_seconds)


def _grouped(held: Sequence[_Held]) -> list[list[_Held]]:
    """All that one listener is told, in one batch."""
    groups: dict[tuple[str, str | None], list[_Held]] = {}
    for one in held:
        groups.setdefault((one.account.id, one.address), []).append(one)
    return list(groups.values())
