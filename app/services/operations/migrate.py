"""Bring the database up to date."""

from app.runtime import Runtime
from app.store import migrations


def migrate(runtime: Runtime) -> str:
    """Migrate to the newest revision and return it. Safe to repeat, and from many processes."""
    migrations.upgrade(runtime.database.engine)
    return migrations.head_revision()
