"""The admin of things whose every change is in the ledger: made, changed and removed by their model's own methods."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import ActionLocation
from django.forms import ModelForm
from django.http import HttpRequest

from accounts.actors import person
from common.errors import Refusal


class Governed(admin.ModelAdmin):
    """For models with create, change, archive and remove. `to_remove` is the permission that removing takes."""

    to_remove = ""
    actions = ("archive", "unarchive", "delete_unused")

    def get_actions(
        self, request: HttpRequest, action_location: ActionLocation = ActionLocation.CHANGE_LIST
    ) -> dict[str, Any]:
        """Without Django's own deletion, which would go past the rules."""
        found = super().get_actions(request, action_location)
        found.pop("delete_selected", None)
        return found

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deleting is an action that asks the model."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        """Create or change with a ledger entry; a change is made on the row as it is, not as the form left it."""
        if change:
            self.model._default_manager.get(pk=obj.pk).change(by=person(request), **form.cleaned_data)
        else:
            obj.pk = self.model.create(by=person(request), **form.cleaned_data).pk

    @admin.action(description="Archive", permissions=["change"])
    def archive(self, request: HttpRequest, queryset: Any) -> None:
        """Hide from lists."""
        for row in queryset:
            row.archive(by=person(request))

    @admin.action(description="Unarchive", permissions=["change"])
    def unarchive(self, request: HttpRequest, queryset: Any) -> None:
        """Show in lists again."""
        for row in queryset:
            row.archive(by=person(request), archived=False)

    @admin.action(description="Delete what has drafts only", permissions=["change"])
    def delete_unused(self, request: HttpRequest, queryset: Any) -> None:
        """Delete, or say why not, row by row."""
        for row in queryset:
            try:
                person(request).require(self.to_remove)
                row.remove(by=person(request))
            except Refusal as refusal:
                self.message_user(request, refusal.detail, messages.ERROR)
            else:
                self.message_user(request, f"{row} is deleted.")
