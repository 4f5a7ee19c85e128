"""Who may see what, and publishing after the commit."""

from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app import store
from app.jobs.contracts import Draft
from app.jobs.publishing import NoPublisher
from app.store.transaction import Database
from tests.fakes import CollectingPublisher

STATE = text(
    "SELECT current_user, current_setting('app.workspace_id', true),"
    " current_setting('app.writer', true)"
)


def test_a_transaction_acts_as_the_role_of_its_workspace(runtime, workspace):
    with runtime.transaction(workspace.id) as tx:
        inside = tx.session.execute(STATE).one()

    assert inside == ("bizzybee_app", str(workspace.id), "bizzybee")


def test_a_system_transaction_acts_as_the_role_that_sees_all(runtime):
    with runtime.system_transaction() as tx:
        inside = tx.session.execute(STATE).one()

    assert inside == ("bizzybee_system", "", "bizzybee")


@pytest.mark.shows("L1")
@pytest.mark.parametrize("ends_well", [True, False], ids=["committed", "rolled back"])
def test_a_pooled_connection_forgets_whose_transaction_it_carried(
    one_connection, workspace, ends_well
):
    backend = text("SELECT pg_backend_pid()")
    try:
        with one_connection.transaction(workspace.id, NoPublisher()) as tx:
            before = tx.session.scalar(backend)
            assert ends_well
    except AssertionError:
        pass

    with one_connection.engine.connect() as connection:
        after = connection.scalar(backend)
        user, workspace_id, writer = connection.execute(STATE).one()

    assert after == before
    assert user not in {"bizzybee_app", "bizzybee_system"}
    assert (workspace_id, writer) == ("", "")


@pytest.mark.shows("L1")
def test_the_next_tenant_on_a_connection_sees_its_own_rows_only(
    one_connection, make, workspace
):
    other = make.workspace()
    make.config(workspace)
    theirs = make.config(other)

    with one_connection.transaction(workspace.id, NoPublisher()) as tx:
        store.tenants.configs(tx)
    with one_connection.transaction(other.id, NoPublisher()) as tx:
        seen = [config.id for config in store.tenants.configs(tx)]

    assert seen == [theirs.id]


def test_jobs_are_published_once_the_rows_can_be_seen(runtime, workspace):
    job = a_job(workspace)
    seen_by_others = []

    class Watching:
        def publish(self, jobs):
            with runtime.system_transaction() as tx:
                found = store.tenants.workspace_named(tx, "New")
            seen_by_others.append((list(jobs), found is not None))
            return len(jobs)

    with runtime.database.transaction(None, Watching()) as tx:
        store.tenants.add_workspace(tx, "New")
        tx.publish_after_commit(job)
        assert seen_by_others == []

    assert seen_by_others == [([job], True)]


def test_nothing_is_published_when_the_work_fails(runtime, workspace):
    publisher = CollectingPublisher()

    def work():
        with runtime.database.transaction(workspace.id, publisher) as tx:
            tx.publish_after_commit(a_job(workspace))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()

    assert publisher.jobs == []


def test_nothing_is_published_when_the_commit_fails(runtime, workspace):
    """A constraint may be checked as late as that."""
    publisher = CollectingPublisher()
    late = "CREATE TEMP TABLE late (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)"

    def work():
        with runtime.database.transaction(None, publisher) as tx:
            tx.session.execute(text(late))
            tx.session.execute(text("INSERT INTO late VALUES (1), (1)"))
            tx.publish_after_commit(a_job(workspace))

    with pytest.raises(IntegrityError):
        work()

    assert publisher.jobs == []


def test_nothing_is_asked_of_the_broker_without_jobs(runtime, workspace):
    class Refusing:
        def publish(self, jobs):
            raise AssertionError("nothing was to be published")

    with runtime.database.transaction(workspace.id, Refusing()) as tx:
        store.tenants.configs(tx)


def test_the_clock_is_the_databases_and_knows_its_offset(runtime):
    with runtime.system_transaction() as tx:
        after = tx.session.scalar(text("SELECT clock_timestamp()"))

    assert tx.now.tzinfo is not None
    assert 0 <= (after - tx.now).total_seconds() < 1


def test_an_error_does_not_quote_what_was_being_written(runtime, workspace):
    """Errors reach logs, and what is written may be a message's body."""
    with (
        pytest.raises(DBAPIError) as failure,
        runtime.transaction(workspace.id) as tx,
    ):
        tx.session.execute(
            text("INSERT INTO customers (id, name) VALUES (:id, :name)"),
            {"id": uuid4(), "name": "Anna Berg"},
        )

    assert "INSERT INTO customers" in str(failure.value)
    assert "Anna Berg" not in str(failure.value)


def a_job(workspace):
    return Draft(workspace_id=workspace.id, event_ids=(uuid4(),))


@pytest.fixture
def one_connection(runtime):
    """A database that has only one connection to give, so that it must be used again."""
    url = runtime.database.engine.url.render_as_string(hide_password=False)
    database = Database(url, pool_size=1)
    yield database
    database.dispose()
