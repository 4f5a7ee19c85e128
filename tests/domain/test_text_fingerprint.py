from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.text_fingerprint import WINDOW, fingerprint_of_text

NOON = datetime(2026, 9, 3, 12, 0, tzinfo=UTC)


def fingerprint(sender="+46700000001", to="+46850000001", text="ok", at=NOON):
    return fingerprint_of_text(sender, to, text, at)


def is_same(one, other):
    return other.own == one.own or other.own in one.near


@pytest.mark.shows("B6")
def test_the_same_words_an_hour_apart_are_two_messages():
    assert not is_same(fingerprint(), fingerprint(at=NOON + timedelta(hours=1)))


@pytest.mark.shows("B6")
def test_a_redelivery_that_bears_the_first_time_is_the_same_message():
    swedish = NOON.astimezone(timezone(timedelta(hours=2)))

    assert fingerprint() == fingerprint(at=swedish)
    assert fingerprint() == fingerprint("+46 70 000 00 01", text=" ok\n")


@pytest.mark.shows("B6")
@given(
    second=st.integers(0, 86_400),
    later=st.timedeltas(timedelta(), WINDOW - timedelta(microseconds=1)),
)
def test_one_that_is_stamped_anew_within_the_window_is_found_in_any_order(
    second, later
):
    first = fingerprint(at=NOON + timedelta(seconds=second))
    again = fingerprint(at=NOON + timedelta(seconds=second) + later)

    assert is_same(first, again)
    assert is_same(again, first)


@pytest.mark.shows("B6")
@given(second=st.integers(0, 86_400), later=st.integers(1200, 86_400))
def test_beyond_two_windows_nothing_is_taken_for_the_same(second, later):
    first = fingerprint(at=NOON + timedelta(seconds=second))
    again = fingerprint(at=NOON + timedelta(seconds=second + later))

    assert not is_same(first, again)
    assert not is_same(again, first)


@pytest.mark.parametrize(
    "other", [{"sender": "+46700000002"}, {"to": "+46850000002"}, {"text": "ok!"}]
)
def test_other_people_or_words_are_another_message(other):
    assert fingerprint() != fingerprint(**other)


def test_the_ends_are_not_interchangeable():
    back = fingerprint("+46850000001", "+46700000001")

    assert fingerprint() != back
