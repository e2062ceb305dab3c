"""The log of runs: the list, one run whole, running it again, ending it."""

import json
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.actors import person
from agents.models import Agent
from common.errors import Refusal
from common.htmx import asked_by_htmx, page_or_part
from executions import running, words
from executions.api.reading import filtered, find
from executions.models import ENVIRONMENTS, Execution, Mode, Status
from versions.api.lookup import find_version
from versions.models import Prompt

PAGE, RECENT, SUGGESTED = 50, 5, 300
TEST, RUN = "versions.test_promptversion", "executions.run_execution"


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Runs, newest first."""
    person(request).require("executions.view_execution")
    rows = filtered(request.GET, Execution.objects.for_lists())
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "runs": in_words(page),
        "live": any(not run.is_finished for run in page),
        "statuses": Status.choices,
        "modes": Mode.choices,
        "environments": ENVIRONMENTS,
        "narrowed": any(value for name, value in request.GET.items() if name != "page"),
    }
    if not asked_by_htmx(request):
        context["prompts"] = Prompt.objects.order_by("name").values_list("name", flat=True)[:SUGGESTED]
        context["agents"] = Agent.objects.order_by("name").values_list("name", flat=True)[:SUGGESTED]
    return page_or_part(request, "executions/list.html", "results", context)


@require_safe
def recent(request: HttpRequest, name: str, label: str) -> HttpResponse:
    """The newest runs of a version, for its own page."""
    person(request).require("executions.view_execution")
    runs = find_version(name, label).executions.for_lists().order_by("-created_at")[:RECENT]
    return render(request, "executions/_recent.html", {"runs": in_words(runs)})


def in_words(runs: Iterable[Execution]) -> list[dict[str, Any]]:
    """Runs for a list, each with what went wrong in it."""
    return [{"run": run, "explained": words.explained(run.error_type)} for run in runs]


@require_safe
def detail(request: HttpRequest, execution: str) -> HttpResponse:
    """One run: what was asked, what came back, how long and how much; it renews itself until it has its end."""
    person(request).require("executions.view_execution")
    return page_or_part(request, "executions/detail.html", "run", shown(request, find(execution)))


def shown(request: HttpRequest, run: Execution) -> dict[str, Any]:
    """What the page of a run needs."""
    by = person(request)
    attempts = [
        {"at": None, "ms": None, "retry_in": None, **entry, "said": words.explained(entry["error_type"])}
        for entry in run.attempt_log
    ]
    chat = run.prompt is not None and run.prompt.type == "chat"
    return {
        "run": run,
        "attempts": attempts,
        "variables": [(name, words.as_text(value)) for name, value in run.variables.items()],
        "how": Mode(run.mode).label,
        "waited": words.seconds_between(run.created_at, run.started_at),
        "asked": json.loads(run.rendered_prompt) if chat else None,
        "explained": words.explained(run.error_type),
        "standing": words.standing(run),
        "again_off": "" if run.version else "The version was deleted.",
        "may_run": by.may(TEST if run.is_test else RUN),
        "may_cancel": by.may(RUN) and not run.is_finished,
    }


@require_POST
def again(request: HttpRequest, execution: str) -> HttpResponse:
    """Run the same version on the same variables once more, in the background; that run's page shows how it goes."""
    run, by = find(execution), person(request)
    by.require(TEST if run.is_test else RUN)
    return redirect("executions:detail", running.run_again(run, by=by).pk)


@require_POST
def cancel(request: HttpRequest, execution: str) -> HttpResponse:
    """End a run that has no end yet."""
    person(request).require(RUN)
    run = find(execution)
    try:
        running.cancel(run)
        messages.success(request, "Canceled. What the provider still answers is thrown away.")
    except Refusal as refusal:
        messages.warning(request, refusal.detail)
    return redirect("executions:detail", run.pk)
