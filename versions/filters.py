"""Search and filters over prompts, for pages and API alike (django-filter)."""

from typing import Any

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet

from agents.models import Agent
from common.errors import BadInput
from common.query import flag
from versions.models import Prompt, PromptVersion
from versions.models.prompt import Mode
from versions.stages import Stage

ORDERINGS = ("name", "created_at", "status_key")
WORDS = 10  # each costs a search through every text; further ones are not looked at


class PromptFilter(django_filters.FilterSet):
    """Agent, status key, mode, stage, tag, and a search over names, titles, descriptions and texts."""

    search = django_filters.CharFilter(method="by_words", label="Search", max_length=200)
    agent = django_filters.CharFilter(field_name="agent__name", label="Agent")
    status_key = django_filters.CharFilter(label="Status key")
    mode = django_filters.ChoiceFilter(choices=Mode.choices, label="Mode", empty_label="Any mode")
    stage = django_filters.ChoiceFilter(
        choices=Stage.choices, method="by_stage", label="Stage", empty_label="Any stage"
    )
    tag = django_filters.CharFilter(field_name="tag_rows__name", label="Tag")
    ordering = django_filters.OrderingFilter(fields=ORDERINGS)

    class Meta:
        model = Prompt
        fields = ("search", "agent", "status_key", "mode", "stage", "tag")

    def by_words(self, rows: QuerySet, name: str, words: str) -> QuerySet:
        """Every word somewhere in name, title, description, agent or the text of a version."""
        for word in list(dict.fromkeys(words.split()))[:WORDS]:
            said = PromptVersion.objects.filter(prompt=OuterRef("pk"), template_source__icontains=word)
            rows = rows.filter(
                Q(name__icontains=word)
                | Q(title__icontains=word)
                | Q(description__icontains=word)
                | Q(agent__name__icontains=word)
                | Exists(said)
            )
        return rows

    def by_stage(self, rows: Any, name: str, stage: str) -> QuerySet:
        """Prompts that have a version there."""
        return rows.in_stage(stage)

    @property
    def agents(self) -> QuerySet:
        """The agents one can choose from."""
        return Agent.objects.current().values_list("name", flat=True)


def filtered(query: Any, rows: QuerySet) -> QuerySet:
    """Return the rows that a query asks for; with `archived` the archived ones, else the others. Raises BadInput."""
    found = PromptFilter(query, queryset=rows)
    if not found.is_valid():
        errors = {name: list(said) for name, said in found.errors.items()}
        name, said = next(iter(errors.items()))
        raise BadInput(f"Parameter '{name}': {said[0]}", errors=errors)
    shown = found.qs.filter(archived_at__isnull=not flag(query, "archived"))
    return shown if query.get("ordering") else shown.order_by("name")
