"""Celery in this process, on the servers of the tests, and what it writes to the log."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from app.config import Settings
from app.jobs.broker import Broker
from app.logs import configure_logs
from app.runtime import Runtime


@pytest.fixture
def broker(environment: None, servers: Settings) -> Iterator[Broker]:
    """The queues, empty."""
    with redis.Redis.from_url(str(servers.redis_url)) as client:
        client.flushdb()
        yield Broker(str(servers.redis_url))
        client.flushdb()


@pytest.fixture(scope="session")
def _runtime_of_tasks(environment: None) -> Iterator[None]:
    yield
    from tasks.celery_app import runtime

    runtime().database.dispose()


@pytest.fixture
def pipeline(_runtime_of_tasks: None, broker: Broker, runtime: Runtime) -> Any:
    """The tasks, on an empty database and empty queues. They use a runtime of their own."""
    from tasks import pipeline

    return pipeline


@pytest.fixture
def log_lines(
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What was logged since the last time, read as JSON line by line."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    configure_logs("INFO")

    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    yield lines
    root.handlers[:], _ = before
    root.setLevel(before[1])
