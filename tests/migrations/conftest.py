"""Databases with nothing in them, and the one that was migrated."""

import os
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url, text

from app.config import Settings

_numbers = count(1)


@pytest.fixture
def blank(servers: Settings) -> Iterator[Callable[[], Engine]]:
    """Makes databases with nothing in them."""
    url = make_url(str(servers.database_url))
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    made: list[tuple[str, Engine]] = []

    def make() -> Engine:
        name = f"bizzybee_blank_{worker}_{next(_numbers)}"
        with admin.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE template0')
        engine = create_engine(url.set(database=name))
        made.append((name, engine))
        return engine

    yield make
    for name, engine in made:
        engine.dispose()
        with admin.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    admin.dispose()


@pytest.fixture
def migrated(servers: Settings) -> Iterator[Connection]:
    """The database of this run, which was migrated up from nothing."""
    engine = create_engine(str(servers.database_url))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def rows(migrated: Connection) -> Callable[..., list[Any]]:
    """Asks the migrated database."""

    def ask(statement: str, **params: Any) -> list[Any]:
        return list(migrated.execute(text(statement), params))

    return ask
