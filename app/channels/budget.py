"""How often all workers together call a provider for one account."""

import time

from limits import RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter
from requests import PreparedRequest
from requests.auth import AuthBase

from app.config import Settings
from app.errors import RateLimited

#: Seconds. Who finds the budget spent waits so long for the next second's, and then gives way.
_PATIENCE = 3.0


class Budget:
    """Counts in Redis, so that it is one budget for all. Where Redis is away nothing is held back."""

    def __init__(self, redis_url: str | None, *, per_second: int) -> None:
        self._limit = RateLimitItemPerSecond(per_second)
        self._limiter = None
        # Celery's names for sentinels and sockets mean nothing here.
        if redis_url is not None and redis_url.startswith(("redis://", "rediss://")):
            storage = storage_from_string(
                redis_url,
                socket_timeout=1,
                socket_connect_timeout=1,
                wrap_exceptions=True,
            )
            self._limiter = FixedWindowRateLimiter(storage)

    @classmethod
    def from_settings(cls, settings: Settings) -> "Budget":
        return cls(settings.redis_url, per_second=settings.requests_per_second)

    def spend(self, account: str) -> None:
        """Take one request from the budget of an account, waiting a moment for it.

        Raises RateLimited where others are faster all the time.
        """
        if self._limiter is None:
            return
        until = time.monotonic() + _PATIENCE
        try:
            while not self._limiter.hit(self._limit, "provider", account):
                reset = self._limiter.get_window_stats(
                    self._limit, "provider", account
                ).reset_time
                if time.monotonic() > until:
                    raise RateLimited("the account's budget of requests is spent", 1.0)
                time.sleep(min(max(reset - time.time(), 0.01), 1.0))
        except StorageError:
            return

    def paying(self, auth: AuthBase, account: str) -> AuthBase:
        """Authorization that takes every request it is used for from the budget."""
        return _Paying(auth, self, account)


class _Paying(AuthBase):
    def __init__(self, auth: AuthBase, budget: Budget, account: str) -> None:
        self._auth, self._budget, self._account = auth, budget, account

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        self._budget.spend(self._account)
        authorized: PreparedRequest = self._auth(request)
        return authorized
