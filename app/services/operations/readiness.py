"""Whether this installation can do its work right now, cheaply enough to be asked every few seconds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import redis
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app import store
from app.jobs.broker import Broker
from app.runtime import Runtime
from app.services.operations.supervise import EVERY as SUPERVISE_EVERY
from app.store import migrations

#: Longest wait for the broker.
BROKER_SECONDS = 1.0

#: A sweep may be a few turns late, and on a fast clock any restart would look like a death.
MISSED_TURNS = 6
OLDEST_BEAT = timedelta(seconds=30)

BEATS = ("beat", "supervisor")


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
            *[Check(name, False, unknown) for name in BEATS],
        ]
    database = Check("database", True, "answers")
    if current != _head():
        found = f"at {current or 'nothing'}, the code is at {_head()}"
        return [
            database,
            Check("migrations", False, f"{found}: run bizzybee migrate"),
            *[
                Check(name, False, "cannot be told before the migrations ran")
                for name in BEATS
            ],
        ]
    return [database, Check("migrations", True, f"at {current}"), *_beats(runtime)]


def _beats(runtime: Runtime) -> list[Check]:
    """Whether beat ticks and its jobs are carried out."""
    sweep_every = timedelta(seconds=runtime.settings.sweep_seconds)
    try:
        with runtime.system_transaction() as tx:
            beats, now = store.heartbeats.all_beats(tx), tx.now
    except (DBAPIError, SQLAlchemyError):
        away = "cannot be told: the database went away"
        return [Check(name, False, away) for name in BEATS]
    beat = _judge_beat("beat", "sweep", beats.get("sweep"), now, every=sweep_every)
    last = beats.get("supervise")
    if last is None:
        return [beat, Check("supervisor", beat.ok, "has not had its first turn yet")]
    supervisor = _judge_beat(
        "supervisor", "supervisor", last, now, every=SUPERVISE_EVERY
    )
    return [beat, supervisor]


def _judge_beat(
    name: str, job: str, last: datetime | None, now: datetime, *, every: timedelta
) -> Check:
    what_to_do = "see that beat and a worker for bb_ops_jobs are running"
    if last is None:
        return Check(name, False, f"the {job} has never run: {what_to_do}")
    age = now - last
    found = f"the {job} last ran {age.total_seconds():.0f} s ago"
    if age > max(OLDEST_BEAT, MISSED_TURNS * every):
        return Check(name, False, f"{found}: {what_to_do}")
    return Check(name, True, found)


def _broker(runtime: Runtime) -> Check:
    url = runtime.settings.redis_url
    if url is None:
        return Check("broker", False, "is not configured: set REDIS_URL")
    try:
        Broker(url, timeout=BROKER_SECONDS).ping()
    except redis.RedisError:
        return Check(
            "broker", False, "does not answer: start Redis, or correct REDIS_URL"
        )
    return Check("broker", True, "answers")


@cache
def _head() -> str:
    return migrations.head_revision()
