"""Turns of periodic jobs: two beats do the work of one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from app import store

EVERY = timedelta(seconds=10)
SECOND = timedelta(seconds=1)


def test_the_first_turn_is_free_and_the_next_has_to_wait(turn):
    assert [turn("sweep"), turn("sweep")] == [True, False]


def test_jobs_do_not_take_each_others_turns(turn):
    assert [turn("sweep"), turn("supervise")] == [True, True]


@pytest.mark.parametrize(
    ("age", "is_due"),
    [(EVERY - SECOND, False), (EVERY + SECOND, True)],
    ids=["just before", "just after"],
)
def test_a_turn_comes_again_after_its_time(runtime, turn, age, is_due):
    turn("sweep")
    with runtime.system_transaction() as tx:
        before = tx.now - age
        tx.session.execute(text("UPDATE heartbeats SET at = :at"), {"at": before})

    taken = turn("sweep")

    assert taken is is_due
    assert (beats(runtime)["sweep"] > before) is is_due


@pytest.mark.shows("K7")
@pytest.mark.parametrize("is_known", [False, True], ids=["for the first time", "again"])
def test_of_many_connections_exactly_one_takes_the_turn(runtime, turn, is_known):
    if is_known:
        turn("sweep")
        with runtime.system_transaction() as tx:
            tx.session.execute(text("UPDATE heartbeats SET at = now() - interval '1h'"))
    start = Barrier(4)

    def beat(_):
        with runtime.system_transaction() as tx:
            start.wait(10)
            return store.heartbeats.take_turn(tx, "sweep", every=EVERY)

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(beat, range(4)))

    assert sorted(taken) == [False, False, False, True]


def test_a_turn_that_is_rolled_back_was_not_taken(runtime, turn):
    with runtime.system_transaction() as tx:
        store.heartbeats.take_turn(tx, "sweep", every=EVERY)
        tx.session.rollback()

    assert beats(runtime) == {}
    assert turn("sweep")


def beats(runtime):
    with runtime.system_transaction() as tx:
        return store.heartbeats.all_beats(tx)


@pytest.fixture
def turn(runtime):
    def turn(name):
        with runtime.system_transaction() as tx:
            return store.heartbeats.take_turn(tx, name, every=EVERY)

    return turn
