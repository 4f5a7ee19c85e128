"""What of a message proves to be one person's."""

import pytest

from app.domain.identity import customer_of, identifiers_of, rule_of
from tests.factories import message

OWN = frozenset({"shop@shop.example"})
PHONE = {"kind": "phone", "value": "+46700000001"}
USER = {"kind": "whatsapp_user", "value": "SE.1"}
ANNA = {"kind": "email", "value": "anna@example.com"}
OURS = {"kind": "phone", "value": "+46850000001"}


def proven(told, **fields):
    said = message(**({"sender": USER, "recipients": [OURS]} | fields))
    said.metadata["identities"] = told
    found = identifiers_of(said, customer_of(said, own=OWN), own=OWN)
    return [one.value for one in found]


@pytest.mark.shows("E1")
def test_the_first_one_is_what_they_are_found_by():
    assert proven([PHONE, USER]) == ["SE.1", "+46700000001"]


@pytest.mark.shows("E1")
def test_whom_we_write_to_is_known_by_all_of_theirs():
    to = {"direction": "outbound", "sender": OURS, "recipients": [PHONE]}

    assert proven([PHONE, USER], **to) == ["+46700000001", "SE.1"]


@pytest.mark.shows("E5")
def test_of_many_recipients_nobody_is_told_apart():
    to = {"direction": "outbound", "sender": OURS, "recipients": [PHONE, ANNA]}

    assert proven([PHONE, USER], **to) == ["+46700000001"]


@pytest.mark.shows("E5")
@pytest.mark.parametrize("claimed", [True, 1, "yes"])
def test_what_is_merely_said_proves_nothing(claimed):
    assert proven([PHONE | {"claimed": claimed}]) == ["SE.1"]


@pytest.mark.shows("E5")
@pytest.mark.parametrize(
    "address",
    [
        "info@firm.example",
        "no-reply@market.example",
        "Sales+de@firm.example",
        "shop@shop.example",
        "nobody",
    ],
)
def test_what_many_share_ties_nobody(address):
    shared = {"kind": "email", "value": address}

    assert proven([shared]) == ["SE.1"]
    assert proven([USER], sender=shared, recipients=[]) == [address]


@pytest.mark.shows("E5")
@pytest.mark.parametrize("number", ["0700000001", "72345", "MyBank", "+123", "+46x"])
def test_a_number_without_its_country_is_anybodys(number):
    assert proven([{"kind": "phone", "value": number}]) == ["SE.1"]


@pytest.mark.shows("E5")
def test_we_are_nobodys_second_number():
    assert proven([OURS, PHONE]) == ["SE.1", "+46700000001"]


@pytest.mark.parametrize(
    "told", [None, "x", {}, [None], [[]], [{}], [{"kind": "phone"}], [{"value": "x"}]]
)
def test_what_is_malformed_proves_nothing(told):
    assert proven(told) == ["SE.1"]


@pytest.mark.parametrize(("count", "known"), [(19, 20), (20, 21), (21, 21)])
def test_a_long_list_is_not_read_to_its_end(count, known):
    told = [{"kind": "whatsapp_user", "value": f"X.{n}"} for n in range(count)]

    assert len(proven(told)) == known


@pytest.mark.shows("E3")
@pytest.mark.parametrize(
    ("event", "rule"),
    [
        ("user_changed_number", "changed_number"),
        ("customer_identity_changed", "same_message"),
        (None, "same_message"),
    ],
)
def test_the_proof_has_a_name(event, rule):
    assert rule_of(message(metadata={"event": event})) == rule
