"""Dead letters: kept once, settled once."""

from uuid import uuid4

import pytest

from app import store
from app.domain.status import DeadLetterStatus


def test_a_letter_is_kept_with_all_that_explains_it(runtime, workspace, add, letters):
    add(
        letter(
            workspace_id=workspace.id,
            payload={"event_ids": ["x"]},
            traceback="line 1",
            attempts=6,
            run_id=(run_id := uuid4()),
        )
    )

    (kept,) = letters()

    assert (kept.source_queue, kept.job_type) == ("bb_ingest_jobs", "MATERIALIZE")
    assert (kept.error, kept.traceback) == ("InvalidPayload: no sender", "line 1")
    assert (kept.payload, kept.attempts) == ({"event_ids": ["x"]}, 6)
    assert (kept.run_id, kept.event_id) == (run_id, None)
    assert kept.status is DeadLetterStatus.OPEN


@pytest.mark.shows("A2")
def test_the_same_item_brought_again_is_the_same_letter(workspace, add, letters):
    item = letter(workspace_id=workspace.id, fingerprint="abc")

    add(item)
    add(item, letter(workspace_id=workspace.id, fingerprint="def"))

    assert sorted(one.fingerprint for one in letters()) == ["abc", "def"]


def test_the_same_item_of_two_tenants_is_two_letters(make, workspace, add, letters):
    other = make.workspace()

    add(
        letter(workspace_id=workspace.id, fingerprint="abc"),
        letter(workspace_id=other.id, fingerprint="abc"),
    )

    assert len(letters()) == 2


def test_letters_without_a_fingerprint_are_all_kept(workspace, add, letters):
    add(letter(workspace_id=workspace.id), letter(workspace_id=workspace.id))

    assert len(letters()) == 2


def test_nothing_to_add_adds_nothing(add, letters):
    add()

    assert letters() == []


@pytest.mark.shows("K4")
def test_a_letter_is_settled_once(runtime, add, letters):
    add(letter(), letter(job_type="DRAFT"))
    chosen = [one.id for one in letters(job_type="DRAFT")]

    with runtime.system_transaction() as tx:
        first = store.dead_letters.settle(tx, chosen, DeadLetterStatus.REQUEUED)
        second = store.dead_letters.settle(tx, chosen, DeadLetterStatus.DISCARDED)

    assert [one.id for one in first] == chosen
    assert second == []
    assert [one.job_type for one in letters()] == ["MATERIALIZE"]
    assert [one.id for one in letters(status=DeadLetterStatus.REQUEUED)] == chosen


def test_letters_are_found_newest_first_and_by_type(runtime, add, letters):
    for job_type in ("CLASSIFY", "DRAFT", "CLASSIFY"):
        add(letter(job_type=job_type))

    everything = letters(status=None)

    assert [one.job_type for one in everything] == ["CLASSIFY", "DRAFT", "CLASSIFY"]
    moments = [one.created_at for one in everything]
    assert moments == sorted(moments, reverse=True)
    assert len(letters(job_type="CLASSIFY")) == 2
    assert [one.id for one in letters(limit=1)] == [everything[0].id]


def letter(**values):
    return {
        "source_queue": "bb_ingest_jobs",
        "job_type": "MATERIALIZE",
        "payload": {},
        "error": "InvalidPayload: no sender",
    } | values


@pytest.fixture
def add(runtime):
    def add(*rows):
        with runtime.system_transaction() as tx:
            store.dead_letters.add(tx, rows)

    return add


@pytest.fixture
def letters(runtime):
    def letters(**wanted):
        with runtime.system_transaction() as tx:
            return list(store.dead_letters.find(tx, **wanted))

    return letters
