"""Celery in this process, on the servers of the tests, and what it writes to the log."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.jobs.broker import Broker
from app.logs import configure_logs
from app.runtime import Runtime


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
def log_lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What was logged so far, read as JSON line by line."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("INFO")
    (ours,) = root.handlers
    assert isinstance(ours, logging.StreamHandler)
    written = io.StringIO()
    ours.setStream(written)

    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)
