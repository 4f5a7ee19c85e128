"""What of a proposed order is taken on the customer's word, and what is refused."""

from dataclasses import replace
from decimal import Decimal

import pytest

from app.domain.ids import new_id
from app.domain.number_words import numbers_in
from app.domain.orders import NEXT_STATES, CheckedOrder, check_order, choose_offers
from app.domain.proposed_order import (
    Offer,
    OrderContext,
    ProposedItem,
    ProposedOrder,
    Refusal,
    Said,
)
from app.domain.status import OrderState


def offer(sku, name, price="12.50", **fields):
    values = {"description": "", "currency": "EUR", "max_quantity": 20} | fields
    return Offer(id=new_id(), sku=sku, name=name, price=Decimal(price), **values)


MUG = offer("MUG-B", "Blue mug")
PLATE = offer("PL-1", "Plate", "8.00")
SAID = "I take two of the blue mugs, please."


def context(*said, answered=(), **fields):
    older = [Said(new_id(), text) for text in answered]
    newest = [Said(new_id(), text) for text in said]
    values = {"offers": (MUG, PLATE), "said": (*older, *newest), "newest": (*newest,)}
    return OrderContext(**(values | fields))


def proposal(*items, quote="I take two of the blue mugs", **fields):
    found = items or (("MUG-B", 2),)
    return ProposedOrder(
        items=tuple(ProposedItem(*item) for item in found),
        confirmed_with=quote,
        **fields,
    )


def rule(proposed, given):
    found = check_order(proposed, given)
    return found.rule if isinstance(found, Refusal) else None


def test_what_the_customer_says_is_an_order_at_the_price_of_now():
    given = context(SAID, names=("Anna Berg",), emails=("anna@example.com",))

    found = check_order(proposal(), given)

    assert isinstance(found, CheckedOrder)
    (line,) = found.lines
    assert (line.sku, line.quantity, line.unit_price) == ("MUG-B", 2, Decimal("12.50"))
    assert (found.total, found.currency) == (Decimal("25.00"), "EUR")
    assert found.confirmed_by == given.newest[0].message_id
    assert (found.name, found.email) == ("Anna Berg", "anna@example.com")
    assert (found.phone, found.address) == (None, None)


def test_a_product_may_be_called_by_its_whole_name():
    assert rule(proposal(("blue MUG", 2)), context(SAID)) is None


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param([("GOLD-1", 2)], "unknown_product", id="not in the catalogue"),
        pytest.param([("MUG", 2)], "unknown_product", id="half of a number"),
        pytest.param([("mug-b", 2)], "unknown_product", id="another number"),
        pytest.param([("MUG-B", 0)], "quantity_out_of_bounds", id="none"),
        pytest.param([("MUG-B", -2)], "quantity_out_of_bounds", id="less than none"),
        pytest.param([("MUG-B", 21)], "quantity_out_of_bounds", id="one too many"),
        pytest.param([("MUG-B", 20)], "quantity_not_stated", id="many, but unsaid"),
        pytest.param([("MUG-B", 3)], "quantity_not_stated", id="one more than said"),
        pytest.param([("MUG-B", 2), ("MUG-B", 2)], "product_twice", id="twice"),
        pytest.param([("PL-1", 1)], "product_not_named", id="never spoken of"),
        pytest.param([("MUG-B", 1)] * 21, "too_many_items", id="too many lines"),
    ],
)
def test_what_was_not_said_or_is_not_sold_is_refused(items, expected):
    assert rule(proposal(*items), context(SAID)) == expected


def test_an_order_of_nothing_is_refused():
    nothing = ProposedOrder(items=(), confirmed_with="I take two of the blue mugs")

    assert rule(nothing, context(SAID)) == "no_items"


def test_two_products_of_one_name_are_not_guessed_between():
    twins = (offer("A", "Mug"), offer("B", "Mug"))
    given = context("I take two mugs", offers=twins)

    assert rule(proposal(("Mug", 2), quote="two mugs"), given) == "ambiguous_product"
    assert rule(proposal(("B", 2), quote="two mugs"), given) is None


