"""Ids that the database makes, in the order of time."""

from datetime import UTC, datetime, timedelta


def test_ids_are_of_version_7(rows):
    ids = [one for (one,) in rows("SELECT bb_uuid7() FROM generate_series(1, 1000)")]

    assert {one.version for one in ids} == {7}
    assert {one.variant for one in ids} == {"specified in RFC 4122"}
    assert len(set(ids)) == 1000


def test_a_later_id_is_greater(rows):
    ids = rows("""
        SELECT (SELECT bb_uuid7() FROM pg_sleep(0.002 + number * 0))
        FROM generate_series(1, 20) number
    """)

    assert ids == sorted(ids)
    assert len(set(ids)) == 20


def test_an_id_carries_the_moment_it_was_made(rows):
    ((one, now),) = rows("SELECT bb_uuid7(), clock_timestamp()")

    made = datetime.fromtimestamp((one.int >> 80) / 1000, UTC)
    assert abs(made - now) < timedelta(milliseconds=50)
