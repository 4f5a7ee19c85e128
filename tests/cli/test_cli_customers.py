"""`customers`: shown, merged, parted."""

from uuid import uuid4

import pytest
from sqlalchemy import select

from app.models import Customer, CustomerMerge
from app.services.pipeline.materialize import materialize
from tests.factories import message


@pytest.mark.shows("E6")
def test_two_customers_are_merged_and_parted(bizzybee, pair):
    anna, berta = pair

    merged = bizzybee("customers", "merge", anna, berta, "--json").json
    shown = bizzybee("customers", "show", berta, "--json").json
    undone = bizzybee("customers", "unmerge", merged["merge"]["id"], "--json").json
    parted = bizzybee("customers", "show", berta, "--json").json

    assert merged["moves"] == {
        "customer_identities": 1,
        "conversations": 1,
        "messages": 1,
        "orders": 0,
    }
    assert (shown["id"], shown["merged"]) == (str(anna), [str(berta)])
    assert [one["value"] for one in shown["identities"]] == [
        "anna@example.com",
        "berta@example.com",
    ]
    assert shown["merges"] == [merged["merge"]]
    assert undone["undone_by"] == "cli"
    assert (parted["id"], parted["merged"]) == (str(berta), [])


def test_a_dry_run_tells_and_changes_nothing(bizzybee, runtime, pair):
    anna, berta = pair

    done = bizzybee("customers", "merge", anna, berta, "--dry-run")

    assert done.code == 0
    assert done.err == (
        "1 customer_identities, 1 conversations, 1 messages, 0 orders would go over to "
        f"{anna}\n"
    )
    with runtime.system_transaction() as tx:
        assert tx.session.scalars(select(CustomerMerge)).all() == []


def test_how_to_take_a_merge_back_is_said(bizzybee, runtime, pair):
    done = bizzybee("customers", "merge", *pair)

    with runtime.system_transaction() as tx:
        merge_id = tx.session.scalars(select(CustomerMerge.id)).one()
    assert done.err.endswith(
        f"to take it back: bizzybee customers unmerge {merge_id}\n"
    )


@pytest.mark.parametrize(
    "words",
    [("show",), ("unmerge",), ("merge", str(uuid4()))],
    ids=["show", "unmerge", "merge"],
)
def test_who_is_not_there_is_not_found(bizzybee, words):
    done = bizzybee("customers", *words, uuid4())

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("no ")


@pytest.mark.shows("L1")
def test_customers_of_two_workspaces_are_never_merged(bizzybee, make, pair):
    anna, _ = pair
    stranger, _ = meet(make, make.config(make.workspace()))

    done = bizzybee("customers", "merge", anna, stranger)

    assert (done.code, done.err) == (1, f"no customer {stranger}\n")


def meet(make, config):
    """Lets Anna and Berta write to an account; returns their ids."""
    event_ids = make.events(
        config, *(message(sender=f"{name}@example.com") for name in ("anna", "berta"))
    )
    materialize(make.runtime, make.materialize_job(config, event_ids))
    with make.runtime.transaction(config.workspace_id) as tx:
        return tx.session.scalars(select(Customer.id).order_by(Customer.id)).all()


@pytest.fixture
def pair(make, config):
    return meet(make, config)
