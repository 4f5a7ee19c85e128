"""A database whose owner is no superuser, as providers of PostgreSQL hand them out."""

import os

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError

from app import store
from app.jobs.publishing import NoPublisher
from app.store import migrations
from app.store.transaction import Database

OWNER = f"bizzybee_owner_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


def test_an_owner_that_was_granted_the_roles_can_migrate(owned, grant):
    grant()

    migrations.upgrade(owned.engine)

    with owned.engine.connect() as connection:
        assert migrations.current_revision(connection) == migrations.head_revision()


def test_an_owner_without_the_roles_is_told(owned):
    with pytest.raises(
        DBAPIError, match='permission denied to set role "bizzybee_app"'
    ):
        migrations.upgrade(owned.engine)

    with owned.engine.connect() as connection:
        assert migrations.current_revision(connection) is None


@pytest.mark.shows("L1")
def test_the_walls_hold_on_such_a_database_too(owned, grant):
    grant()
    migrations.upgrade(owned.engine)
    with owned.transaction(None, NoPublisher()) as tx:
        ours = store.tenants.add_workspace(tx, "Ours")
        store.tenants.add_workspace(tx, "Theirs")

    with owned.transaction(ours.id, NoPublisher()) as tx:
        seen = [one.name for one in store.tenants.workspaces(tx)]

    assert seen == ["Ours"]


@pytest.fixture
def owned(blank):
    """A database of an owner without special rights, on a cluster that has our roles."""
    engine = blank()
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP ROLE IF EXISTS {OWNER}")
        connection.exec_driver_sql(f"CREATE ROLE {OWNER} NOSUPERUSER")
        connection.exec_driver_sql(
            f'ALTER DATABASE "{engine.url.database}" OWNER TO {OWNER}'
        )
        connection.exec_driver_sql(f"ALTER SCHEMA public OWNER TO {OWNER}")
    database = Database(engine.url.render_as_string(hide_password=False))
    database.dispose()
    database.engine = create_engine(engine.url)
    event.listen(database.engine, "connect", become_owner)
    yield database
    database.dispose()
    with engine.begin() as connection:
        connection.exec_driver_sql(f"REASSIGN OWNED BY {OWNER} TO CURRENT_USER")
        connection.exec_driver_sql(f"DROP OWNED BY {OWNER}")
        connection.exec_driver_sql(f"DROP ROLE {OWNER}")


@pytest.fixture
def grant(owned, blank):
    """What a superuser does once for a new installation."""
    engine = blank()

    def grant():
        with engine.begin() as connection:
            connection.exec_driver_sql(
                f"GRANT bizzybee_app, bizzybee_system TO {OWNER}"
            )

    return grant


def become_owner(connection, _):
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION AUTHORIZATION {OWNER}")
    connection.commit()
