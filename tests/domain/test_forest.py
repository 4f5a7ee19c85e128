"""Which messages belong together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.forest import Forest
from app.domain.ids import new_id
from app.domain.threading import read_threading
from tests.factories import START
from tests.threads import SHOP, Mail, forests, partition

ANNA, BO, MALLORY = "anna@example.com", "bo@example.com", "mallory@example.net"


def planted(mails, *, at_once=True):
    """The groups that a forest makes of mails, settled after each of them or at the end."""
    forest, names = Forest(), {}
    for mail in mails:
        node = new_id()
        names[node] = mail.id
        threading = read_threading(
            mail.as_message(), at=START, own={SHOP}, message_id=node
        )
        forest.add(node, threading.claims, threading.participants)
        if not at_once:
            forest.settle()
    forest.settle()
    return {frozenset(names[node] for node in tree) for tree in forest.trees()}


@pytest.mark.shows("D4")
@given(forests(), st.booleans())
def test_a_forest_is_what_looking_at_every_pair_makes_of_it(mails, at_once):
    assert planted(mails, at_once=at_once) == partition(mails)


@pytest.mark.shows("D4")
@given(
    forests().flatmap(lambda mails: st.tuples(st.just(mails), st.permutations(mails)))
)
def test_the_order_does_not_matter(orders):
    one, other = orders

    assert planted(one, at_once=False) == planted(other, at_once=False)


@pytest.mark.shows("D3")
@pytest.mark.parametrize(
    "stranger",
    [
        Mail("s@x", MALLORY, (SHOP,), ("a@x",)),
        Mail("s@x", MALLORY, (SHOP, ANNA), ("a@x",)),
        Mail("s@x", MALLORY, (SHOP,), ("a@x", "b@x")),
        Mail("s@x", MALLORY, (SHOP,), ("a@x",), list="talk.lists.example"),
    ],
    ids=["quotes", "copies the other in", "quotes all", "claims to be a list"],
)
def test_a_stranger_stays_outside(stranger):
    mails = [
        Mail("a@x", ANNA, (SHOP,)),
        Mail("b@x", SHOP, (ANNA,), ("a@x",)),
        Mail("c@x", ANNA, (SHOP,), ("a@x", "b@x")),
    ]

    assert planted([*mails, stranger]) == {
        frozenset({"a@x", "b@x", "c@x"}),
        frozenset({"s@x"}),
    }


@pytest.mark.shows("D3")
def test_an_answer_to_a_stranger_does_not_let_him_in():
    mails = [
        Mail("a@x", BO, (SHOP,)),
        Mail("s@x", MALLORY, (SHOP, BO), ("a@x",)),
        Mail("t@x", SHOP, (MALLORY, BO), ("a@x", "s@x")),
    ]

    assert planted(mails) == {frozenset({"a@x"}), frozenset({"s@x", "t@x"})}


@pytest.mark.shows("D3")
def test_who_is_addressed_later_is_let_in_by_what_was_refused():
    mails = [
        Mail("a@x", ANNA, (SHOP,)),
        Mail("s@x", BO, (SHOP,), ("a@x",)),
        Mail("b@x", ANNA, (SHOP, BO), ("a@x",)),
    ]

    assert len(planted(mails[:2])) == 2
    assert planted(mails) == {frozenset({"a@x", "s@x", "b@x"})}


@pytest.mark.shows("D8")
def test_what_we_hand_on_to_somebody_new_is_another_conversation():
    mails = [
        Mail("a@x", ANNA, (SHOP,)),
        Mail("f@x", SHOP, ("supplier@example.org", ANNA), ("a@x",)),
    ]

    assert len(planted(mails)) == 2


def test_readers_of_one_circular_do_not_meet():
    """Each answers us, and we answer each, by the ids of what all of them got."""
    mails = []
    for number in range(20):
        person = f"reader{number}@example.com"
        mails += [
            Mail(f"r{number}@x", person, (SHOP,), ("circular@x",)),
            Mail(f"w{number}@x", SHOP, (person,), ("circular@x", f"r{number}@x")),
        ]

    without = planted(mails)
    within = planted([*mails, Mail("circular@x", SHOP, ("readers@shop.example",))])

    assert len(without) == 20
    assert len(within) == 21


def test_a_crowd_at_one_id_takes_no_time():
    crowd = [
        Mail(f"m{number}@x", f"p{number}@example.com", (SHOP,), ("hub@x",))
        for number in range(2_000)
    ]

    assert len(planted(crowd)) == 2_000
