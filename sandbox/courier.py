"""Carries notifications to the subscribers until they are taken, as Aurinko does.

One thread carries them one by one, so that they arrive in the order of the changes
unless something else is asked for. It runs from the first notification until `stop`.
"""

import heapq
import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import requests

from sandbox import signature
from sandbox.courier_settings import CourierSettings
from sandbox.subscriptions import Subscriptions

#: The first delay between two attempts, and the longest; each is twice the one before.
_FIRST_DELAY, _LONGEST_DELAY = 1, 600
#: The answers after which there is no further attempt; the second ends the subscription.
_TAKEN, _UNWANTED = 200, 422
_KEPT_ATTEMPTS = 10_000
#: So long a stop waits for an attempt that is under way.
_STOP_SECONDS = 5


@dataclass
class _Delivery:
    """One notification on its way to one subscriber."""

    number: int
    subscription_id: int
    body: bytes
    attempts: int = 0
    timestamp: int | None = None
    """Of the first attempt."""


@dataclass
class Attempt:
    """What became of one try to deliver."""

    number: int
    """The same for all attempts and copies of one notification."""
    subscription: int
    attempt: int
    timestamp: int
    status: int | None
    error: str | None
    body: Any


class Courier:
    """The notifications under way. Safe to use from many threads."""

    def __init__(self, subscriptions: Subscriptions, secret: str) -> None:
        self.secret = secret
        self._subscriptions = subscriptions
        self._settings = CourierSettings()
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, _Delivery]] = []
        self._attempts: deque[Attempt] = deque(maxlen=_KEPT_ATTEMPTS)
        self._notifications = self._entries = self._under_way = 0
        self._thread: threading.Thread | None = None
        self._stopped = False

    @property
    def settings(self) -> CourierSettings:
        """How it delivers at the moment."""
        return self._settings

    def set(self, **asked: Any) -> None:
        """Change the settings; raises `ValidationError` for what they cannot be."""
        with self._changed:
            known = self._settings.model_dump()
            self._settings = CourierSettings.model_validate(known | asked)

    def deliver(self, subscription_id: int, body: bytes, copies: int) -> int:
        """Take a notification on its way; returns its number."""
        with self._changed:
            self._notifications += 1
            for _ in range(copies):
                delivery = _Delivery(self._notifications, subscription_id, body)
                self._queue(delivery, delay=0)
            return self._notifications

    def state(self) -> dict[str, Any]:
        """How many notifications wait, and the attempts so far."""
        with self._changed:
            return {
                "waiting": len(self._waiting) + self._under_way,
                "attempts": [vars(attempt) for attempt in self._attempts],
            }

    def clear(self) -> None:
        """Forget what waits and the attempts."""
        with self._changed:
            self._waiting.clear()
            self._attempts.clear()

    def stop(self) -> None:
        """Deliver nothing more. Safe to repeat."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(_STOP_SECONDS)

    def _queue(self, delivery: _Delivery, *, delay: float) -> None:
        self._entries += 1
        due = time.monotonic() + delay
        heapq.heappush(self._waiting, (due, self._entries, delivery))
        if self._thread is None and not self._stopped:
            self._thread = threading.Thread(
                target=self._run, name="sandbox-courier", daemon=True
            )
            self._thread.start()
        self._changed.notify_all()

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False  # a proxy must not see what is sent to loopback
            while (delivery := self._next()) is not None:
                again = self._attempt(session, delivery)
                with self._changed:
                    self._under_way -= 1
                    if again:
                        power = min(delivery.attempts - 1, 20)
                        delay = min(_FIRST_DELAY * 2**power, _LONGEST_DELAY)
                        self._queue(delivery, delay=delay * self._settings.scale)

    def _next(self) -> _Delivery | None:
        """Wait for a delivery that is due; None when it is time to stop."""
        with self._changed:
            while not self._stopped:
                wait = None
                if self._waiting:
                    wait = self._waiting[0][0] - time.monotonic()
                    if wait <= 0:
                        self._under_way += 1
                        return heapq.heappop(self._waiting)[2]
                self._changed.wait(wait)
            return None

    def _attempt(self, session: requests.Session, delivery: _Delivery) -> bool:
        """Post a notification; whether that has to be tried again."""
        subscription = self._subscriptions.get(delivery.subscription_id)
        if subscription is None:
            return False
        settings = self._settings
        timestamp = int(time.time()) - settings.age_seconds
        if delivery.timestamp is None:
            delivery.timestamp = timestamp
        elif settings.original_timestamp:
            timestamp = delivery.timestamp
        delivery.attempts += 1
        status, error = self._post(session, subscription.url, delivery.body, timestamp)
        attempt = Attempt(
            number=delivery.number,
            subscription=subscription.id,
            attempt=delivery.attempts,
            timestamp=timestamp,
            status=status,
            error=error,
            body=json.loads(delivery.body),
        )
        if status == _UNWANTED:
            self._subscriptions.remove(subscription.id)
        with self._changed:
            self._attempts.append(attempt)
        return (
            status not in {_TAKEN, _UNWANTED}
            and delivery.attempts < settings.max_attempts
        )

    def _post(
        self, session: requests.Session, url: str, body: bytes, timestamp: int
    ) -> tuple[int | None, str | None]:
        try:
            answer = session.post(
                url,
                data=body,
                headers={
                    "Content-Type": "application/json",
                    **signature.headers(self.secret, timestamp, body),
                },
                timeout=self._settings.timeout_seconds,
                allow_redirects=False,
            )
        except requests.RequestException as exc:
            return None, type(exc).__name__
        return answer.status_code, None
