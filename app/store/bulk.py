"""Many rows in one statement: values travel as one JSON parameter and are typed in SQL."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import text

from app.store.transaction import Transaction


def execute_with_rows(
    tx: Transaction, statement: str, rows: Iterable[dict[str, Any]], **params: Any
) -> Sequence[Any]:
    """Run a statement that reads `jsonb_to_recordset(CAST(:rows AS jsonb))`.

    Returns what the statement returns. Does nothing where there are no rows.
    """
    values = list(rows)
    if not values:
        return []
    result = tx.session.connection().execute(
        text(statement), {"rows": json.dumps(values, default=str), **params}
    )
    return result.all() if result.returns_rows else []