def test_different_currencies_are_not_added_up():
    plate = replace(PLATE, currency="USD")
    given = context("Two blue mugs and two plates please", offers=(MUG, plate))
    both = proposal(("MUG-B", 2), ("PL-1", 2), quote="two blue mugs and two plates")

    assert rule(both, given) == "mixed_currencies"


@pytest.mark.parametrize(
    ("said", "quote", "expected"),
    [
        pytest.param("Yes, two blue mugs", "yes", None, id="one word"),
        pytest.param("Ja,\n  zwei Blue mug", "Ja, zwei Blue", None, id="over lines"),
        pytest.param("「Blue mug」を2個ください。", "ください", None, id="Japanese"),
        pytest.param("Blue mug 要两个，好", "好", None, id="Chinese"),
        pytest.param(
            "有Blue mug吗？我要两个。", "我要两个", None, id="behind a question"
        ),
        pytest.param(
            "Blue mug 要两个吗？谢谢。", "要两个", "only_asked", id="asked so"
        ),
        pytest.param("نعم، أريد اثنين Blue mug", "نعم", None, id="Arabic"),
        pytest.param("Two blue mugs?", "Two blue mugs", "only_asked", id="a question"),
        pytest.param(
            "What would two blue mugs be? I must think.",
            "two blue mugs",
            "only_asked",
            id="a question before a sentence",
        ),
        pytest.param(
            "I don't want two blue mugs.", "want two blue mugs", "denied", id="a no"
        ),
        pytest.param(
            "Ich nehme die zwei Blue mug nicht",
            "Ich nehme die zwei Blue mug",
            "denied",
            id="a no behind it",
        ),
        pytest.param("Blue mug 不要两个", "两个", "denied", id="a no in Chinese"),
        pytest.param("Two blue mugs are nice", "I take", "not_confirmed", id="unsaid"),
        pytest.param(
            "Two blue mugs, okay", "kay", "not_confirmed", id="part of a word"
        ),
        pytest.param("Two blue mugs!", "!", "not_confirmed", id="no word"),
        pytest.param("Two blue mugs", "", "not_confirmed", id="nothing"),
        pytest.param(
            "Two blue mugs " + "x " * 200,
            "x " * 200,
            "not_confirmed",
            id="longer than a yes",
        ),
        pytest.param(
            "> I take two of the blue mugs",
            "I take two",
            "quantity_not_stated",
            id="in what is quoted",
        ),
        pytest.param(
            "---------- Forwarded message ---------\nFrom: Bo <bo@example.com>\n"
            "Date: Mon, 2 Nov 2026\nSubject: Mugs\nTo: Anna <anna@example.com>\n\n"
            "I take two of the blue mugs",
            "I take two",
            "quantity_not_stated",
            id="in what is forwarded",
        ),
        pytest.param(
            "2 of MUG-B are enough\n> Yes, I take them",
            "Yes, I take them",
            "not_confirmed",
            id="a yes that is quoted",
        ),
    ],
)
def test_only_the_customers_own_yes_confirms(said, quote, expected):
    assert rule(proposal(quote=quote), context(said)) == expected


def test_what_was_answered_confirms_nothing_more():
    given = context("Did you get it?", answered=[SAID])

    assert rule(proposal(), given) == "not_confirmed"


def test_the_yes_may_come_after_the_number():
    given = context("Yes please", answered=["Have you two blue mugs?"])

    assert rule(proposal(quote="Yes please"), given) is None


def test_a_product_may_be_named_by_us():
    given = context("Ja, zwei bitte", named=("Wir haben die Blue mug für 12,50 Euro.",))

    assert rule(proposal(quote="Ja, zwei bitte"), given) is None


def test_the_message_with_the_yes_confirms_it_not_the_one_behind_it():
    given = context(SAID, "I live in Long Lane 5, Leeds.")

    found = check_order(proposal(address="Long Lane 5, Leeds"), given)

    assert found.confirmed_by == given.newest[0].message_id
    assert found.address == "Long Lane 5, Leeds"


