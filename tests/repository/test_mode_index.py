"""The index of modes is what the database asks, where one mode is rare (S1-7, S1-59, S1-66)."""

import pytest
from django.db import connection

from tests.factories import make_prompt, make_tracking_prompt
from versions.models import Prompt
from versions.models.prompt import Mode

pytestmark = pytest.mark.django_db


def plan(*columns: str) -> str:
    """How the database finds the prompts of one mode. Asked with other columns it is not taken from a cache."""
    return Prompt.objects.filter(mode=Mode.TRACKING).order_by().values(*columns).explain()


def test_prompts_of_one_mode_are_found_by_the_index_and_without_it_all_are_read():
    make_prompt(template_source=None)
    Prompt.objects.bulk_create(Prompt(name=f"p{number}", status_key=f"{number}") for number in range(3_000))
    make_tracking_prompt(name="rare")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE prompts")
        assert "idx_prompts_mode" in plan("id")
        assert [prompt.name for prompt in Prompt.objects.filter(mode=Mode.TRACKING)] == ["rare"]
        cursor.execute("DROP INDEX idx_prompts_mode")
        assert "idx_prompts_mode" not in plan("id", "mode")
