"""The catalogue over HTTP."""

import pytest

from app.domain.status import Scope
from tests.http.client import rows

PRODUCTS = "/api/v1/products"
MUG = {"sku": "MUG-B", "name": "Blue mug", "price": "12.50", "currency": "EUR"}


def test_a_product_is_added_listed_and_changed(client, as_key, runtime):
    headers = as_key()

    added = client.post(PRODUCTS, headers=headers, json=MUG)
    path = f"{PRODUCTS}/{added.json['id']}"
    changed = client.patch(
        path, headers=headers, json={"price": "14.00", "active": False}
    )
    listed = client.get(PRODUCTS, headers=headers)
    sold = client.get(PRODUCTS, headers=headers, query_string={"active": "true"})

    assert (added.status_code, added.json["price"]) == (201, "12.50")
    assert (added.json["active"], added.json["max_quantity"]) == (True, 20)
    assert (changed.status_code, changed.json["price"]) == (200, "14.00")
    assert listed.json["items"] == [changed.json]
    assert sold.json["items"] == []
    actions = [row[0] for row in rows(runtime, "audit_log", "action")]
    assert actions[-2:] == ["product.add", "product.change"]


def test_what_stands_so_already_is_not_audited_again(client, as_key, runtime):
    headers = as_key()
    added = client.post(PRODUCTS, headers=headers, json=MUG).json

    again = client.patch(
        f"{PRODUCTS}/{added['id']}", headers=headers, json={"price": "12.50"}
    )

    assert again.json == added
    assert rows(runtime, "audit_log", "action")[-1] == ("product.add",)


def test_an_article_number_is_taken_once(client, as_key, make, foreign):
    headers = as_key()
    client.post(PRODUCTS, headers=headers, json=MUG)

    again = client.post(PRODUCTS, headers=headers, json=MUG)
    elsewhere = client.post(PRODUCTS, headers=as_key(of=foreign), json=MUG)

    assert again.status_code == 409
    assert again.json["detail"] == "there is a product MUG-B already"
    assert elsewhere.status_code == 201


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        pytest.param({"price": "-1"}, "price", id="a negative price"),
        pytest.param({"price": "1.2345"}, "price", id="ten-thousandths"),
        pytest.param({"price": "NaN"}, "price", id="no number"),
        pytest.param({"currency": "euro"}, "currency", id="no currency"),
        pytest.param({"sku": " "}, "sku", id="no article number"),
        pytest.param({"name": "a\nb"}, "name", id="two lines"),
        pytest.param({"name": "a\u202eb"}, "name", id="turned around"),
        pytest.param({"max_quantity": 0}, "max_quantity", id="none"),
        pytest.param({"colour": "blue"}, "colour", id="an unknown field"),
    ],
)
def test_what_is_no_product_is_refused_by_field(client, as_key, fields, where):
    response = client.post(PRODUCTS, headers=as_key(), json=MUG | fields)

    assert response.status_code == 400
    assert [one["loc"][0] for one in response.json["errors"]] == [where]


def test_a_change_of_nothing_is_refused(client, as_key, make, workspace):
    product = make.product(workspace, "A")

    response = client.patch(f"{PRODUCTS}/{product.id}", headers=as_key(), json={})

    assert response.status_code == 400


def test_pages_follow_each_other_by_article_number(client, as_key, make, workspace):
    for sku in ("C", "A", "ü", "B"):
        make.product(workspace, sku)
    headers = as_key(Scope.READ)

    first = client.get(PRODUCTS, headers=headers, query_string={"limit": 3}).json
    second = client.get(
        PRODUCTS,
        headers=headers,
        query_string={"limit": 3, "cursor": first["next_cursor"]},
    ).json

    shown = [one["sku"] for one in first["items"] + second["items"]]
    assert len(first["items"]) == 3
    assert sorted(shown) == ["A", "B", "C", "ü"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("cursor", ["_w", "a", "AAAA"])
def test_a_cursor_of_something_else_is_refused(client, as_key, cursor):
    response = client.get(PRODUCTS, headers=as_key(), query_string={"cursor": cursor})

    assert response.status_code == 400
    assert response.json["errors"][0]["loc"] == ["cursor"]


@pytest.mark.shows("L1")
def test_a_product_of_another_workspace_is_not_there(client, as_key, make, foreign):
    product = make.product(foreign, "A")

    listed = client.get(PRODUCTS, headers=as_key())
    changed = client.patch(
        f"{PRODUCTS}/{product.id}", headers=as_key(), json={"active": False}
    )

    assert listed.json["items"] == []
    assert changed.status_code == 404
