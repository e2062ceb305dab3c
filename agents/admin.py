"""Agents in the admin: every change goes through the model's own methods, so that the ledger knows it."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import ActionLocation
from django.db.models import Count
from django.forms import ModelForm
from django.http import HttpRequest

from accounts.actors import person
from agents.models import Agent
from common.errors import Refusal


@admin.register(Agent)
class AgentAdmin(admin.ModelAdmin):
    """Create, describe, archive; delete only what has drafts alone."""

    list_display = ("name", "primary_status_key", "prompts_count", "archived_at", "created_at")
    list_filter = (("archived_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "description")
    fields = ("name", "description", "primary_status_key", "created_at", "archived_at")
    readonly_fields = ("created_at", "archived_at")
    actions = ("archive", "unarchive", "delete_unused")

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the number of prompts."""
        return super().get_queryset(request).annotate(number=Count("prompts"))

    @admin.display(description="Prompts", ordering="number")
    def prompts_count(self, agent: Any) -> int:
        """How many prompts it has."""
        return agent.number

    def get_readonly_fields(self, request: HttpRequest, obj: Agent | None = None) -> tuple[str, ...]:
        """A name is fixed from the start: programs ask by it."""
        return (*self.readonly_fields, "name") if obj else self.readonly_fields

    def get_actions(
        self, request: HttpRequest, action_location: ActionLocation = ActionLocation.CHANGE_LIST
    ) -> dict[str, Any]:
        """Without Django's own deletion, which would go past the rules."""
        found = super().get_actions(request, action_location)
        found.pop("delete_selected", None)
        return found

    def has_delete_permission(self, request: HttpRequest, obj: Agent | None = None) -> bool:
        """Deleting is an action that asks the model."""
        return False

    def save_model(self, request: HttpRequest, obj: Agent, form: ModelForm, change: bool) -> None:
        """Create or change with a ledger entry."""
        given = {name: form.cleaned_data[name] for name in form.cleaned_data}
        if change:
            obj.change(by=person(request), **given)
        else:
            obj.pk = Agent.create(by=person(request), **given).pk

    @admin.action(description="Archive", permissions=["change"])
    def archive(self, request: HttpRequest, queryset: Any) -> None:
        """Hide from lists."""
        for agent in queryset:
            agent.archive(by=person(request))

    @admin.action(description="Unarchive", permissions=["change"])
    def unarchive(self, request: HttpRequest, queryset: Any) -> None:
        """Show in lists again."""
        for agent in queryset:
            agent.archive(by=person(request), archived=False)

    @admin.action(description="Delete agents that have drafts only", permissions=["change"])
    def delete_unused(self, request: HttpRequest, queryset: Any) -> None:
        """Delete, or say why not, agent by agent."""
        for agent in queryset:
            try:
                person(request).require("agents.delete_agent")
                agent.remove(by=person(request))
            except Refusal as refusal:
                self.message_user(request, refusal.detail, messages.ERROR)
            else:
                self.message_user(request, f"{agent} is deleted.")
