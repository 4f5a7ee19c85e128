"""Whatever the order, the batches and the number of workers: the same conversations."""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app import store
from app.domain.ids import new_id
from app.domain.status import EventStatus
from app.models import Conversation, Message, ThreadClaim
from app.services.pipeline.classify import classify
from app.services.pipeline.materialize import materialize
from tests.factories import message
from tests.fakes import ScriptedClassifier
from tests.threads import Mail, forests, partition

WORKERS = 2
#: The database is real, so examples are few; `tests/domain/test_forest.py` has many.
FEW = settings(
    max_examples=20,
    # A failing example is small enough as it is, and to make it smaller takes minutes.
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def groups(runtime):
    """The external ids of an account's messages, by conversation."""

    def groups(account):
        found = defaultdict(set)
        with runtime.system_transaction() as tx:
            for one in tx.session.scalars(
                select(Message).where(Message.config_id == account.id)
            ):
                found[one.conversation_id].add(one.external_id)
        return {frozenset(ids) for ids in found.values()}

    return groups


@pytest.mark.shows("D3", "D4")
@FEW
@example(
    # Who points to a mail that others pointed to before is let in once that mail is there.
    mails=[
        Mail("m4@x", "mallory@example.net", (), ("m1@x",)),
        Mail("m2@x", "bo@example.com", ("mallory@example.net",), ("m1@x",)),
        Mail("m1@x", "bo@example.com", ()),
    ],
    sizes=[1] * 9,
)
@given(mails=forests(), sizes=st.lists(st.integers(1, 4), min_size=9, max_size=9))
def test_batches_of_any_size_come_out_as_looking_at_every_pair(
    runtime, make, workspace, groups, mails, sizes
):
    account = make.config(workspace)
    left = list(mails)
    for size in sizes:
        batch, left = left[:size], left[size:]
        if not batch:
            break
        ids = make.events(account, *(mail.as_message() for mail in batch))
        materialize(runtime, make.materialize_job(account, ids))

    assert groups(account) == partition(mails)


@pytest.mark.shows("D3", "D4")
@FEW
@given(mails=forests())
def test_two_workers_come_out_as_one(runtime, make, workspace, groups, mails):
    account = make.config(workspace)
    halves = [
        make.events(account, *(mail.as_message() for mail in mails[start::WORKERS]))
        for start in range(WORKERS)
    ]
    start = Barrier(WORKERS)

    def work(ids):
        start.wait(10)
        for event_id in ids:
            materialize(runtime, make.materialize_job(account, [event_id]))

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, halves))

    assert groups(account) == partition(mails)


@pytest.mark.shows("G4")
@pytest.mark.parametrize("turn", range(3))
def test_joining_and_deciding_do_not_block_each_other(runtime, make, config, turn):
    """Each of many pairs is joined while both sides of it are being decided."""
    current = replace(runtime, classifier=ScriptedClassifier())
    pairs = range(20)
    asked = make.events(
        config,
        *(message(external_id=f"{side}{pair}@x") for side in "ab" for pair in pairs),
    )
    materialize(current, make.materialize_job(config, asked))
    joining = make.events(
        config,
        *(
            message(external_id=f"c{pair}@x", references=[f"b{pair}@x", f"a{pair}@x"])
            for pair in reversed(pairs)
        ),
    )
    start = Barrier(3)

    def decide(ids):
        start.wait(10)
        return classify(current, make.classify_job(config, ids))

    def join():
        start.wait(10)
        return materialize(current, make.materialize_job(config, joining))

    with ThreadPoolExecutor(3) as pool:
        decided = [pool.submit(decide, asked[side::2]) for side in (0, 1)]
        joined = pool.submit(join)

    assert joined.result().counts == {EventStatus.MATERIALIZED: len(pairs)}
    for one in decided:
        assert set(one.result().counts) <= {
            EventStatus.DECIDED,
            EventStatus.SUPERSEDED,
        }
    with runtime.system_transaction() as tx:
        rows = tx.session.scalars(select(Conversation)).all()
        claims = tx.session.scalars(select(ThreadClaim.conversation_id)).all()
    living = [one for one in rows if one.merged_into is None]
    newest = {make.event(event_id).message_id for event_id in joining}
    assert len(rows) == 2 * len(pairs)
    assert {one.last_inbound_message_id for one in living} == newest
    assert set(claims) == {one.id for one in living}
    assert all(make.event(event_id).finished_at for event_id in asked)


def test_who_waits_for_a_conversation_that_is_merged_gets_what_it_became(
    runtime, make, config
):
    one, other = (make.events(config, message())[0] for _ in range(2))
    materialize(runtime, make.materialize_job(config, [one, other]))
    survivor, loser = (
        make.event(event_id).conversation_id for event_id in (one, other)
    )
    row = {"evidence": "references", "key": "mid:x", "message_id": new_id()}

    def wait_and_lock():
        with runtime.transaction(config.workspace_id) as tx:
            locking.wait(10)
            return store.conversations.lock_current(tx, [loser])

    locking = Barrier(2)
    with ThreadPoolExecutor(1) as pool:
        with runtime.transaction(config.workspace_id) as tx:
            store.conversations.lock(tx, [survivor, loser])
            waiting = pool.submit(wait_and_lock)
            locking.wait(10)
            store.threads.join(
                tx, [{"survivor_id": survivor, "loser_id": loser, **row}]
            )
        found = waiting.result(10)

    assert found == {loser: survivor}
