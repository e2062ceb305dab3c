"""Evaluations in the admin: to look at. What is stored here is proof; nobody adds, changes or deletes it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from evaluations.models import Approval, DatasetVersion, EvaluationRun, Example, ExampleResult, Notice
from ledger.admin import ReadOnly


class Looked(ReadOnly):
    """Rows to look at, with a link to their page; `seen_with` is the permission where the model has none of its own."""

    show_full_result_count = False
    seen_with = ""
    to_page = "page"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may see what these rows are part of may see them."""
        return request.user.has_perm(self.seen_with) if self.seen_with else super().has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The same for the list of tables."""
        return self.has_view_permission(request) or super().has_module_permission(request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Every field, and the way to the page."""
        return [*super().get_fields(request, obj), *([self.to_page] if self.to_page else [])]


@admin.register(DatasetVersion)
class DatasetVersionAdmin(Looked):
    """The states of prompts' examples."""

    list_display = ("prompt", "number", "count", "added", "changed", "removed", "note", "created_by", "created_at")
    search_fields = ("prompt__name", "sha256", "note")
    list_select_related = ("prompt",)
    ordering = ("-created_at",)

    @admin.display(description="Examples")
    def page(self, dataset: DatasetVersion) -> SafeString:
        """Where they are shown."""
        url = reverse("evaluations:examples", args=[dataset.prompt.name])
        return format_html('<a href="{}?dataset={}">{} examples</a>', url, dataset.number, dataset.count)


@admin.register(Example)
class ExampleAdmin(Looked):
    """Examples, also those that no present dataset has."""

    seen_with = "evaluations.view_datasetversion"
    to_page = ""
    list_display = ("prompt", "key", "weight", "created_at")
    search_fields = ("prompt__name", "key", "content_hash")
    list_select_related = ("prompt",)
    ordering = ("-created_at",)


@admin.register(EvaluationRun)
class EvaluationRunAdmin(Looked):
    """Runs."""

    list_display = ("created_at", "prompt", "label", "status", "verdict", "score", "threshold", "examples", "errors",
                    "created_by")  # fmt: skip
    list_filter = ("status", "verdict", "environment", "provider")
    search_fields = ("id", "prompt__name", "label", "content_hash", "created_by")
    list_select_related = ("prompt",)

    @admin.display(description="Answers")
    def page(self, run: EvaluationRun) -> SafeString:
        """Where they are shown, and as rows."""
        rows = reverse("admin:evaluations_exampleresult_changelist")
        of_run = urlencode({"run__id__exact": str(run.pk)})
        return format_html('<a href="{}">The page</a>, <a href="{}?{}">the rows</a>',
                           reverse("evaluations:run", args=[run.pk]), rows, of_run)  # fmt: skip


@admin.register(ExampleResult)
class ExampleResultAdmin(Looked):
    """What came of each example."""

    seen_with = "evaluations.view_evaluationrun"
    list_display = ("run", "position", "repeat", "key", "score", "passed", "error", "latency_ms")
    list_filter = ("passed",)
    search_fields = ("run__id", "example__key")
    list_select_related = ("run", "example")
    ordering = ("-run__created_at", "position", "repeat")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Lists without the long texts."""
        return super().get_queryset(request).defer("actual", "detail")

    @admin.display(description="Example")
    def key(self, result: ExampleResult) -> str:
        """Its id."""
        return result.example.key

    @admin.display(description="Page")
    def page(self, result: ExampleResult) -> SafeString:
        """Where it is shown with what was expected."""
        url = reverse("evaluations:result", args=[result.run_id, result.position])
        return format_html('<a href="{}">Expected and actual</a>', url)


@admin.register(Approval)
class ApprovalAdmin(Looked):
    """Who approved what."""

    to_page = ""
    list_display = ("created_at", "prompt", "version", "approved_by", "reason")
    search_fields = ("prompt__name", "approved_by", "content_hash")
    list_select_related = ("prompt", "version__prompt")


@admin.register(Notice)
class NoticeAdmin(Looked):
    """Alerts and proposals, open and closed."""

    to_page = ""
    list_display = ("created_at", "prompt", "label", "kind", "proposal", "text", "resolution", "resolved_by")
    list_filter = ("kind", "proposal", "resolution")
    search_fields = ("prompt__name", "text")
    list_select_related = ("prompt",)
