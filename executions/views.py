"""The log of runs."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.actors import person
from common.htmx import asked_by_htmx
from executions.api import filtered, find
from executions.models import ENVIRONMENTS, Execution, Status

PAGE = 50


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Runs, newest first."""
    person(request).require("executions.view_execution")
    rows = filtered(request.GET, Execution.objects.for_lists())
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "statuses": Status.choices, "environments": ENVIRONMENTS}
    template = "executions/list.html#results" if asked_by_htmx(request) else "executions/list.html"
    return render(request, template, context)


@require_safe
def detail(request: HttpRequest, execution: str) -> HttpResponse:
    """One run: what was asked, what came back, how long and how much."""
    person(request).require("executions.view_execution")
    return render(request, "executions/detail.html", {"run": find(execution)})
