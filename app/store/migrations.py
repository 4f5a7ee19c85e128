"""Brings the schema up to date and says how far it is."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

ROOT = Path(__file__).parents[2]

#: Two processes that start together must not migrate together.
MIGRATION_LOCK = 0x62697A7A


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Migrate up. Safe to repeat, and from many processes at once."""
    with engine.connect() as connection, connection.begin():
        _wait_for_turn(connection)
        if current_revision(connection) != head_revision():
            command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Migrate down to `revision`, or to nothing with `base`."""
    with engine.connect() as connection, connection.begin():
        _wait_for_turn(connection)
        command.downgrade(_config(connection), revision)


def current_revision(connection: Connection) -> str | None:
    """The revision of the database; None where it was never migrated."""
    # Alembic's own reader writes two log lines each time, and readiness is asked often.
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return str(revision) if revision else None


def head_revision() -> str:
    """The newest revision of this code."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def _wait_for_turn(connection: Connection) -> None:
    # Statements of ours end after a minute; a migration, or the wait for one, may take longer.
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(
        text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK}
    )


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection} if connection else {})
    config.set_main_option("script_location", str(ROOT / "alembic"))
    return config
