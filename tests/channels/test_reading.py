from datetime import UTC, datetime

import pytest

from app.channels.reading import count_of, id_of, moment_of

WHEN = datetime(2026, 9, 3, 8, 15, 30, tzinfo=UTC)


@pytest.mark.shows("K9")
@pytest.mark.parametrize(
    ("told", "moment"),
    [
        (1788423330, WHEN),
        ("1788423330", WHEN),
        (1788423330.0, WHEN),
        ("2026-09-03T08:15:30.000Z", WHEN),
        ("2026-09-03T10:15:30+02:00", WHEN),
        (0, None),
        (-1, None),
        (True, None),
        (1e300, None),
        (10**400, None),
        ("yesterday", None),
        ("²", None),
        ("0001-01-01T00:00:00Z", None),
        (None, None),
        ([], None),
    ],
)
def test_a_moment_is_read_from_seconds_and_from_text(told, moment):
    assert moment_of(told) == moment


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (7, "7"),
        (-1002000000007, "-1002000000007"),
        (" a ", "a"),
        (True, ""),
        (1.5, ""),
        (10**400, ""),
        ("x" * 501, ""),
        (None, ""),
        ({}, ""),
    ],
)
def test_an_id_is_a_number_or_a_text(told, found):
    assert id_of(told) == found


@pytest.mark.parametrize(
    ("told", "count"),
    [
        ("3", 3),
        (3, 3),
        ("-1", None),
        (-1, None),
        ("9" * 30, None),
        ("²", None),
        (True, None),
        (2**63, None),
        (1.0, None),
        (None, None),
    ],
)
def test_a_count_is_never_negative_nor_beyond_what_can_be_stored(told, count):
    assert count_of(told) == count
