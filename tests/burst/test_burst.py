"""What a burst consists of; the burst itself is `make burst`."""

import random
from collections import Counter
from itertools import pairwise

import pytest

from tests.burst.traffic import AT_ONCE, REPEATED, Line, webhooks

URL = "http://127.0.0.1:8000/webhooks/x"
PRODUCTS = ("whatsapp", "messenger", "telegram", "twilio")


@pytest.fixture(scope="module")
def made():
    lines = [Line(product, URL, "secret") for product in PRODUCTS]
    return webhooks(lines, 1000, random.Random(1))


def test_so_many_requests_were_made_before(made):
    counts = Counter(map(id, made))

    assert len(made) == 1000
    assert sum(count - 1 for count in counts.values()) == 1000 * REPEATED
    assert {one.product for one in made} == set(PRODUCTS)


def test_some_of_them_are_under_way_together(made):
    together = sum(one is other for one, other in pairwise(made))

    assert together >= 1000 * REPEATED * AT_ONCE


def test_every_message_is_in_one_request_only(made):
    distinct = {id(one): one for one in made}.values()
    messages = [(one.product, each) for one in distinct for each in one.messages]

    assert len(messages) == len(set(messages)) > 700
    assert max(len(one.messages) for one in distinct) == 3


def test_they_are_not_in_the_order_in_which_they_were_said(made):
    told = [one.messages for one in made if one.product == "twilio"]

    assert told != sorted(told)
    again = webhooks(
        [Line(product, URL, "secret") for product in PRODUCTS], 1000, random.Random(1)
    )
    assert [one.messages for one in again] == [one.messages for one in made]
