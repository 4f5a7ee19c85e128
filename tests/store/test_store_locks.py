"""Named locks around the creation of identities and threads."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
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


def test_keys_in_opposite_order_never_lock_each_other_out(runtime, workspace):
    keys = [f"person {number}" for number in range(200)]
    start = Barrier(4)

    def work(number):
        order = keys if number % 2 else keys[::-1]
        for _ in range(10):
            start.wait(10)
            with runtime.transaction(workspace.id) as tx:
                store.locks.lock_creation(tx, workspace.id, order)
        return True

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [True] * 4


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
