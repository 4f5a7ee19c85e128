"""Carries what a provider has to tell to those who listen, until it is taken.

One thread carries it piece by piece, so that it arrives in the order of the changes
unless something else is asked for. It runs from the first delivery until `stop`.
"""

import heapq
import json
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from sandbox.courier_settings import CourierSettings
from sandbox.destinations import Destination

#: The first delay between two attempts, and the longest; each is twice the one before.
_FIRST_DELAY, _LONGEST_DELAY = 1, 600
_KEPT_ATTEMPTS = 10_000
#: So long a stop waits for an attempt that is under way.
_STOP_SECONDS = 5


@dataclass
class _Delivery:
    """One notification on its way to one who listens."""

    number: int
    destination: Destination
    body: bytes
    attempts: int = 0
    timestamp: int | None = None
    """Of the first attempt."""


@dataclass
class Attempt:
    """What became of one try to deliver."""

    number: int
    """The same for all attempts and copies of one notification."""
    to: int | str
    attempt: int
    timestamp: int
    status: int | None
    error: str | None
    body: Any
    """As JSON, where it is that."""


class Courier:
    """The notifications under way. Safe to use from many threads."""

    def __init__(self, settings: CourierSettings | None = None) -> None:
        self._settings = settings or CourierSettings()
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

    def deliver(
        self, destination: Destination, body: bytes, copies: int, *, delay: float = 0
    ) -> int:
        """Take a notification on its way; returns its number."""
        with self._changed:
            self._notifications += 1
            for _ in range(copies):
                delivery = _Delivery(self._notifications, destination, body)
                self._queue(delivery, delay=delay)
            return self._notifications

    def wait_until_quiet(self, seconds: float) -> None:
        """Return when nothing is under way any more, or after so long."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopped or not (self._waiting or self._under_way), seconds
            )

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
            self._changed.notify_all()

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
                    self._changed.notify_all()

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
        destination = delivery.destination
        url = destination.url()
        if url is None:
            return False
        settings = self._settings
        timestamp = int(time.time()) - settings.age_seconds
        if delivery.timestamp is None:
            delivery.timestamp = timestamp
        elif settings.original_timestamp:
            timestamp = delivery.timestamp
        delivery.attempts += 1
        headers = destination.headers(url, delivery.body, timestamp)
        status, error = self._post(session, url, delivery.body, headers)
        attempt = Attempt(
            number=delivery.number,
            to=destination.name,
            attempt=delivery.attempts,
            timestamp=timestamp,
            status=status,
            error=error,
            body=_readable(delivery.body),
        )
        done = status is not None and destination.is_done(status)
        with self._changed:
            self._attempts.append(attempt)
        return not done and delivery.attempts < settings.max_attempts

    def _post(
        self,
        session: requests.Session,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
    ) -> tuple[int | None, str | None]:
        try:
            answer = session.post(
                url,
                data=body,
                headers=dict(headers),
                timeout=self._settings.timeout_seconds,
                allow_redirects=False,
            )
        except requests.RequestException as exc:
            return None, type(exc).__name__
        return answer.status_code, None


def _readable(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
