"""Days in the site's time zone, and the spans of days that rollups are kept for.

A span of n days begins at a day whose number divides by n, so that few spans make up any range: 90 days are about a
dozen, however they lie.
"""

from datetime import UTC, date, datetime, time, timedelta

from django.utils.timezone import get_default_timezone

SPANS = (1, 4, 16, 64)
Span = tuple[int, int]  # how many days, the number of the first


def day_of(moment: datetime) -> int:
    """Return the number of the day (from 0001-01-01, which is 1) on which a moment falls in the site's time zone."""
    return moment.astimezone(get_default_timezone()).toordinal()


def beginning(day: int) -> datetime:
    """Return the moment at which a day begins in the site's time zone, in UTC."""
    return datetime.combine(date.fromordinal(day), time(), get_default_timezone()).astimezone(UTC)


def spans_of(day: int) -> list[Span]:
    """Return every span that a day lies in, the shortest first."""
    return [(length, day - day % length) for length in SPANS]


def cover(first: int, last: int) -> list[Span]:
    """Return the fewest spans that make up the days from `first` to `last`, both included."""
    found = []
    while first <= last:
        length = max(n for n in SPANS if first % n == 0 and first + n - 1 <= last)
        found.append((length, first))
        first += length
    return found


def today() -> int:
    """Return the number of the present day."""
    return day_of(datetime.now(UTC))


def as_date(day: int) -> date:
    """Return the day of this number."""
    return date.fromordinal(day)


def days_before(day: int, count: int) -> int:
    """Return the first of `count` days that end with `day`."""
    return (date.fromordinal(day) - timedelta(days=count - 1)).toordinal()
