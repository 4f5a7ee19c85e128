"""Everything that is stored can be stored."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.scrub import MAX_DEPTH, is_storable, scrub, scrub_text


def _nested(levels):
    value = 0
    for _ in range(levels):
        value = [value]
    return value


MARK = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.shows("C3")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\0b", f"a{MARK}b"),
        ("\ud83d alone", f"{MARK} alone"),
        ("\udcff", MARK),
        ("tab\t line\n \x1b \U0001f600 ü", "tab\t line\n \x1b \U0001f600 ü"),
        ("", ""),
    ],
    ids=["NUL", "half a pair", "an escaped byte", "what is fine", "nothing"],
)
def test_what_postgresql_refuses_is_replaced(text, expected):
    assert scrub_text(text) == expected


def test_keys_and_values_are_scrubbed_at_any_depth():
    value = {"a\0": ["\0", {"b": ("\ud800", 1, None, True)}], 5: 1.5}

    assert scrub(value) == {
        f"a{MARK}": [MARK, {"b": [MARK, 1, None, True]}],
        "5": 1.5,
    }


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=20,
)


@given(NESTED)
def test_whatever_is_scrubbed_is_valid_utf_8(value):
    stored = json.dumps(scrub(value), ensure_ascii=False).encode("utf-8")

    assert b"\\u0000" not in stored


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, 2.5, None, "x"]}, True),
        ([float("inf")], False),
        ({"a": {"b": float("nan")}}, False),
        (_nested(MAX_DEPTH - 1), True),
        (_nested(MAX_DEPTH), False),
    ],
    ids=["plain", "infinite", "no number", "deep", "too deep"],
)
def test_what_is_too_deep_or_infinite_is_not_storable(value, expected):
    assert is_storable(value) is expected
