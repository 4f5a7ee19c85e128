"""Tenants are walled in: shown for every table there is, found through the models."""

from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from uuid import UUID

import psycopg2.errors
import pytest
from sqlalchemy import (
    Enum,
    Integer,
    LargeBinary,
    Numeric,
    Text,
    Uuid,
    delete,
    func,
    insert,
    select,
    text,
)
from sqlalchemy import update as change
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.exc import DBAPIError

from app.domain.ids import new_id
from app.jobs.publishing import NoPublisher
from app.models import Base

pytestmark = pytest.mark.shows("L1")

TABLES = {
    table.name: table
    for table in Base.metadata.sorted_tables
    if table.name == "workspaces" or "workspace_id" in table.columns
}
#: What concerns the whole system is a row without a workspace.
SHARED = [
    name
    for name, table in TABLES.items()
    if name != "workspaces" and table.columns["workspace_id"].nullable
]
APPEND_ONLY = [
    "audit_log",
    "conversation_joins",
    "customer_merges",
    "job_runs",
    "pipeline_job_audit",
]
VIEWS = [
    "bb_needs_classification",
    "bb_open_incidents",
    "bb_pipeline_progress",
    "bb_stage_latency",
    "bb_stalled_events",
    "bb_unreplied_messages",
]

every_table = pytest.mark.parametrize("name", TABLES)


@every_table
def test_a_tenant_sees_its_own_rows_only(database, tenants, name):
    ours, _ = tenants

    with database.transaction(ours, NoPublisher()) as tx:
        seen = tx.session.scalars(select(owner(name))).all()

    assert seen == [ours]


@every_table
def test_asking_for_the_rows_of_another_tenant_finds_none(database, tenants, name):
    ours, theirs = tenants

    with database.transaction(ours, NoPublisher()) as tx:
        seen = tx.session.execute(select(TABLES[name]).where(owner(name) == theirs))
        found = seen.all()

    assert found == []


@every_table
def test_a_tenant_cannot_insert_for_another(database, tenants, name):
    ours, theirs = tenants

    with pytest.raises(DBAPIError) as refusal, as_tenant(database, ours) as tx:
        tx.session.execute(insert(TABLES[name]), a_row(tx.session, name, theirs))

    assert "violates row-level security policy" in str(refusal.value.orig)


@every_table
def test_a_tenant_cannot_change_rows_of_another(database, tenants, rows_of, name):
    ours, theirs = tenants
    before = rows_of(name, theirs)
    statement = change(TABLES[name]).values({owner(name): ours})

    with as_tenant(database, ours) as tx:
        if name in APPEND_ONLY:
            with pytest.raises(DBAPIError, match="permission denied"):
                tx.session.execute(statement.where(owner(name) == theirs))
        else:
            changed = tx.session.execute(statement.where(owner(name) == theirs))
            assert changed.rowcount == 0

    assert rows_of(name, theirs) == before


@every_table
def test_a_tenant_cannot_delete_rows_of_another(database, tenants, rows_of, name):
    ours, theirs = tenants
    before = rows_of(name, theirs)
    statement = delete(TABLES[name]).where(owner(name) == theirs)

    with as_tenant(database, ours) as tx:
        if name in APPEND_ONLY:
            with pytest.raises(DBAPIError, match="permission denied"):
                tx.session.execute(statement)
        else:
            assert tx.session.execute(statement).rowcount == 0

    assert rows_of(name, theirs) == before


@pytest.mark.parametrize("name", sorted(set(TABLES).difference(APPEND_ONLY)))
def test_a_tenant_cannot_give_its_rows_away(database, tenants, name):
    ours, theirs = tenants

    with pytest.raises(DBAPIError) as refusal, as_tenant(database, ours) as tx:
        tx.session.execute(change(TABLES[name]).values({owner(name): theirs}))

    assert "violates row-level security policy" in str(refusal.value.orig)


@pytest.mark.parametrize("name", APPEND_ONLY)
def test_what_happened_stays_as_it_was_written(database, tenants, name):
    ours, _ = tenants
    table = TABLES[name]

    for statement in (change(table).values({owner(name): ours}), delete(table)):
        with pytest.raises(DBAPIError) as refusal, as_tenant(database, ours) as tx:
            tx.session.execute(statement)
        assert isinstance(refusal.value.orig, psycopg2.errors.InsufficientPrivilege)


@pytest.mark.parametrize("name", SHARED)
def test_what_concerns_the_whole_system_is_no_tenants_business(database, tenants, name):
    ours, _ = tenants

    with as_tenant(database, None) as tx:
        tx.session.execute(insert(TABLES[name]), a_row(tx.session, name, None))
        tx.session.execute(text("SET LOCAL ROLE bizzybee_app"))
        tx.session.execute(text(f"SET LOCAL app.workspace_id = '{ours}'"))
        seen = tx.session.scalars(select(owner(name))).all()
    with pytest.raises(DBAPIError) as refusal, as_tenant(database, ours) as tx:
        tx.session.execute(insert(TABLES[name]), a_row(tx.session, name, None))

    assert seen == [ours]
    assert "violates row-level security policy" in str(refusal.value.orig)


@every_table
def test_without_a_workspace_nothing_is_visible(database, tenants, name):
    with database.engine.connect() as connection:
        connection.execute(text("SET LOCAL ROLE bizzybee_app"))

        never_set = connection.scalar(select(func.count()).select_from(TABLES[name]))
        # What a pooled connection has left of an earlier transaction's setting.
        connection.execute(text("SET LOCAL app.workspace_id = ''"))
        set_to_nothing = connection.scalar(
            select(func.count()).select_from(TABLES[name])
        )

    assert (never_set, set_to_nothing) == (0, 0)


