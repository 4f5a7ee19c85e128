"""Runs: one at a time per account, one page at a time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from app import store
from app.domain.status import RunState

LEASE = timedelta(minutes=5)
GRACE = timedelta(seconds=30)
SECOND = timedelta(seconds=1)


def test_an_account_has_one_run_going(begin, config, make, workspace):
    other = make.config(workspace)

    runs = [begin(config), begin(config), begin(other)]

    assert [run is not None for run in runs] == [True, False, True]


@pytest.mark.parametrize(
    "state", [RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED]
)
def test_when_a_run_has_ended_the_next_may_begin(runtime, begin, config, state):
    first = begin(config)
    with runtime.transaction(config.workspace_id) as tx:
        assert store.runs.end(tx, first.id, state)

    assert begin(config) is not None


def test_of_many_that_begin_at_once_one_does(runtime, config):
    start = Barrier(4)

    def work(_):
        with runtime.transaction(config.workspace_id) as tx:
            start.wait(10)
            return store.runs.start(tx, row(config)) is not None

    with ThreadPoolExecutor(4) as pool:
        began = list(pool.map(work, range(4)))

    assert sorted(began) == [False, False, False, True]


def test_a_claim_counts_the_attempt_and_leases(begin, claim, config):
    run = begin(config)

    taken, again = claim(run), claim(run)

    assert (taken.state, taken.attempts) == (RunState.RUNNING, 1)
    assert taken.lease_token is not None
    assert taken.lease_expires_at - taken.heartbeat_at == LEASE
    assert again is None


@pytest.mark.parametrize(
    ("columns", "is_due"),
    [
        ({"lease_expires_at": SECOND}, False),
        ({"lease_expires_at": -SECOND}, True),
        ({"next_attempt_at": SECOND}, False),
        ({"next_attempt_at": -SECOND}, True),
        ({"state": "completed"}, False),
        ({"state": "cancelled"}, False),
    ],
    ids=["held", "lapsed", "waiting", "waited", "completed", "cancelled"],
)
def test_only_what_is_due_is_claimed(
    begin, claim, config, set_row, now, columns, is_due
):
    run = begin(config)
    moment = now()
    set_row(
        "pipeline_runs",
        run.id,
        **{
            name: moment + value if isinstance(value, timedelta) else value
            for name, value in columns.items()
        },
    )

    assert (claim(run) is not None) is is_due


@pytest.mark.shows("A11")
def test_a_stored_page_moves_the_cursor(runtime, begin, claim, config):
    run = claim(begin(config))

    with runtime.transaction(config.workspace_id) as tx:
        saved = store.runs.save_page(tx, run, **page(page_token="p2"))

    assert (saved.page_token, saved.pages, saved.fetched_so_far) == ("p2", 1, 3)
    assert (saved.created, saved.duplicates, saved.rejected) == (1, 1, 1)
    assert (saved.attempts, saved.lease_token) == (0, None)
    assert (saved.rung_at, saved.finished_at) == (tx.now, None)


@pytest.mark.shows("K3")
def test_who_was_overtaken_does_not_move_the_cursor(
    runtime, begin, claim, config, set_row, now
):
    slow = claim(begin(config))
    set_row("pipeline_runs", slow.id, lease_expires_at=now() - SECOND)
    claim(slow)

    with runtime.transaction(config.workspace_id) as tx:
        saved = store.runs.save_page(tx, slow, **page(page_token="p2"))
        put_off = store.runs.put_off(tx, slow, until=tx.now, error="x", counted=True)
        failed = store.runs.fail(tx, slow, "x")
        run = store.runs.get(tx, slow.id)
        tx.session.refresh(run)

    assert (saved, put_off, failed) == (None, False, False)
    assert (run.page_token, run.pages, run.state) == (None, 0, RunState.RUNNING)
    assert run.attempts == 2


def test_a_cancelled_run_keeps_its_place_whatever_its_worker_brings(
    runtime, begin, claim, config
):
    run = claim(begin(config))
    with runtime.transaction(config.workspace_id) as tx:
        store.runs.end(tx, run.id, RunState.CANCELLED)

    with runtime.transaction(config.workspace_id) as tx:
        saved = store.runs.save_page(tx, run, **page())
        after = store.runs.get(tx, run.id)

    assert saved is None
    assert (after.state, after.pages) == (RunState.CANCELLED, 0)


@pytest.mark.shows("A17")
@pytest.mark.parametrize(
    ("counted", "attempts", "limits"),
    [(True, 1, 0), (False, 0, 1)],
    ids=["a failure", "a rate limit"],
)
def test_a_page_that_is_put_off_is_fetched_again(
    runtime, begin, claim, config, counted, attempts, limits
):
    run = claim(begin(config))

    with runtime.transaction(config.workspace_id) as tx:
        until = tx.now + timedelta(minutes=1)
        store.runs.put_off(tx, run, until=until, error="busy", counted=counted)
        after = store.runs.get(tx, run.id)

    assert (after.attempts, after.rate_limit_count) == (attempts, limits)
    assert (after.next_attempt_at, after.last_error) == (until, "busy")
    assert (after.state, after.lease_token) == (RunState.RUNNING, None)


def test_a_run_ends_once(runtime, begin, config):
    run = begin(config)

    with runtime.transaction(config.workspace_id) as tx:
        first = store.runs.end(tx, run.id, RunState.COMPLETED, truncated=True)
        second = store.runs.end(tx, run.id, RunState.CANCELLED)
        after = store.runs.get(tx, run.id)
        tx.session.refresh(after)

    assert (first, second) == (True, False)
    assert (after.state, after.truncated) == (RunState.COMPLETED, True)
    assert after.finished_at == tx.now


@pytest.mark.parametrize(
    ("folder", "silent", "state"),
    [
        (None, timedelta(minutes=3), RunState.FAILED),
        (None, timedelta(minutes=1), RunState.QUEUED),
        ("INBOX", timedelta(minutes=3), RunState.QUEUED),
    ],
    ids=["its program fell silent", "its program lives", "a queue feeds it"],
)
def test_a_run_whose_program_is_gone_makes_room(
    runtime, begin, config, set_row, now, folder, silent, state
):
    run = begin(config, folder=folder)
    set_row("pipeline_runs", run.id, heartbeat_at=now() - silent)

    with runtime.transaction(config.workspace_id) as tx:
        store.runs.end_interrupted(tx, config.id, silent_for=timedelta(minutes=2))
        after = store.runs.get(tx, run.id)

    assert after.state is state


def test_a_failed_run_goes_on_where_it_stood(runtime, begin, claim, config):
    run = claim(begin(config, folder="SENT"))
    with runtime.transaction(config.workspace_id) as tx:
        saved = store.runs.save_page(tx, run, **page(folder="SENT", page_token="p2"))
    run = claim(saved)
    with runtime.transaction(config.workspace_id) as tx:
        store.runs.fail(tx, run, "gave up")

    with runtime.transaction(config.workspace_id) as tx:
        revived, twice = (store.runs.revive(tx, run.id) for _ in range(2))
        after = store.runs.get(tx, run.id)

    assert (revived, twice) == (True, False)
    assert (after.state, after.folder, after.page_token) == ("queued", "SENT", "p2")
    assert (after.attempts, after.finished_at, after.pages) == (0, None, 1)


def test_a_failed_run_stays_failed_while_another_is_going(runtime, begin, config):
    failed = begin(config)
    with runtime.transaction(config.workspace_id) as tx:
        store.runs.end(tx, failed.id, RunState.FAILED)
    begin(config)

    with runtime.transaction(config.workspace_id) as tx:
        revived = store.runs.revive(tx, failed.id)
        after = store.runs.get(tx, failed.id)

    assert not revived
    assert after.state is RunState.FAILED


@pytest.mark.shows("K1")
@pytest.mark.parametrize(
    ("columns", "is_overdue"),
    [
        ({"rung_at": None}, True),
        ({"rung_at": -GRACE - SECOND}, True),
        ({"rung_at": -GRACE + SECOND}, False),
        ({"rung_at": -5 * SECOND, "next_attempt_at": -SECOND}, True),
        ({"rung_at": -SECOND, "next_attempt_at": -5 * SECOND}, False),
        ({"rung_at": None, "next_attempt_at": SECOND}, False),
        ({"rung_at": None, "lease_expires_at": SECOND}, False),
    ],
    ids=[
        "never rung for",
        "rung for longer ago than the grace",
        "rung for within the grace",
        "its back-off ended after it was rung for",
        "rung for since its back-off ended",
        "its back-off lasts",
        "held",
    ],
)
def test_what_is_overdue(overdue, begin, config, set_row, now, columns, is_overdue):
    run = begin(config, folder="INBOX")
    moment = now()
    set_row(
        "pipeline_runs",
        run.id,
        **{name: value and moment + value for name, value in columns.items()},
    )

    found = overdue()

    assert [one.id for one in found] == ([run.id] if is_overdue else [])


def test_a_run_that_a_program_feeds_is_nobodys_to_ring_for(overdue, begin, config):
    begin(config, folder=None)

    assert overdue() == []


def test_no_more_runs_than_asked_for(overdue, make, workspace, begin):
    for _ in range(3):
        begin(make.config(workspace), folder="INBOX")

    assert [len(overdue(limit=2)), len(overdue(limit=2))] == [2, 1]


def row(config, **values):
    return {
        "workspace_id": config.workspace_id,
        "config_id": config.id,
        "source": "aurinko",
        "folder": "INBOX",
    } | values


def page(**values):
    return {
        "folder": "INBOX",
        "page_token": None,
        "state": RunState.RUNNING,
        "fetched": 3,
        "created": 1,
        "duplicates": 1,
        "rejected": 1,
        "truncated": False,
    } | values


@pytest.fixture
def begin(runtime):
    def begin(config, **values):
        with runtime.transaction(config.workspace_id) as tx:
            return store.runs.start(tx, row(config, **values))

    return begin


@pytest.fixture
def claim(runtime, config):
    def claim(run):
        with runtime.transaction(config.workspace_id) as tx:
            return store.runs.claim(tx, run.id, lease=LEASE)

    return claim


@pytest.fixture
def overdue(runtime):
    def overdue(limit=100):
        with runtime.system_transaction() as tx:
            return store.runs.take_overdue(tx, grace=GRACE, limit=limit)

    return overdue
