"""Agents in the admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.governed import Governed
from agents.models import Agent


@admin.register(Agent)
class AgentAdmin(Governed):
    """Create, describe, archive; delete only what has drafts alone."""

    to_remove = "agents.delete_agent"
    list_display = (
        "name",
        "primary_status_key",
        "active_default_prompt",
        "number_of_prompts",
        "archived_at",
        "created_at",
    )
    list_filter = (("archived_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "description")
    fields = ("name", "description", "primary_status_key", "active_default_prompt", "created_at", "archived_at")
    readonly_fields = ("active_default_prompt", "created_at", "archived_at")

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the number of prompts."""
        return Agent.objects.with_numbers()

    @admin.display(description="Active default prompt id", ordering="default_prompt_id")
    def active_default_prompt(self, agent: Agent) -> int | None:
        """The version in production under the primary status key: derived, so it cannot be set."""
        return agent.active_default_prompt_id if agent.pk else None

    @admin.display(description="Prompts", ordering="prompts_count")
    def number_of_prompts(self, agent: Agent) -> int:
        """How many prompts it has."""
        return agent.prompts_count

    def get_readonly_fields(self, request: HttpRequest, obj: Agent | None = None) -> tuple[str, ...]:
        """A name is fixed from the start: programs ask by it."""
        return (*self.readonly_fields, "name") if obj else self.readonly_fields
