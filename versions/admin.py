"""Prompts and versions in the admin. No form edits a text, a stage or a date; actions obey the table."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.actors import person
from accounts.governed import Governed
from common.errors import Refusal
from ledger.admin import ReadOnly
from versions.actions import MATRIX, MORE, Action, perform
from versions.models import Prompt, PromptVersion
from versions.seen import Seen
from versions.stages import PROMOTIONS

# What a list can do to many rows at once: presses that need no more than the row. Edit and test have their page;
# a rollback needs a reason for each, and asks for it there.
IN_BULK = [action for action in (*MATRIX, *MORE) if action.name not in ("edit", "test", "rollback")]


@admin.register(Prompt)
class PromptAdmin(Governed):
    """Describe, archive; what agents rely on is fixed once a version has left DEV."""

    to_remove = "versions.delete_prompt"
    list_display = ("name", "agent", "status_key", "mode", "type", "live", "owner_team", "archived_at")
    list_filter = ("mode", "type", "agent", ("archived_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "title", "description", "agent__name")
    fields = ("name", "agent", "status_key", "title", "description", "owner_team", "type", "template_format",
              "metadata", "mode", "created_by", "created_at", "archived_at")  # fmt: skip
    readonly_fields = ("mode", "created_by", "created_at", "archived_at")

    def get_queryset(self, request: HttpRequest) -> Any:
        """With agent and production version, in a fixed number of queries."""
        return Prompt.objects.for_lists()

    @admin.display(description="Live")
    def live(self, prompt: Prompt) -> str:
        """The label in production."""
        return prompt.production.label if prompt.production else "–"

    def get_readonly_fields(self, request: HttpRequest, obj: Prompt | None = None) -> tuple[str, ...]:
        """What the model would refuse to change is not offered."""
        fixed = Prompt.IDENTITY if obj and obj.has_left_dev() else ()
        return (*self.readonly_fields, *fixed)


def bulk(action: Action, stage: str | None = None) -> Callable[..., None]:
    """Make the admin action for a row of the table; a promotion names the stage it starts from, as its button does."""

    def press(admin_site: "VersionAdmin", request: HttpRequest, queryset: Any) -> None:
        data = {"to": PROMOTIONS[stage]} if stage else {}
        for version in queryset.select_related("prompt"):
            seen = Seen(stage, version.revision) if stage else Seen.of(version)
            try:
                perform(action.name, version, by=person(request), seen=seen, **data)
            except Refusal as refusal:
                admin_site.message_user(request, f"{version}: {refusal.detail}", messages.ERROR)
            else:
                admin_site.message_user(request, f"{version}: done.")

    label = action.label_in(stage) if stage else str(action.label)
    press.short_description = label  # type: ignore[attr-defined]
    press.__name__ = f"{action.name}_{PROMOTIONS[stage].lower()}" if stage else f"{action.name}_selected"
    return press


@admin.register(PromptVersion)
class VersionAdmin(ReadOnly):
    """Look, and press; a draft is edited on its page."""

    list_display = ("prompt", "said_label", "stage", "revision", "commit_message", "created_by", "updated_at",
                    "deployed_at", "retired_at", "page")  # fmt: skip
    list_filter = ("stage", "prompt__mode", "prompt__agent", ("archived_at", admin.EmptyFieldListFilter))
    search_fields = ("prompt__name", "commit_message", "template_source", "checksum_hash")
    list_select_related = ("prompt",)
    show_full_result_count = False
    actions = [
        made
        for action in IN_BULK
        for made in ([bulk(action, stage) for stage in PROMOTIONS] if action.name == "promote" else [bulk(action)])
    ]

    @admin.display(description="Version", ordering="version")
    def said_label(self, version: PromptVersion) -> str:
        """v2.3."""
        return version.label

    @admin.display(description="Page")
    def page(self, version: PromptVersion) -> SafeString:
        """Where it is edited and tested."""
        return format_html('<a href="{}/">open</a>', version.path)
