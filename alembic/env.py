"""Runs migrations on the connection it is handed, or on the configured database."""

from alembic import context
from sqlalchemy import create_engine

from app.embedded import complete
from app.models import Base


def run(connection):
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()


if connection := context.config.attributes.get("connection"):
    run(connection)
else:
    with create_engine(complete().database_url).connect() as connection:
        run(connection)
