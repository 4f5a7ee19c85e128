"""Orders over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest

from app.domain.status import OrderState, Scope
from app.errors import Conflict
from app.services.commerce.orders import change_order
from app.services.pipeline.materialize import materialize
from tests.factories import message
from tests.http.client import rows

ORDERS = "/api/v1/orders"


@pytest.fixture
def take(runtime, make, config):
    """Takes orders, one for each of so many messages; returns their ids, the oldest first."""

    def take(count=1, at=config, **fields):
        ids = make.events(at, *(message() for _ in range(count)))
        materialize(runtime, make.materialize_job(at, ids))
        return [make.order(one, **fields) for one in make.messages_of(ids)]

    return take


def test_an_order_shows_what_was_ordered_by_whom(client, as_key, take):
    (order_id,) = take()

    response = client.get(f"{ORDERS}/{order_id}", headers=as_key(Scope.READ))

    shown = response.json
    assert response.status_code == 200
    assert (shown["state"], shown["ai_generated"]) == ("pending_review", True)
    assert (shown["total"], shown["currency"]) == ("25.00", "EUR")
    (item,) = shown["items"]
    assert (item["sku"], item["quantity"], item["unit_price"]) == ("MUG-B", 2, "12.50")
    assert (shown["customer_name"], shown["customer_phone"]) == ("Anna Berg", None)
    assert shown["confirmed_by_message_id"]


def test_pages_of_orders_follow_each_other(client, as_key, take):
    taken = [str(one) for one in take(3)][::-1]
    headers = as_key()

    first = client.get(ORDERS, headers=headers, query_string={"limit": 2}).json
    second = client.get(
        ORDERS,
        headers=headers,
        query_string={"limit": 2, "cursor": first["next_cursor"]},
    ).json

    assert [one["id"] for one in first["items"]] == taken[:2]
    assert [one["id"] for one in second["items"]] == taken[2:]
    assert second["next_cursor"] is None


def test_orders_are_found_by_state_conversation_and_customer(client, as_key, take):
    one, other = take(2)
    headers = as_key()
    client.patch(f"{ORDERS}/{one}", headers=headers, json={"state": "cancelled"})
    shown = client.get(f"{ORDERS}/{other}", headers=headers).json

    def found(**query):
        listed = client.get(ORDERS, headers=headers, query_string=query).json
        return {item["id"] for item in listed["items"]}

    assert found(state="cancelled") == {str(one)}
    assert found(state="pending_review") == {str(other)}
    assert found(conversation_id=shown["conversation_id"]) == {str(other)}
    assert found(customer_id=shown["customer_id"]) == {str(one), str(other)}
    assert found(customer_id=uuid4()) == set()


@pytest.mark.shows("L5")
def test_an_order_is_confirmed_and_fulfilled_and_the_audit_says_by_whom(
    client, as_key, take, runtime
):
    (order_id,) = take()
    headers = as_key(Scope.SEND)
    path = f"{ORDERS}/{order_id}"

    confirmed = client.patch(
        path, headers=headers, json={"state": "confirmed", "note": "called her"}
    )
    again = client.patch(path, headers=headers, json={"state": "confirmed"})
    fulfilled = client.patch(path, headers=headers, json={"state": "fulfilled"})

    assert (confirmed.json["state"], confirmed.json["note"]) == (
        "confirmed",
        "called her",
    )
    assert again.json == confirmed.json
    assert (fulfilled.json["state"], fulfilled.json["note"]) == (
        "fulfilled",
        "called her",
    )
    entries = [
        row
        for row in rows(runtime, "audit_log", "action, subject, actor, details")
        if row[0] == "order.change"
    ]
    assert [row[3] for row in entries] == [
        {"from": "pending_review", "state": "confirmed", "note": "changed"},
        {"from": "confirmed", "state": "fulfilled"},
    ]
    assert {row[1] for row in entries} == {str(order_id)}
    assert all(row[2].startswith("key ") for row in entries)


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        ("pending_review", "fulfilled"),
        ("confirmed", "pending_review"),
        ("cancelled", "confirmed"),
        ("cancelled", "pending_review"),
        ("fulfilled", "cancelled"),
    ],
)
def test_what_an_order_cannot_become_any_more_is_a_conflict(
    client, as_key, take, before, wanted
):
    (order_id,) = take(state=OrderState(before))
    headers = as_key()

    response = client.patch(
        f"{ORDERS}/{order_id}", headers=headers, json={"state": wanted, "note": "x"}
    )

    assert response.status_code == 409
    assert response.json["detail"] == (
        f"an order that is {before} cannot become {wanted}"
    )
    kept = client.get(f"{ORDERS}/{order_id}", headers=headers).json
    assert (kept["state"], kept["note"]) == (before, None)


def test_of_two_who_decide_at_once_one_is_told(runtime, take, workspace):
    (order_id,) = take()
    start = Barrier(2)

    def decide(state):
        start.wait(10)
        try:
            change_order(runtime, workspace.id, order_id, state=state, actor="test")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(decide, [OrderState.CONFIRMED, OrderState.CANCELLED]))

    # To cancel what has just been confirmed is possible, the reverse is not.
    assert any(done)
    state = rows(runtime, "orders", "state")[0][0]
    assert state == ("cancelled" if done[1] else "confirmed")


@pytest.mark.parametrize("body", [{}, {"state": None}, {"state": "lost"}, {"total": 1}])
def test_a_change_that_is_none_is_refused(client, as_key, take, body):
    (order_id,) = take()

    response = client.patch(f"{ORDERS}/{order_id}", headers=as_key(), json=body)

    assert response.status_code == 400


@pytest.mark.shows("L1")
def test_an_order_of_another_workspace_is_not_there(
    client, as_key, make, foreign, take
):
    (order_id,) = take(at=make.config(foreign))
    headers = as_key()

    shown = client.get(f"{ORDERS}/{order_id}", headers=headers)
    changed = client.patch(
        f"{ORDERS}/{order_id}", headers=headers, json={"state": "confirmed"}
    )
    listed = client.get(ORDERS, headers=headers)

    assert (shown.status_code, changed.status_code) == (404, 404)
    assert listed.json["items"] == []