@every_table
def test_the_system_sees_every_tenant(database, tenants, name):
    with database.transaction(None, NoPublisher()) as tx:
        seen = set(tx.session.scalars(select(owner(name))))

    assert seen >= set(tenants)


@pytest.mark.parametrize("view", VIEWS)
def test_the_walls_hold_behind_views(database, tenants, view):
    """Without `security_invoker` a view would look with its owner's eyes."""
    ours, theirs = tenants
    with database.transaction(None, NoPublisher()) as tx:
        everything = set(workspaces_in(tx.session, view))

    with database.transaction(ours, NoPublisher()) as tx:
        seen = set(workspaces_in(tx.session, view))

    assert everything == {ours, theirs}
    assert seen == {ours}


def test_depths_count_what_the_tenant_has(database, tenants):
    statement = text(
        "SELECT depth FROM bb_queue_depths WHERE queue = 'bb_classify_jobs'"
    )
    with database.transaction(None, NoPublisher()) as tx:
        everything = tx.session.scalar(statement)

    with database.transaction(tenants[0], NoPublisher()) as tx:
        ours = tx.session.scalar(statement)

    assert (everything, ours) == (2, 1)


def test_the_pulse_of_the_system_is_no_tenants_business(database, tenants):
    with (
        pytest.raises(DBAPIError, match="permission denied for table heartbeats"),
        database.transaction(tenants[0], NoPublisher()) as tx,
    ):
        tx.session.execute(text("SELECT * FROM heartbeats"))


def test_no_tenant_can_switch_the_walls_off(database, tenants):
    """Where `row_security` is off, a role without BYPASSRLS gets an error, not the rows."""
    with as_tenant(database, tenants[0]) as tx:
        tx.session.execute(text("SET LOCAL row_security = off"))
        with pytest.raises(DBAPIError, match="would be affected by row-level security"):
            tx.session.execute(text("SELECT * FROM workspaces"))


def owner(name):
    """The column that says whose a row is."""
    return TABLES[name].columns["id" if name == "workspaces" else "workspace_id"]


def workspaces_in(session, view):
    return session.scalars(text(f"SELECT workspace_id FROM {view}"))


@contextmanager
def as_tenant(database, workspace_id):
    """A transaction whose writes never last."""
    with (
        suppress(Discarded),
        database.transaction(workspace_id, NoPublisher()) as tx,
    ):
        yield tx
        raise Discarded


class Discarded(Exception):
    pass


def a_row(session, name, workspace_id, **given):
    """A row that the constraints of a table let in, made from what the models say of its columns."""
    table = TABLES[name]
    row = dict(given)
    for column in table.columns:
        if column.name in row:
            continue
        if column is owner(name):
            row[column.name] = workspace_id or (
                new_id() if column.primary_key else None
            )
        elif (
            column.primary_key
            and isinstance(column.type, Uuid)
            and not column.foreign_keys
        ):
            row[column.name] = new_id()
        elif column.nullable or column.server_default is not None or column.identity:
            continue
        elif column.foreign_keys:
            (key,) = column.foreign_keys
            row[column.name] = session.scalar(
                select(key.column)
                .where(owner(key.column.table.name) == workspace_id)
                .limit(1)
            )
            # The wall hides what belongs to another tenant.
            row[column.name] = row[column.name] or new_id()
        else:
            row[column.name] = a_value(column)
    return row


def a_value(column):
    if isinstance(column.type, Enum):
        return column.type.enums[0]
    if isinstance(column.type, Uuid):
        return new_id()
    if isinstance(column.type, JSONB):
        return {}
    if isinstance(column.type, Integer | Numeric):
        return 1
    if isinstance(column.type, LargeBinary):
        return b"sealed"
    if isinstance(column.type, TSVECTOR):
        return "word"
    if isinstance(column.type, Text):
        return f"{column.name} {new_id()}"
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def database(shared_runtime):
    return shared_runtime.database


@pytest.fixture(scope="module")
def tenants(database):
    """Two tenants, each with one row in every table there is."""
    pair = (new_id(), new_id())
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM workspaces"))
        for name in SHARED:
            connection.execute(delete(TABLES[name]))
        for workspace_id in pair:
            for name, table in TABLES.items():
                connection.execute(insert(table), a_row(connection, name, workspace_id))
        make_visible(connection)
    yield pair
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM workspaces"))
        for name in SHARED:
            connection.execute(delete(TABLES[name]))


def make_visible(connection):
    """Bring the rows into the states that the views look for."""
    connection.execute(
        text("""
        UPDATE message_events e SET updated_at = now() - interval '1 hour',
            status = 'materialized', materialized_at = now(), message_id = m.id
        FROM messages m WHERE m.workspace_id = e.workspace_id
        """)
    )
    connection.execute(text("UPDATE messages SET sender_type = 'customer'"))
    connection.execute(
        text("""
        UPDATE conversations c SET last_inbound_message_id = m.id
        FROM messages m WHERE m.conversation_id = c.id
        """)
    )


@pytest.fixture
def rows_of(database):
    """The rows of a tenant as they are, read past the walls."""

    def rows_of(name: str, workspace_id: UUID):
        with database.engine.connect() as connection:
            return connection.execute(
                select(TABLES[name]).where(owner(name) == workspace_id)
            ).all()

    return rows_of
