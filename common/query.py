"""Query parameters, declared and typed: what is not what it should be is a 400 that names it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import is_naive, make_aware

from common.errors import BadInput


def whole_number(query: Mapping[str, str], name: str, *, default: int, least: int = 1, most: int = 2**31 - 1) -> int:
    """Return the parameter as an int within bounds; ASCII digits only, so that "²" is not a number."""
    text = query.get(name, "")
    if text == "":
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and least <= int(text) <= most):
        raise _bad(name, f"must be a whole number from {least} to {most}")
    return int(text)


def optional_number(query: Mapping[str, str], name: str) -> int | None:
    """Return the parameter as an int, or None where it is not given."""
    return whole_number(query, name, default=0) or None


def choice(query: Mapping[str, str], name: str, among: Iterable[str], *, default: str = "") -> str:
    """Return the parameter, which must be one of `among`."""
    text = query.get(name, "") or default
    if text and text not in (known := list(among)):
        raise _bad(name, f"must be one of {', '.join(known)}")
    return text


def flag(query: Mapping[str, str], name: str) -> bool:
    """Return the parameter as true or false: 1/true or 0/false, absent is false."""
    text = query.get(name, "").lower()
    if text not in ("", "0", "1", "true", "false"):
        raise _bad(name, "must be 1 or 0")
    return text in ("1", "true")


def instant(query: Mapping[str, str], name: str) -> datetime | None:
    """Return the parameter as an instant (ISO 8601; a bare date is its midnight), or None where it is not given."""
    text = query.get(name, "")
    if text == "":
        return None
    try:
        day = parse_date(text) if len(text) == 10 else None
        found = datetime(day.year, day.month, day.day) if day else parse_datetime(text.replace(" ", "+"))
    except ValueError:
        found = None
    if found is None:
        raise _bad(name, "must be a date or an instant in ISO 8601")
    try:
        return (make_aware(found) if is_naive(found) else found).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _bad(name, "is out of range") from error


def _bad(name: str, what: str) -> BadInput:
    return BadInput(f"Parameter '{name}' {what}.", errors={name: [f"This {what}."]})
