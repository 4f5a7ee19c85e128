"""The database of this run, which was migrated up from nothing."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text

from app.config import Settings


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
