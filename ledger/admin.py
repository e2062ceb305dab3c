"""The ledger in the admin: to look at."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from common.canonical import CanonicalJSONField
from ledger.models import LedgerEvent


class ReadOnly(admin.ModelAdmin):
    """Nobody adds, changes or deletes here. JSON is shown as JSON."""

    actions: list[Any] | None = None

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Every field of the row, in the order of the model."""
        fields = [field for field in self.model._meta.concrete_fields if field.name != "id"]
        return [_json(field) if isinstance(field, CanonicalJSONField) else field.name for field in fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """All of them."""
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


def _json(field: CanonicalJSONField) -> Callable[[Any], str]:
    """A column that shows a field's value as JSON."""

    def said(row: Any) -> str:
        return json.dumps(getattr(row, field.name), indent=2, ensure_ascii=False)

    said.__name__ = field.name
    said.short_description = field.verbose_name  # type: ignore[attr-defined]
    return said


@admin.register(LedgerEvent)
class LedgerEventAdmin(ReadOnly):
    """Who did what, when and why."""

    list_display = ("at", "actor", "action", "prompt", "label", "from_stage", "to_stage", "reason")
    list_filter = ("action", "actor_kind")
    search_fields = ("actor", "prompt", "agent", "reason", "before_hash", "after_hash")
    date_hierarchy = "at"
    show_full_result_count = False
