"""Whether this installation can do its work right now, cheaply enough to be asked every few seconds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app import store
from app.runtime import Runtime
from app.store import migrations

#: Longest wait for the broker.
BROKER_SECONDS = 1.0

#: A sweep may be a few turns late, and on a fast clock any restart would look like a death.
MISSED_TURNS = 6
OLDEST_BEAT = timedelta(seconds=30)


@dataclass(frozen=True)
class Check:
    """One thing that work depends on."""

    name: str
    ok: bool
    message: str
    """What was found and, where it is not well, what to do."""


def readiness(runtime: Runtime) -> list[Check]:
    """Check database, migrations, broker and the beat; none raises."""
    return [*_database_checks(runtime), _broker(runtime)]


def _database_checks(runtime: Runtime) -> list[Check]:
    try:
        with runtime.database.engine.connect() as connection:
            current = migrations.current_revision(connection)
    except (DBAPIError, SQLAlchemyError):
        unknown = "cannot be told while the database is away"
        return [
            Check(
                "database",
                False,
                "does not answer: start PostgreSQL, or correct DATABASE_URL",
            ),
            Check("migrations", False, unknown),
            Check("beat", False, unknown),
        ]
    database = Check("database", True, "answers")
    if current != _head():
        found = f"at {current or 'nothing'}, the code is at {_head()}"
        return [
            database,
            Check("migrations", False, f"{found}: run bizzybee migrate"),
            Check("beat", False, "cannot be told before the migrations ran"),
        ]
    return [database, Check("migrations", True, f"at {current}"), _beat(runtime)]


def _beat(runtime: Runtime) -> Check:
    try:
        with runtime.system_transaction() as tx:
            last, now = store.heartbeats.all_beats(tx).get("sweep"), tx.now
    except (DBAPIError, SQLAlchemyError):
        return Check("beat", False, "cannot be told: the database went away")
    return _judge_beat(last, now, sweep_seconds=runtime.settings.sweep_seconds)


def _judge_beat(last: datetime | None, now: datetime, *, sweep_seconds: float) -> Check:
    what_to_do = "see that beat and a worker for bb_ops_jobs are running"
    if last is None:
        return Check("beat", False, f"the sweep has never run: {what_to_do}")
    age = now - last
    found = f"the sweep last ran {age.total_seconds():.0f} s ago"
    if age > max(OLDEST_BEAT, MISSED_TURNS * timedelta(seconds=sweep_seconds)):
        return Check("beat", False, f"{found}: {what_to_do}")
    return Check("beat", True, found)


def _broker(runtime: Runtime) -> Check:
    url = runtime.settings.redis_url
    if url is None:
        return Check("broker", False, "is not configured: set REDIS_URL")
    try:
        _ping(url)
    except redis.RedisError:
        return Check(
            "broker", False, "does not answer: start Redis, or correct REDIS_URL"
        )
    return Check("broker", True, "answers")


def _ping(url: str) -> None:
    # Celery's names for a socket file and for a sentinel, which answers a PING as well.
    address = url.partition(";")[0].replace("redis+socket://", "unix://")
    client = redis.Redis.from_url(
        address.replace("sentinel://", "redis://"),
        socket_timeout=BROKER_SECONDS,
        socket_connect_timeout=BROKER_SECONDS,
        # The library would try four times.
        retry=Retry(NoBackoff(), 0),
    )
    with client:
        client.ping()


@cache
def _head() -> str:
    return migrations.head_revision()
