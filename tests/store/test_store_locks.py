"""Named locks around the creation of identities and threads."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app import store
from app.store.locks import BUCKETS


@pytest.mark.shows("E7")
def test_a_key_is_held_until_the_transaction_ends(runtime, workspace):
    with runtime.transaction(workspace.id) as first:
        store.locks.lock_creation(first, workspace.id, ["anna"])

        assert not is_free(runtime, workspace.id, "anna")

    assert is_free(runtime, workspace.id, "anna")


def test_keys_of_two_tenants_do_not_wait_for_each_other(runtime, workspace):
    with runtime.transaction(workspace.id) as first:
        store.locks.lock_creation(first, workspace.id, ["anna"])

        assert is_free(runtime, uuid4(), "anna")


def test_most_keys_do_not_wait_for_each_other(runtime, workspace):
    with runtime.transaction(workspace.id) as first:
        store.locks.lock_creation(first, workspace.id, ["anna"])

        free = [is_free(runtime, workspace.id, f"person {one}") for one in range(64)]

    assert sum(free) > 56


def test_many_keys_take_few_locks(runtime, workspace):
    """PostgreSQL's lock table is small, and shared by everybody."""
    with runtime.transaction(workspace.id) as tx:
        keys = [f"person {number}" for number in range(10_000)]
        store.locks.lock_creation(tx, workspace.id, keys)

        held = tx.session.scalar(
            text(
                "SELECT count(*) FROM pg_locks"
                " WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
            )
        )

    assert held == BUCKETS


@pytest.mark.parametrize("held", range(8))
def test_batches_that_share_keys_never_wait_for_each_other_in_a_circle(
    runtime, workspace, held
):
    keys = [f"person {number}" for number in range(60)]
    batches = [keys[:40], keys[20:], keys[::-3], keys[10:30]]

    def work(batch):
        with runtime.transaction(workspace.id) as tx:
            store.locks.lock_creation(tx, workspace.id, batch)
        return True

    with (
        ThreadPoolExecutor(len(batches)) as pool,
        runtime.transaction(workspace.id) as first,
    ):
        # All come as far as this one, and go on at the same moment.
        store.locks.lock_creation(first, workspace.id, keys[20 + held : 21 + held])
        waiting = [pool.submit(work, batch) for batch in batches]
        time.sleep(0.05)
        first.session.rollback()
        done = [one.result(timeout=20) for one in waiting]

    assert done == [True] * len(batches)


def test_no_keys_take_no_lock(runtime, workspace):
    with runtime.transaction(workspace.id) as tx:
        store.locks.lock_creation(tx, workspace.id, [])

        held = tx.session.scalar(
            text(
                "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()"
                " AND locktype = 'advisory'"
            )
        )

    assert held == 0


def is_free(runtime, workspace_id, key):
    try:
        with runtime.system_transaction() as tx:
            tx.session.execute(text("SET LOCAL lock_timeout = '20ms'"))
            store.locks.lock_creation(tx, workspace_id, [key])
    except OperationalError:
        return False
    return True
