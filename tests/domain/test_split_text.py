import time

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domain.split_text import split_text
from app.domain.text_limit import TextLimit, TextUnit

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
FLAG = "🇸🇪"
HANGUL = "\u1112\u1161\u11ab"
ARABIC = "مُحَمَّد"
ACCENTS = "e\u0301\u0323"
KEYCAP = "1\ufe0f\u20e3"
SKIN = "👍🏽"
CLUSTERS = [FAMILY, FLAG, HANGUL, ACCENTS, KEYCAP, SKIN, "a", "ب", "\r\n"]

texts = st.lists(
    st.one_of(
        st.sampled_from([*CLUSTERS, ARABIC, " ", "\n", "\n\n", ". ", "。", "\u0301"]),
        st.sampled_from(["https://bikes.example/a?b=c", "word", "\u2028", "\t"]),
        st.text(max_size=5),
    ),
    max_size=60,
).map("".join)
limits = st.builds(TextLimit, st.integers(4, 80), st.sampled_from(TextUnit))


@pytest.mark.shows("I5")
@settings(max_examples=300)
@given(texts, limits)
@example(FAMILY * 3, TextLimit(25, TextUnit.BYTES))
@example("a \u0301b" * 3, TextLimit(4))
def test_nothing_is_lost_but_blanks_and_every_part_fits(text, limit):
    parts = split_text(text, limit)

    assert without_blanks("".join(parts)) == without_blanks(text)
    at = 0
    for part in parts:
        assert part.strip()
        assert limit.unit.measure(part) <= limit.size
        found = text.index(part, at)
        assert not text[at:found].strip()
        at = found + len(part)
    assert not text[at:].strip()


@pytest.mark.shows("I5")
@settings(max_examples=300)
@given(texts, limits)
def test_what_is_seen_as_one_character_stays_whole_where_it_fits(text, limit):
    borders = {match.start() for match in regex.finditer(r"\X", text)} | {len(text)}
    longest = max(map(limit.unit.measure, regex.findall(r"\X", text)), default=0)
    if longest > limit.size:
        return

    at = 0
    for part in split_text(text, limit):
        at = text.index(part, at)
        assert at in borders
        at += len(part)
        assert at in borders


@pytest.mark.parametrize("cluster", CLUSTERS[:-1], ids=ascii)
@pytest.mark.parametrize("unit", list(TextUnit))
def test_a_row_of_one_character_is_cut_between_them(cluster, unit):
    size = 2 * unit.measure(cluster) + max(1, unit.measure(cluster) - 1)

    parts = split_text(cluster * 7, TextLimit(max(size, 4), unit))

    assert all(part == cluster * (len(part) // len(cluster)) for part in parts)


@pytest.mark.parametrize(
    ("text", "size", "parts"),
    [
        pytest.param("short", 5, ["short"], id="it fits"),
        pytest.param(" \n ", 9, [], id="nothing but blanks"),
        pytest.param("", 9, [], id="nothing"),
        pytest.param("  " * 9, 9, [], id="many blanks"),
        pytest.param(
            "One two. Three\n\nFour five",
            20,
            ["One two. Three", "Four five"],
            id="paragraphs first",
        ),
        pytest.param(
            "One two. Three\nFour five",
            20,
            ["One two. Three", "Four five"],
            id="then lines",
        ),
        pytest.param(
            "One two. Three four five",
            15,
            ["One two.", "Three four five"],
            id="then sentences",
        ),
        pytest.param(
            'He said "yes." And more then',
            22,
            ['He said "yes."', "And more then"],
            id="a quote ends a sentence",
        ),
        pytest.param("one two three", 9, ["one two", "three"], id="then words"),
        pytest.param(
            "a\n\nbcdef ghijkl mn",
            15,
            ["a\n\nbcdef ghijkl", "mn"],
            id="no part left half empty",
        ),
        pytest.param(
            "今日は晴れです。明日は雨",
            10,
            ["今日は晴れです。", "明日は雨"],
            id="no blanks between words",
        ),
        pytest.param("abcdefghij", 4, ["abcd", "efgh", "ij"], id="no border at all"),
        pytest.param(
            "看https://a.example/bc",
            20,
            ["看", "https://a.example/bc"],
            id="before an address",
        ),
        pytest.param(
            "see https://a.example/bcdefgh now",
            16,
            ["see", "https://a.exampl", "e/bcdefgh now"],
            id="an address too long for one",
        ),
    ],
)
def test_it_is_cut_where_a_reader_would_pause(text, size, parts):
    assert split_text(text, TextLimit(size)) == parts


@pytest.mark.parametrize(
    ("unit", "length"),
    [(TextUnit.CHARACTERS, 3), (TextUnit.UTF16, 5), (TextUnit.BYTES, 9)],
)
def test_a_text_is_as_long_as_the_provider_counts_it(unit, length):
    assert unit.measure("a🚲🚲") == length


def test_a_limit_below_one_character_is_an_error():
    with pytest.raises(ValueError, match="too short"):
        split_text("abc", TextLimit(3))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\u0301" * 400_000, id="one accent upon the other"),
        pytest.param("\n" * 400_000 + "x" * 5_000, id="empty lines"),
        pytest.param("https://" * 50_000, id="addresses without an end"),
        pytest.param('."' * 200_000, id="ends of sentences"),
        pytest.param("👨\u200d" * 200_000, id="a family without an end"),
    ],
)
def test_hostile_texts_take_no_longer(text):
    started = time.perf_counter()

    split_text(text, TextLimit(1600, TextUnit.UTF16))

    assert time.perf_counter() - started < 8


def without_blanks(text):
    return "".join(text.split())
