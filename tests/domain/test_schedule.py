"""When recurring work is due."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.schedule import next_on_plan

BERLIN = ZoneInfo("Europe/Berlin")
ANCHOR = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("late", "follows"),
    [
        (timedelta(0), HOUR),
        (timedelta(minutes=59, seconds=59), HOUR),
        (HOUR, 2 * HOUR),
        (timedelta(hours=30, minutes=10), timedelta(hours=31)),
        (timedelta(seconds=-1), timedelta(0)),
    ],
    ids=["in time", "late", "a whole period late", "many missed", "early"],
)
def test_a_late_run_does_not_move_the_plan(late, follows):
    assert next_on_plan(ANCHOR, HOUR, after=ANCHOR + late) == ANCHOR + follows


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.timedeltas(timedelta(seconds=1), timedelta(days=400)),
    st.timedeltas(timedelta(days=-400), timedelta(days=4000)),
)
def test_the_next_moment_is_the_first_of_the_plan_that_is_to_come(anchor, every, late):
    after = anchor + late

    found = next_on_plan(anchor, every, after=after)

    assert after < found <= after + every
    assert (found - anchor) % every == timedelta(0)


@pytest.mark.shows("K9")
@pytest.mark.parametrize(
    "changes", [datetime(2026, 3, 29), datetime(2026, 10, 25)], ids=["spring", "autumn"]
)
def test_no_period_is_longer_or_shorter_where_the_clocks_change(changes):
    anchor = (changes - DAY).replace(hour=2, minute=30, tzinfo=BERLIN)

    moments = [anchor]
    for _ in range(3):
        moments.append(next_on_plan(anchor, DAY, after=moments[-1].astimezone(BERLIN)))

    elapsed = [one.astimezone(UTC) - anchor.astimezone(UTC) for one in moments]
    assert elapsed == [timedelta(0), DAY, 2 * DAY, 3 * DAY]
