"""Words as they are searched."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from app.domain.fusion import fused
from app.domain.search_words import LONGEST, distinct, spans, words_in


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Where is BB-1042?", ["where", "is", "bb", "1042"]),
        ("GRÖSSE größe Grösse", ["grosse"]),
        ("anna@shop.example", ["anna", "shop", "example"]),
        ("ﬁne ＡＢＣ", ["fine", "abc"]),
        ("蓝色自行车", ["蓝色", "色自", "自行", "行车"]),
        ("买iPhone给我", ["买", "iphone", "给我"]),
        ("Привет, ΜΆΙΟΣ", ["привет", "μαιοσ"]),
        ("ตะกร้า", None),
        ("—?!", []),
    ],
)
def test_a_text_has_these_words(text, words):
    found = distinct(text)

    assert found == words if words is not None else found


def test_only_the_first_words_are_asked_for():
    assert distinct("one two three", most=2) == ["one", "two"]


def test_where_words_stand_is_told():
    text = "The Blue mug, blue as the sea"

    found = spans(text, {"blue"}, most=9)

    assert [text[start:end] for start, end in found] == ["Blue", "blue"]
    assert spans(text, {"blue"}, most=1) == found[:1]


def test_neighbours_of_one_word_are_one_place():
    assert spans("请给蓝色自行车", set(distinct("自行车")), most=9) == [(4, 7)]


@given(st.text(max_size=500))
def test_every_word_is_short_and_stands_where_it_is_said_to(text):
    for word in words_in(text):
        assert 0 < len(word.word) <= LONGEST
        assert 0 <= word.start < word.end <= len(text)


def test_what_both_rankings_name_comes_first():
    assert list(fused("abc", "cd")) == ["c", "a", "b", "d"]
    assert fused() == {}
