"""The queues as Redis holds them: doorbells, not the truth."""

import json
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.jobs import queues

#: Celery's queue keys and the priority steps behind them.
_PRIORITY_SUFFIXES = ("", "\x06\x163", "\x06\x166", "\x06\x169")


class Broker:
    """Looks into the broker's Redis. Only Celery may write to those keys."""

    def __init__(self, url: str, *, timeout: float = 2.0) -> None:
        # Celery's names for a socket file and for a sentinel, which answers a PING as well.
        address = url.partition(";")[0].replace("redis+socket://", "unix://")
        self._redis = redis.Redis.from_url(
            address.replace("sentinel://", "redis://"),
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            # One try: who asks wants to know now.
            retry=Retry(NoBackoff(), 0),
        )

    def ping(self) -> None:
        """Raises redis.RedisError where it does not answer."""
        self._redis.ping()

    def eviction_policy(self) -> str:
        """What Redis does when memory runs out; `unknown` where we may not ask."""
        try:
            answer = self._redis.config_get("maxmemory-policy")
        except redis.ResponseError:
            return "unknown"
        return str(answer.get("maxmemory-policy", "unknown"))

    def depths(self) -> dict[str, int]:
        """Waiting messages per queue, and those that workers hold (`unacked`)."""
        found = {
            name: sum(
                int(self._redis.llen(name + suffix)) for suffix in _PRIORITY_SUFFIXES
            )
            for name in queues.ALL
        }
        found["unacked"] = int(self._redis.hlen("unacked"))
        return found

    def waiting(self) -> dict[str, int]:
        """The same, or nothing where Redis cannot tell."""
        try:
            return self.depths()
        except redis.RedisError:
            return {}

    def peek(self, queue: str, *, limit: int = 10) -> list[dict[str, Any]]:
        """The next messages of a queue, without taking them; the most urgent first."""
        # Celery pushes on the left and takes from the right.
        waiting = [
            message
            for suffix in _PRIORITY_SUFFIXES
            for message in self._redis.lrange(queue + suffix, -limit, -1)[::-1]
        ]
        return [_readable(message) for message in waiting[:limit]]

    def purge(self, queue: str) -> int:
        """Forget the waiting messages of a queue; the sweep rings again for what is due."""
        names = [queue + suffix for suffix in _PRIORITY_SUFFIXES]
        count = sum(int(self._redis.llen(name)) for name in names)
        self._redis.delete(*names)
        return count


def _readable(message: bytes | str) -> dict[str, Any]:
    try:
        envelope = json.loads(message)
        headers = envelope["headers"]
        return {
            "id": headers["id"],
            "task": headers["task"],
            "args": headers["argsrepr"],
        }
    except (ValueError, KeyError, TypeError):
        return {"id": None, "task": "unreadable", "args": repr(message[:200])}
