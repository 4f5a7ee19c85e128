"""How long to wait before trying again."""

from datetime import timedelta

import pytest

from app.domain.backoff import MAX_ATTEMPTS, delay


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 2), (2, 8), (3, 32), (4, 128), (5, 512), (6, 600)]
)
def test_each_wait_is_four_times_as_long_up_to_ten_minutes(attempt, seconds):
    waits = [delay(attempt).total_seconds() for _ in range(200)]

    assert 0.75 * seconds <= min(waits) <= max(waits) <= seconds


def test_what_failed_together_does_not_come_back_together():
    assert len({delay(3) for _ in range(20)}) > 10


def test_all_attempts_together_outlast_an_outage_of_eight_minutes():
    shortest = sum(
        min(delay(attempt).total_seconds() for _ in range(50))
        for attempt in range(1, MAX_ATTEMPTS)
    )

    assert shortest > 8 * 60


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        pytest.param(7, 7, id="as asked"),
        pytest.param(86_400, 3600, id="at most an hour"),
        pytest.param(-1, 0, id="not in the past"),
    ],
)
def test_a_provider_may_say_when(asked, seconds):
    assert delay(1, asked) == timedelta(seconds=seconds)