@pytest.mark.shows("G10")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"phone": "+49 170 1234567"}, None, id="as written"),
        pytest.param({"phone": "0049(170)1234567"}, None, id="otherwise grouped"),
        pytest.param({"phone": "+441701234567"}, "phone_not_stated", id="elsewhere"),
        pytest.param({"phone": "+491701234568"}, "phone_not_stated", id="a digit off"),
        pytest.param({"phone": "0170 1234567"}, "phone_not_stated", id="guessed"),
        pytest.param({"phone": "12"}, "phone_not_stated", id="no number"),
        pytest.param({"phone": "+44 20 7946 0000"}, None, id="known of old"),
        pytest.param({"email": "Anna.Berg@Example.com"}, None, id="address, written"),
        pytest.param({"email": "anna@example.com"}, None, id="address, known"),
        pytest.param({"email": "a@example.com"}, "email_not_stated", id="address, not"),
        pytest.param({"email": "ann"}, "email_not_stated", id="no address"),
        pytest.param({"name": "Anna Berg"}, None, id="name, known"),
        pytest.param({"name": "Bo"}, None, id="name, written"),
        pytest.param({"name": "Anna Smith"}, "name_not_stated", id="name, half"),
        pytest.param({"address": "Hauptstr. 5, 10115 Berlin"}, None, id="street"),
        pytest.param(
            {"address": "Hauptstr. 6, 10115 Berlin"}, "address_not_stated", id="door"
        ),
        pytest.param(
            {"address": "Hauptstr. 5 " * 60}, "address_not_stated", id="far too long"
        ),
        pytest.param({"name": " ", "phone": "null", "email": ""}, None, id="nothing"),
    ],
)
def test_nothing_is_known_of_a_customer_that_they_did_not_say(fields, expected):
    given = context(
        f"{SAID} I am Bo. Hauptstr. 5, 10115 Berlin, +49 (170) 12 345 67,"
        " anna.berg@example.com",
        names=("Anna Berg",),
        emails=("anna@example.com",),
        phones=("+442079460000",),
    )

    assert rule(proposal(**fields), given) == expected


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("2 mugs", {2}),
        ("2x mug, x3 plate, 4 pcs, 5pcs", {2, 3, 4, 5}),
        ("I want 1,000 pieces", {1000}),
        ("1.000 Stück", {1000}),
        ("٣ أكواب", {3}),
        ("青いマグを2個", {2}),
        ("杯子两个", {2}),
        ("컵 두 개 주세요", {2}),
        ("zwei Tassen und eine Kanne", {2, 1}),
        ("deux tasses", {2}),
        ("dos tazas", {2}),
        ("два стакана", {2}),
        ("dwie filiżanki", {2}),
        ("iki bardak", {2}),
        ("half a dozen", {6, 12, 1}),
        ("a pair of gloves", {1, 2}),
        ("for 12.50 on 2026-11-02, call +49 30 5", set()),
        ("art. MUG-2 or B3, #4", set()),
        ("I'll have 2.", {2}),
    ],
)
def test_numbers_are_read_as_people_write_them(text, numbers):
    assert numbers_in(text) == numbers


def test_hostile_text_is_read_in_no_time():
    for hostile in ("1 " * 500_000, "1,111" * 200_000, "+(" * 500_000, "a@" * 500_000):
        check_order(
            proposal(("MUG-B", 1), phone="+49 170 1234567", email="a@b"),
            context(f"I take two of the blue mugs {hostile}"),
        )


def test_of_a_large_catalogue_what_is_spoken_of_comes_first():
    many = [offer(f"S-{number}", f"Thing{number:03}") for number in range(100)]

    chosen = choose_offers(many, ["do you have thing077, or s-42"], limit=10)

    assert {one.sku for one in chosen[:3]} >= {"S-42", "S-77"}
    assert len(chosen) == 10


def test_an_order_that_has_ended_stays_as_it_is():
    assert NEXT_STATES[OrderState.CANCELLED] == frozenset()
    assert NEXT_STATES[OrderState.FULFILLED] == frozenset()
    assert set(NEXT_STATES) == set(OrderState)
