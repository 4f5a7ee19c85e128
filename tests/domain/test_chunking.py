"""Messages in pieces."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from app.domain.chunking import MAX_CHUNKS, chunks_of

SENTENCE = "The third mug of the set has a crack at its handle. "


def test_pieces_end_where_a_reader_would_pause():
    text = f"{SENTENCE * 3}\n\n{SENTENCE * 4}"

    pieces = chunks_of(text, size=200, least=30)

    assert [piece.text for piece in pieces] == [
        (SENTENCE * 3).strip(),
        (SENTENCE * 3).strip(),
        SENTENCE.strip(),
    ]


def test_the_same_text_has_the_same_pieces():
    first, second = (chunks_of(SENTENCE * 40, size=300, least=30) for _ in range(2))

    assert [one.text_hash for one in first] == [one.text_hash for one in second]
    assert len(first[0].text_hash) == 64


@pytest.mark.parametrize(("length", "count"), [(29, 0), (30, 1)])
def test_a_text_that_says_too_little_is_left_out(length, count):
    assert len(chunks_of("m" * length, size=100, least=30)) == count


def test_the_short_rest_of_a_long_text_is_kept():
    pieces = chunks_of(f"{'word ' * 20}end", size=100, least=30)

    assert pieces[-1].text == "end"


@pytest.mark.shows("J2")
def test_what_is_secret_is_in_no_piece():
    secret = "sk-" + "a1B2" * 8
    card = "4111 1111 1111 1111"

    pieces = chunks_of(f"{SENTENCE}{secret} and {card}. {SENTENCE}", size=80, least=30)

    told = " ".join(piece.text for piece in pieces)
    assert "a1B2" not in told
    assert "1111" not in told
    assert told.count("[removed]") == 2


def test_a_text_without_end_has_a_limit():
    assert len(chunks_of("mug " * 100_000, size=100, least=30)) <= MAX_CHUNKS


@given(st.text(max_size=2000), st.integers(100, 400))
def test_no_piece_is_empty_or_too_long(text, size):
    pieces = chunks_of(text, size=size, least=1)

    assert all(0 < len(piece.text) <= size for piece in pieces)
