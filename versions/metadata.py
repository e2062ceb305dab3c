"""The lines that say when a version was in production, exactly as people read them (S0-44, S0-45; SPEC 2)."""

from datetime import datetime

from django.utils.timezone import localtime

from versions.models import PromptVersion

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(moment: datetime) -> str:
    """`Dec 1, 2025`, in the site's time zone, without zero padding, whatever the server's language is."""
    local = localtime(moment)
    return f"{MONTHS[local.month - 1]} {local.day}, {local.year}"


def production_line(version: PromptVersion) -> str:
    """`Production: Dec 1, 2025 → Dec 15, 2025 (14 days)`, or `→ present`; "" for a draft.

    The days are the difference of the two printed dates.
    """
    if version.deployed_at is None:
        return ""
    start = f"Production: {day(version.deployed_at)} → "
    if version.retired_at is None:
        return f"{start}present"
    days = (localtime(version.retired_at).date() - localtime(version.deployed_at).date()).days
    return f"{start}{day(version.retired_at)} ({days} {'day' if days == 1 else 'days'})"


def lines(version: PromptVersion) -> list[str]:
    """Return the metadata lines of a version: one for PRD, two for RET, none for a draft."""
    found = [production_line(version)] if version.deployed_at else []
    if version.replaced_by:
        found.append(f"Replaced by: {version.replaced_by}")
    return found
