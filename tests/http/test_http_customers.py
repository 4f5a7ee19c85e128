"""Customers over HTTP: who is merged with whom, why, and how it is taken back."""

import pytest
from sqlalchemy import text

from app.domain.status import Scope
from tests.factories import message
from tests.http.client import rows

ANNA, BERTA = "anna@example.com", "berta@example.com"


@pytest.mark.shows("E6")
def test_two_customers_become_one_and_two_again(client, as_key, pair):
    anna, berta = pair()
    key = as_key(Scope.SEND, Scope.READ)

    done = client.post(
        f"/api/v1/customers/{anna}/merge", json={"other": berta}, headers=key
    )
    merged = client.get(f"/api/v1/customers/{berta}", headers=key).json

    assert done.status_code == 200
    assert done.json["survivor_id"] == anna
    assert done.json["loser_id"] == berta
    assert done.json["moves"] == {
        "customer_identities": 1,
        "conversations": 1,
        "messages": 1,
        "orders": 0,
    }
    assert merged["id"] == anna
    assert merged["merged"] == [berta]
    assert [one["value"] for one in merged["identities"]] == [ANNA, BERTA]
    assert merged["identities"][1]["home_customer_id"] == berta
    assert merged["merges"] == [done.json["merge"]]
    assert merged["merges"][0]["rule"] == "person"
    assert merged["merges"][0]["actor"].startswith("key ")

    undo = f"/api/v1/customers/merges/{done.json['merge']['id']}/undo"
    undone = client.post(undo, headers=key)
    again = client.post(undo, headers=key)
    parted = client.get(f"/api/v1/customers/{berta}", headers=key).json

    assert undone.status_code == 200
    assert undone.json["undone_by"].startswith("key ")
    assert again.status_code == 409
    assert parted["id"] == berta
    assert [one["value"] for one in parted["identities"]] == [BERTA]
    assert parted["merges"] == [undone.json]


def test_what_would_go_over_is_told_beforehand(client, runtime, as_key, pair):
    anna, berta = pair()

    response = client.post(
        f"/api/v1/customers/{anna}/merge",
        json={"other": berta, "dry_run": True},
        headers=as_key(Scope.OPS),
    )

    assert response.json == {
        "survivor_id": anna,
        "loser_id": berta,
        "moves": {
            "customer_identities": 1,
            "conversations": 1,
            "messages": 1,
            "orders": 0,
        },
        "merge": None,
    }
    assert rows(runtime, "customer_merges") == []
    assert rows(runtime, "customers", "merged_into") == [(None,), (None,)]


def test_merging_and_parting_are_audited(client, runtime, as_key, pair):
    anna, berta = pair()
    done = client.post(
        f"/api/v1/customers/{anna}/merge", json={"other": berta}, headers=as_key()
    ).json
    client.post(
        f"/api/v1/customers/merges/{done['merge']['id']}/undo", headers=as_key()
    )

    with runtime.system_transaction() as tx:
        audited = tx.session.execute(
            text(
                "SELECT action, subject, details->>'loser_id' FROM audit_log "
                "WHERE action LIKE 'customer.%' ORDER BY id"
            )
        )
        assert [tuple(row) for row in audited] == [
            ("customer.merge", done["merge"]["id"], berta),
            ("customer.unmerge", done["merge"]["id"], berta),
        ]


@pytest.mark.parametrize(
    ("other", "status"),
    [("anna", 400), ("nobody", 404), ("no id", 400)],
)
def test_what_cannot_be_merged_is_refused(client, runtime, as_key, pair, other, status):
    anna, _ = pair()
    given = {"anna": anna, "nobody": "019a9f00-0000-7000-8000-000000000000"}

    response = client.post(
        f"/api/v1/customers/{anna}/merge",
        json={"other": given.get(other, other)},
        headers=as_key(),
    )

    assert response.status_code == status
    assert rows(runtime, "customer_merges") == []


def test_who_are_one_already_are_not_merged_again(client, runtime, as_key, pair):
    anna, berta = pair()
    merge = f"/api/v1/customers/{anna}/merge"
    client.post(merge, json={"other": berta}, headers=as_key())

    again = client.post(merge, json={"other": berta}, headers=as_key())

    assert again.status_code == 409
    assert len(rows(runtime, "customer_merges", "id")) == 1


@pytest.mark.shows("L1")
def test_customers_of_another_workspace_are_not_there(
    client, runtime, make, as_key, pair, foreign
):
    anna, berta = pair()
    theirs, _ = pair(at=make.config(foreign))
    done = client.post(
        f"/api/v1/customers/{anna}/merge", json={"other": berta}, headers=as_key()
    ).json

    mine, stranger = as_key(), as_key(of=foreign)
    undo = f"/api/v1/customers/merges/{done['merge']['id']}/undo"
    answers = [
        client.post(
            f"/api/v1/customers/{anna}/merge", json={"other": theirs}, headers=mine
        ),
        client.post(
            f"/api/v1/customers/{theirs}/merge", json={"other": anna}, headers=mine
        ),
        client.post(undo, headers=stranger),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert rows(runtime, "customer_merges", "undone_at") == [(None,)]


@pytest.fixture
def pair(runtime, arrive, config):
    """Lets Anna and Berta write; returns their ids."""

    def pair(at=config):
        before = {row[0] for row in rows(runtime, "customers", "id")}
        arrive(message(sender=ANNA), message(sender=BERTA), at=at)
        return [
            str(row[0])
            for row in rows(runtime, "customers", "id")
            if row[0] not in before
        ]

    return pair
