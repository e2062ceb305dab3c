"""Executions in the admin: to look at."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest

from executions.models import ENVIRONMENTS, Execution, ProviderSetting, Series
from ledger.admin import ReadOnly


class Among(admin.SimpleListFilter):
    """A filter by values that are known from elsewhere: to list those that occur, all of the log would be read."""

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """The rows that have the value."""
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class ByEnvironment(Among):
    """By whose provider answered."""

    title = parameter_name = "environment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All there are."""
        return [(name, name) for name in ENVIRONMENTS]


class ByProvider(Among):
    """By who answered."""

    title = parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Those of the settings, those that an admin set up, and those that are in the analytics."""
        rows = (source.objects.order_by().values_list(name, flat=True).distinct()
                for source, name in ((ProviderSetting, "name"), (Series, "provider")))  # fmt: skip
        return [(name, name) for name in sorted({*settings.PROVIDERS, *(name for names in rows for name in names)})]


@admin.register(Execution)
class ExecutionAdmin(ReadOnly):
    """Every run."""

    list_display = (
        "created_at",
        "prompt_name",
        "label",
        "environment",
        "status",
        "provider",
        "latency_ms",
        "created_by",
    )
    list_filter = ("status", ByEnvironment, "is_test", ByProvider)
    search_fields = ("execution_id", "prompt_name", "created_by")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> Any:
        """Lists without the long texts."""
        return Execution.objects.for_lists().select_related("prompt", "version")
