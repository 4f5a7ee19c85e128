"""Subjects taken apart."""

import time

import pytest

from app.domain.subjects import read_subject


@pytest.mark.shows("D1", "D8")
@pytest.mark.parametrize(
    ("subject", "text", "is_reply", "is_forward"),
    [
        ("The blue bicycle", "the blue bicycle", False, False),
        ("Re: The blue  bicycle ", "the blue bicycle", True, False),
        ("RE[2]: AW: Re: The blue bicycle", "the blue bicycle", True, False),
        ("SV: Den blå cykeln", "den blå cykeln", True, False),
        ("回复：蓝色自行车的订单", "蓝色自行车的订单", True, False),
        ("[Shop] Re: [Shop] The blue bicycle", "the blue bicycle", True, False),
        ("Fwd: The blue bicycle", "the blue bicycle", False, True),
        ("WG: AW: Das blaue Rad", "das blaue rad", True, True),
        ("TR : Le vélo bleu", "le vélo bleu", False, True),
        ("RV: La bici azul", "la bici azul", False, True),
        ("VS: Sininen pyörä", "sininen pyörä", False, True),
        ("转发: 蓝色自行车的订单", "蓝色自行车的订单", False, True),
        ("Regarding: my bike", "regarding: my bike", False, False),
        (None, "", False, False),
    ],
)
def test_a_subject_says_what_it_does(subject, text, is_reply, is_forward):
    found = read_subject(subject)

    assert (found.text, found.is_reply, found.is_forward) == (
        text,
        is_reply,
        is_forward,
    )


@pytest.mark.shows("D6")
@pytest.mark.parametrize(
    ("subject", "is_telling"),
    [
        ("The blue bicycle", True),
        ("Blue bicycle", True),
        ("蓝色自行车的订单", True),
        ("Bicycle", False),
        ("Order 4711", False),
        ("Re:", False),
        ("", False),
        ("(no subject)", False),
        ("(Kein Betreff)", False),
        ("AW: Ihre Bestellung", False),
        ("Hello there!", False),
        ("订单", False),
    ],
)
def test_a_subject_tells_or_not(subject, is_telling):
    assert read_subject(subject).is_telling is is_telling


def test_endless_prefixes_take_no_time():
    started = time.process_time()

    for hostile in (
        "re:" * 100_000,
        "[" * 100_000,
        "re" + " " * 100_000,
        "[a]" * 9_999,
    ):
        read_subject(hostile)

    assert time.process_time() - started < 0.5
