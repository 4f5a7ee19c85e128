"""What its changes make of a message, in any order."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.domain.changes import Change, shape_of
from app.domain.status import DeliveryStatus
from app.domain.unified_message import MessageKind

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def change(kind, minute=0, key="k", **fields):
    return Change(MessageKind(kind), START + timedelta(minutes=minute), key, **fields)


@pytest.mark.shows("F3")
def test_a_reaction_is_replaced_and_taken_back():
    given_, replaced, taken = (
        change("reaction", minute, actor="a", details={"emoji": emoji})
        for minute, emoji in enumerate(("👍", "❤️", None))
    )

    assert shape_of([given_]).reactions == {"a": "👍"}
    assert shape_of([replaced, given_]).reactions == {"a": "❤️"}
    assert shape_of([taken, replaced, given_]).reactions == {}


def test_people_react_for_themselves():
    one = change("reaction", actor="a", details={"emoji": "👍"})
    other = change("reaction", actor="b", details={"emoji": "👎"})

    assert shape_of([one, other]).reactions == {"a": "👍", "b": "👎"}


@pytest.mark.shows("F4")
def test_the_newest_edit_is_what_is_said():
    edits = [change("edit", minute, text=f"text {minute}") for minute in range(3)]

    for order in permutations(edits):
        shape = shape_of(order)
        assert (shape.text, shape.edited_at) == ("text 2", START + timedelta(minutes=2))


@pytest.mark.shows("F7")
@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        (["sent", "delivered", "read"], DeliveryStatus.READ),
        (["read", "delivered", "sent"], DeliveryStatus.READ),
        (["delivered", "delivered"], DeliveryStatus.DELIVERED),
        (["failed", "sent"], DeliveryStatus.FAILED),
        (["played", "deleted", "warning"], None),
        ([None, 7, {}], None),
    ],
)
def test_a_status_only_moves_forward_and_unknown_ones_do_no_harm(reported, expected):
    changes = [change("status", details={"status": one}) for one in reported]

    assert shape_of(changes).delivery_status is expected


def test_why_a_message_failed_is_told():
    error = {"code": 131047, "title": "Re-engagement message"}

    shape = shape_of([change("status", details={"status": "failed", "error": error})])

    assert shape.delivery_reason == "131047: Re-engagement message"


@pytest.mark.shows("F12")
def test_a_call_grows_with_what_is_told_of_it():
    ended = change("call", 1, details={"call": {"status": "completed", "duration": 60}})
    written = change(
        "call", 2, text="Please call back", details={"call": {"transcript": "Please"}}
    )

    shape = shape_of([written, ended])

    assert shape.call == {"status": "completed", "duration": 60, "transcript": "Please"}
    assert shape.text == "Please call back"


CHANGES = some.builds(
    change,
    some.sampled_from(["reaction", "edit", "delete", "status"]),
    some.integers(0, 3),
    some.uuids().map(str),
    actor=some.sampled_from(["a", "b"]),
    text=some.sampled_from([None, "one", "two"]),
    details=some.sampled_from(
        [{}, {"emoji": "👍"}, {"status": "read"}, {"status": "failed"}]
    ),
)


@given(
    some.lists(CHANGES, max_size=8, unique_by=lambda one: one.key).flatmap(
        lambda changes: some.tuples(some.just(changes), some.permutations(changes))
    )
)
def test_the_order_of_arrival_does_not_matter(orders):
    one, other = orders

    assert shape_of(one) == shape_of(other)
