"""`products` and `orders`."""

import pytest

from app.services.pipeline.materialize import materialize
from tests.factories import message


@pytest.fixture
def write(tmp_path):
    def write(*lines, encoding="utf-8"):
        path = tmp_path / "products.csv"
        path.write_bytes("\r\n".join(lines).encode(encoding))
        return path

    return write


def test_a_product_is_added_changed_and_listed(bizzybee, workspace):
    mug = ("--name", "Blue mug", "--price", "12.50", "--currency", "EUR", "MUG-B")
    where = ("-w", workspace.name)

    added = bizzybee("products", "add", *where, *mug, "--json").json
    again = bizzybee("products", "add", *where, *mug)
    changed = bizzybee(
        "products", "change", *where, "MUG-B", "--price", "14", "--inactive", "--json"
    ).json
    listed = bizzybee("products", "list", *where, "--json").json
    sold = bizzybee("products", "list", *where, "--active", "--json").json

    assert (added["sku"], added["price"], added["active"]) == ("MUG-B", "12.50", True)
    assert (again.code, again.err) == (1, "there is a product MUG-B already\n")
    assert (changed["price"], changed["active"]) == ("14", False)
    assert (listed, sold) == ([changed], [])


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--price", "-1", "--currency", "EUR"], "price: Input should be greater"),
        (["--price", "1", "--currency", "euro"], "currency: String should match"),
    ],
)
def test_what_is_no_product_is_said(bizzybee, workspace, words, fault):
    done = bizzybee(
        "products", "add", "-w", workspace.name, "--name", "Mug", *words, "M"
    )

    assert done.code == 1
    assert done.err.startswith(fault)


def test_a_file_of_products_is_read_again_without_a_change(bizzybee, workspace, write):
    file = write(
        "\ufeffSKU;name;price;currency;active",
        "MUG-B;Blue mug;12.50;EUR;yes",
        'PL-1;"Plate; flat";8.00;EUR;no',
    )
    where = ("-w", workspace.name)

    first = bizzybee("products", "import", *where, file, "--json").json
    second = bizzybee("products", "import", *where, file, "--json").json
    listed = bizzybee("products", "list", *where, "--json").json

    assert first == {"rows": 2, "written": 2}
    assert second == {"rows": 2, "written": 0}
    assert [(one["sku"], one["name"], one["active"]) for one in listed] == [
        ("MUG-B", "Blue mug", True),
        ("PL-1", "Plate; flat", False),
    ]


def test_a_column_that_the_file_lacks_stays_as_it_is(bizzybee, workspace, make, write):
    make.product(workspace, "A", description="round", max_quantity=3)
    file = write("sku,name,price,currency", "A,Anvil,99,USD")

    bizzybee("products", "import", "-w", workspace.name, file)

    (one,) = bizzybee("products", "list", "-w", workspace.name, "--json").json
    assert (one["name"], one["price"], one["currency"]) == ("Anvil", "99", "USD")
    assert (one["description"], one["max_quantity"]) == ("round", 3)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        pytest.param(["sku,name"], "lacks the columns currency, price", id="columns"),
        pytest.param(
            ["sku,name,price,currency,colour"], "unknown columns: colour", id="unknown"
        ),
        pytest.param(["sku,sku,name,price,currency"], "a column twice", id="twice"),
        pytest.param(
            ["sku,name,price,currency", "A,Anvil,9,USD", "B,Bolt,much,USD"],
            "line 3.price",
            id="a price",
        ),
        pytest.param(
            ["sku,name,price,currency", "A,Anvil,9,USD", "A,Axe,9,USD"],
            "line 3.sku: stands twice",
            id="a product twice",
        ),
        pytest.param(
            ["sku,name,price,currency", "A,Anvil,9,USD,more"],
            "line 2.too many values",
            id="too much",
        ),
        pytest.param([""], "lacks the columns", id="nothing"),
    ],
)
def test_a_file_with_a_fault_changes_nothing(bizzybee, workspace, write, lines, fault):
    done = bizzybee("products", "import", "-w", workspace.name, write(*lines))

    assert done.code == 1
    assert fault in done.err
    assert bizzybee("products", "list", "-w", workspace.name, "--json").json == []


def test_a_file_that_is_no_utf_8_is_said(bizzybee, workspace, write):
    file = write("sku,name,price,currency", "A,Blå mugg,9,SEK", encoding="cp1252")

    done = bizzybee("products", "import", "-w", workspace.name, file)

    assert (done.code, done.err) == (1, "the file is not UTF-8\n")


def test_orders_are_listed_shown_and_decided_on(
    bizzybee, runtime, make, workspace, config
):
    ids = make.events(config, message(), message())
    materialize(runtime, make.materialize_job(config, ids))
    one, other = [make.order(each) for each in make.messages_of(ids)]
    where = ("-w", workspace.name)

    confirmed = bizzybee("orders", "confirm", *where, one, "--note", "paid", "--json")
    cancelled = bizzybee("orders", "cancel", *where, other)
    again = bizzybee("orders", "confirm", *where, other)
    fulfilled = bizzybee("orders", "fulfil", *where, one)
    listed = bizzybee("orders", "list", *where)
    shown = bizzybee("orders", "show", *where, one, "--json").json
    waiting = bizzybee("orders", "list", *where, "--state", "pending_review", "--json")

    assert (confirmed.json["state"], confirmed.json["note"]) == ("confirmed", "paid")
    assert (cancelled.code, cancelled.err) == (0, f"{other} is cancelled\n")
    assert (again.code, again.err) == (
        1,
        "an order that is cancelled cannot become confirmed\n",
    )
    assert (fulfilled.code, fulfilled.err) == (0, f"{one} is fulfilled\n")
    assert "2 × MUG-B" in listed.out
    assert (shown["state"], shown["total"]) == ("fulfilled", "25.00")
    assert waiting.json == []


def test_a_workspace_can_trust_the_assistant(bizzybee, workspace):
    done = bizzybee("orders", "trust", "-w", workspace.name, "on", "--json")

    assert done.json == {"trust_orders": True}


@pytest.mark.shows("L1")
@pytest.mark.parametrize("verb", ["show", "confirm", "cancel"])
def test_an_order_of_another_workspace_is_not_there(
    bizzybee, runtime, make, config, verb
):
    ids = make.events(config, message())
    materialize(runtime, make.materialize_job(config, ids))
    order_id = make.order(make.messages_of(ids)[0])

    done = bizzybee("orders", verb, "-w", make.workspace().name, order_id)

    assert (done.code, done.out, done.err) == (1, "", f"no order {order_id}\n")
