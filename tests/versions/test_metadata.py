"""The lines that say when a version was in production, letter for letter (S0-44, S0-45)."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from tests.factories import TESTER, make_prompt
from versions import metadata
from versions.models import PromptVersion
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def lived(start: datetime, end: datetime | None) -> PromptVersion:
    """A version that went to production at `start` and was replaced at `end`."""
    prompt = make_prompt(at=at(2025, 1, 1))
    version = prompt.versions.get().promote(by=TESTER, to="TST", seen=ANYTHING, at=at(2025, 1, 2))
    version = version.promote(by=TESTER, to="PRD", seen=ANYTHING, at=start)
    if end:
        for number in range(2):  # v1.1 takes over, v1.2 comes later: the line names v1.1
            other = version.create_new(by=TESTER, seen=ANYTHING, at=start)
            if number == 0:
                other.promote(by=TESTER, to="TST", seen=ANYTHING, at=start)
                PromptVersion.objects.get(pk=other.pk).promote(by=TESTER, to="PRD", seen=ANYTHING, at=end)
    return PromptVersion.objects.for_lists().get(pk=version.pk)


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (at(2025, 12, 1, 9), at(2025, 12, 15, 17), "Production: Dec 1, 2025 → Dec 15, 2025 (14 days)"),
        (at(2025, 12, 1, 0, 1), at(2025, 12, 1, 23, 59), "Production: Dec 1, 2025 → Dec 1, 2025 (0 days)"),
        (at(2025, 12, 1, 23, 59), at(2025, 12, 2, 0, 1), "Production: Dec 1, 2025 → Dec 2, 2025 (1 day)"),
        (at(2025, 12, 31), at(2026, 1, 1), "Production: Dec 31, 2025 → Jan 1, 2026 (1 day)"),
        (at(2028, 2, 28), at(2028, 3, 1), "Production: Feb 28, 2028 → Mar 1, 2028 (2 days)"),
    ],
)
def test_a_retired_version_says_from_when_to_when_and_what_came_after(start, end, said):
    assert metadata.lines(lived(start, end)) == [said, "Replaced by: v1.1"]


def test_what_is_in_production_says_since_when():
    assert metadata.lines(lived(at(2025, 12, 1), None)) == ["Production: Dec 1, 2025 → present"]


def test_drafts_say_nothing():
    draft = make_prompt().versions.get()
    assert metadata.lines(draft) == []
    assert metadata.lines(draft.promote(by=TESTER, to="TST", seen=ANYTHING)) == []


def test_dates_and_days_are_those_of_the_sites_time_zone():
    version = lived(at(2025, 12, 1, 23, 30), at(2025, 12, 2, 22, 30))
    with timezone.override("Europe/Berlin"):
        assert metadata.production_line(version) == "Production: Dec 2, 2025 → Dec 2, 2025 (0 days)"
    with timezone.override("America/New_York"):
        assert metadata.production_line(version) == "Production: Dec 1, 2025 → Dec 2, 2025 (1 day)"
