"""The moment a Date header claims, or nothing."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz

#: Dates beyond cannot be stored by all who read them; such a date is wrong anyway.
YEARS = range(1970, 9001)

_A_DAY = 24 * 3600


def claimed_moment(value: str) -> datetime | None:
    """Return an aware UTC time, or None where the header tells none we can keep."""
    text = value[:200]
    try:
        moment = _internet_date(text) or datetime.fromisoformat(text.strip())
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.year in YEARS else None


def _internet_date(text: str) -> datetime | None:
    parsed = parsedate_tz(text)
    if parsed is None:
        return None
    year, month, day, hour, minute, second, *_, offset = parsed
    # Offsets of more than a day are typing errors; the rest of the date is none.
    east = timedelta(seconds=offset if offset and abs(offset) < _A_DAY else 0)
    local = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    return local - east
