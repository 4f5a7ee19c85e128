"""A client of the web application, and what its requests and their traces are."""

from dataclasses import replace
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import text

from app.config import Settings, environment_of
from app.http import create_app
from app.runtime import Runtime

WORKER_TOKEN = "a token of the operators"

#: A database that is away: nothing listens on this port.
NOBODY_LISTENS = "postgresql+psycopg2://nobody@127.0.0.1:1/nothing"


def client_of(runtime: Runtime) -> FlaskClient:
    """A client of an application over this runtime, in which operators have a token."""
    settings = changed(runtime.settings, worker_token=WORKER_TOKEN)
    return create_app(replace(runtime, settings=settings)).test_client()


def changed(settings: Settings, **values: Any) -> Settings:
    """Settings with other values, checked as those of the environment are."""
    variables = {
        str(Settings.model_fields[name].validation_alias): str(value)
        for name, value in values.items()
    }
    return Settings.model_validate(environment_of(settings) | variables)


def mail(external_id: str, **fields: Any) -> dict[str, Any]:
    """A message as a partner posts it."""
    return {
        "external_id": external_id,
        "direction": "inbound",
        "sender": {"kind": "email", "value": "anna@example.com"},
        "body_text": "Where is my order?",
    } | fields


def rows(runtime: Runtime, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    """All rows of a table in the order of their ids, whoever owns them."""
    with runtime.system_transaction() as tx:
        found = tx.session.execute(text(f"SELECT {columns} FROM {table} ORDER BY id"))
        return [tuple(row) for row in found]
