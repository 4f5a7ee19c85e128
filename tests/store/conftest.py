"""Rows brought into a state by hand, and the database's clock."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from app.runtime import Runtime


@pytest.fixture
def set_row(runtime: Runtime) -> Callable[..., None]:
    """Writes columns of one row, past everything that our code would check."""

    def set_row(table: str, row_id: Any, **columns: Any) -> None:
        assignments = ", ".join(f"{name} = %({name})s" for name in columns)
        with runtime.database.engine.begin() as connection:
            done = connection.exec_driver_sql(
                f"UPDATE {table} SET {assignments} WHERE id = %(row_id)s",
                columns | {"row_id": str(row_id)},
            )
            assert done.rowcount == 1

    return set_row


@pytest.fixture
def now(runtime: Runtime) -> Callable[[], datetime]:
    def now() -> datetime:
        with runtime.system_transaction() as tx:
            return tx.now

    return now
