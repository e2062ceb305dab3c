"""Executions in the admin: to look at."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from executions.models import Execution
from ledger.admin import ReadOnly


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
    list_filter = ("status", "environment", "is_test", "provider")
    search_fields = ("execution_id", "prompt_name", "created_by")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> Any:
        """Lists without the long texts."""
        return super().get_queryset(request).select_related("prompt", "version")
