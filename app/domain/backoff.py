"""How long to wait before trying again."""

import random
from datetime import timedelta

#: Import, ingest, classify and draft; the attempt that is counted is the one that starts.
MAX_ATTEMPTS = 6

_FIRST = timedelta(seconds=2)
_LONGEST = timedelta(minutes=10)


def delay(attempt: int, retry_after: float | None = None) -> timedelta:
    """Wait this long after the given attempt (1 for the first) has failed.

    As long as the provider asked, at most an hour; else two seconds, then four times as long each
    time: six attempts outlast an outage of ten minutes. Up to a quarter less, so that what failed
    together does not come back together.
    """
    if retry_after is not None:
        return timedelta(seconds=min(max(retry_after, 0.0), 3600.0))
    # Spreading load needs no strong randomness.
    spread = 1 - random.random() / 4
    longer: timedelta = _FIRST * 4 ** (attempt - 1)
    return min(longer, _LONGEST) * spread
