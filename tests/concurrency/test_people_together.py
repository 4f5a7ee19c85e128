"""Who is one person comes out the same however many workers find it out at once."""

from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from threading import Barrier

import pytest
from sqlalchemy import func, select, text

from app.errors import Conflict
from app.models import Customer, CustomerIdentity, CustomerMerge, Message
from app.services.customers import merge_customers, undo_merge
from app.services.pipeline.materialize import materialize
from app.store.merges import FOLLOWERS
from tests.factories import message

PHONE = {"kind": "phone", "value": "+46700000001"}
USER = {"kind": "whatsapp_user", "value": "SE.1349"}
OTHER = {"kind": "whatsapp_user", "value": "SE.ENT.7"}


@pytest.mark.shows("E1", "E7")
def test_workers_who_each_know_a_part_make_one_customer(at_once, work, make, config):
    parts = [[PHONE], [USER], [OTHER], [PHONE, USER], [USER, OTHER], [OTHER, PHONE]]
    batches = [make.events(config, written(*part)) for part in parts]

    at_once(*(work(batch) for batch in batches))

    standing, rows = outcome(make.runtime)
    assert len(standing) == 1
    assert rows == {"identities": 3, "messages": 6, "astray": 0}


@pytest.mark.shows("E4", "E7")
def test_both_forms_of_a_phone_at_once_are_one_customer(at_once, work, make, config):
    forms = ["+5491112345678", "+541112345678"] * 2
    batches = [
        make.events(config, written({"kind": "phone", "value": form})) for form in forms
    ]

    at_once(*(work(batch) for batch in batches))

    standing, rows = outcome(make.runtime)
    assert len(standing) == 1
    assert rows == {"identities": 2, "messages": 4, "astray": 0}
    with make.runtime.system_transaction() as tx:
        assert tx.session.scalar(select(func.count()).select_from(CustomerMerge)) == 0


@pytest.mark.shows("E6")
def test_what_is_stored_during_a_merge_is_not_left_behind(at_once, work, make, config):
    one, other = first_contacts(make, work, config)
    batches = [make.events(config, written(who)) for who in (PHONE, USER) * 2]

    def merge():
        merge_customers(make.runtime, config.workspace_id, one, other, actor="test")

    at_once(merge, *(work(batch) for batch in batches))

    standing, rows = outcome(make.runtime)
    assert standing == [one]
    assert rows == {"identities": 2, "messages": 6, "astray": 0}


@pytest.mark.shows("E6")
def test_what_is_stored_while_two_are_parted_is_whose_it_is(
    at_once, work, make, config
):
    one, other = first_contacts(make, work, config)
    done = merge_customers(make.runtime, config.workspace_id, one, other, actor="test")
    batches = [make.events(config, written(who)) for who in (PHONE, USER) * 2]

    def part():
        undo_merge(make.runtime, config.workspace_id, done.merge.id, actor="test")

    at_once(part, *(work(batch) for batch in batches))

    standing, rows = outcome(make.runtime)
    assert standing == [one, other]
    assert rows == {"identities": 2, "messages": 6, "astray": 0}
    with make.runtime.system_transaction() as tx:
        counts = tx.session.execute(
            select(Message.customer_id, func.count())
            .group_by(Message.customer_id)
            .order_by(Message.customer_id)
        )
        assert [tuple(row) for row in counts] == [(one, 3), (other, 3)]


@pytest.mark.shows("E6")
def test_two_people_who_merge_at_once_do_it_once(at_once, work, make, config):
    one, other = first_contacts(make, work, config)

    def merge(kept, lost):
        def run():
            try:
                merge_customers(
                    make.runtime, config.workspace_id, kept, lost, actor="test"
                )
            except Conflict:
                return "refused"
            return "merged"

        return run

    came = at_once(merge(one, other), merge(other, one))

    assert sorted(came) == ["merged", "refused"]
    with make.runtime.system_transaction() as tx:
        assert tx.session.scalar(select(func.count()).select_from(CustomerMerge)) == 1


def first_contacts(make, work, config):
    work(make.events(config, written(PHONE), written(USER)))()
    standing, _ = outcome(make.runtime)
    return standing


def outcome(runtime):
    """Who stands for whom, and how many rows belong to somebody who is merged away."""
    with runtime.system_transaction() as tx:
        standing = tx.session.scalars(
            select(Customer.id)
            .where(Customer.merged_into.is_(None))
            .order_by(Customer.id)
        ).all()
        astray = chain.from_iterable(
            tx.session.execute(
                text(
                    f"SELECT t.id FROM {table} t JOIN customers c ON c.id = t.customer_id "
                    "WHERE c.merged_into IS NOT NULL"
                )
            )
            for table in FOLLOWERS
        )
        return list(standing), {
            "identities": tx.session.scalar(
                select(func.count()).select_from(CustomerIdentity)
            ),
            "messages": tx.session.scalar(select(func.count()).select_from(Message)),
            "astray": len(list(astray)),
        }


def written(*identities):
    first, *_ = identities
    return message(
        sender=first,
        recipients=[],
        subject=None,
        external_thread_id=first["value"],
        metadata={"identities": list(identities)} if len(identities) > 1 else {},
    )


@pytest.fixture
def config(make, workspace):
    return make.config(workspace, channel="whatsapp", provider="whatsapp")


@pytest.fixture
def work(runtime, make, config):
    def work(event_ids):
        return lambda: materialize(runtime, make.materialize_job(config, event_ids))

    return work


@pytest.fixture
def at_once():
    """Calls functions at the same moment, each with a connection of its own."""

    def at_once(*functions):
        start = Barrier(len(functions))

        def run(function):
            start.wait(10)
            return function()

        with ThreadPoolExecutor(len(functions)) as pool:
            return list(pool.map(run, functions))

    return at_once
