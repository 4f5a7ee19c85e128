"""What subscribers are told of the changes of a mailbox, and in which order."""

import json
import random
import threading
from collections.abc import Sequence
from typing import Any, Literal

from sandbox.changes import Change
from sandbox.courier import Courier
from sandbox.destinations import Subscriber
from sandbox.subscriptions import Subscription, Subscriptions

Told = tuple[Subscription, Change]
Order = Literal["made", "reversed", "shuffled"]


class Notifications:
    """Hands changes to the courier, or holds them back. Safe to use from many threads."""

    def __init__(
        self, courier: Courier, subscriptions: Subscriptions, secret: str, seed: int
    ) -> None:
        self._courier = courier
        self._subscriptions = subscriptions
        self.secret = secret
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._held: list[Told] = []

    def tell(self, subscription: Subscription, change: Change) -> None:
        """Notify a subscriber of a change, now or when it is released."""
        if self._courier.settings.hold:
            with self._lock:
                self._held.append((subscription, change))
        else:
            self.send(subscription, _payloads(subscription, [change]))

    def send(
        self,
        subscription: Subscription,
        content: dict[str, Any],
        *,
        copies: int | None = None,
    ) -> int:
        """Deliver a notification with this content; returns its number."""
        envelope = {
            "subscription": subscription.id,
            "resource": subscription.resource,
            "accountId": subscription.account_id,
            **content,
        }
        body = json.dumps(envelope, ensure_ascii=False).encode("utf-8", "replace")
        settings = self._courier.settings
        destination = Subscriber(self._subscriptions, subscription.id, self.secret)
        copies = copies or settings.copies
        delay = settings.delay_seconds
        return self._courier.deliver(destination, body, copies, delay=delay)

    def release(self, order: Order, *, together: bool) -> int:
        """Deliver what was held, one by one or all in one; returns how many changes."""
        with self._lock:
            held, self._held = self._held, []
            if order == "reversed":
                held.reverse()
            elif order == "shuffled":
                self._random.shuffle(held)
        for subscription, changes in _grouped(held) if together else _single(held):
            self.send(subscription, _payloads(subscription, changes))
        return len(held)

    def held(self) -> int:
        """How many changes wait to be released."""
        with self._lock:
            return len(self._held)

    def drop(self) -> None:
        """Forget what is held back."""
        with self._lock:
            self._held.clear()


def _single(held: Sequence[Told]) -> list[tuple[Subscription, list[Change]]]:
    return [(subscription, [change]) for subscription, change in held]


def _grouped(held: Sequence[Told]) -> list[tuple[Subscription, list[Change]]]:
    """All changes for one subscriber in one notification."""
    groups: dict[int, tuple[Subscription, list[Change]]] = {}
    for subscription, change in held:
        groups.setdefault(subscription.id, (subscription, []))[1].append(change)
    return list(groups.values())


def _payloads(subscription: Subscription, changes: Sequence[Change]) -> dict[str, Any]:
    """Ids only; with `signal` not even those."""
    if subscription.detail_level == "signal":
        return {}
    return {"payloads": [_payload(change) for change in changes]}


def _payload(change: Change) -> dict[str, Any]:
    payload: dict[str, Any] = {"id": change.id, "changeType": change.kind}
    if change.kind != "deleted":
        payload["attributes"] = {"threadId": change.thread_id}
    return payload
