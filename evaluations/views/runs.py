"""One evaluation: how far it is, what came of every example, and what its verdict means."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from accounts.actors import person
from common import query
from common.errors import NotFound, Refusal
from common.htmx import page_or_part
from evaluations import starting
from evaluations.api.runs import RUN, find
from evaluations.models import ExampleResult
from evaluations.scorers.texts import DIFF_LIMIT, in_form_of
from evaluations.scorers.texts import said as as_text
from evaluations.views import matrix, words
from versions import diffs

SHOWN = ("all", "failed", "errors")
TEXT_LIMIT = 50_000  # characters of an answer that a page shows


@require_safe
def detail(request: HttpRequest, evaluation: str) -> HttpResponse:
    """The run; it renews itself until it has its end."""
    run, may_run = find(evaluation), person(request).may(RUN)
    only = query.choice(request.GET, "show", SHOWN, default="all")
    page = matrix.page(run, only, request.GET.get("page"))
    context = {
        "run": run,
        "prompt": run.prompt,
        "live": words.is_live(run),
        "progress": words.progress(run),
        "standing": words.standing(run),
        "evidence": words.evidence(run),
        "scorer": words.scorer(run.scorer),
        "lines": words.lines(run),
        "page": page,
        "rows": matrix.rows(run, page),
        "repeats": range(1, run.repeats + 1),
        "only": only,
        "counts": matrix.counts(run),
        "may_run": may_run,
        "may_cancel": words.is_live(run) and may_run,
    }
    return page_or_part(request, "evaluations/run.html", "run", context)


@require_POST
def cancel(request: HttpRequest, evaluation: str) -> HttpResponse:
    """End a run that has no end yet."""
    by = person(request)
    by.require(RUN)
    run = find(evaluation)
    try:
        starting.cancel(run, by=by)
        messages.success(request, "Canceled. What was answered until then stays here.")
    except Refusal as refusal:
        messages.warning(request, refusal.detail)
    return redirect("evaluations:run", run.pk)


@require_safe
def example(request: HttpRequest, evaluation: str, position: int) -> HttpResponse:
    """What came of one example: input, expected, and each answer with what differs; `beside` shows another run's."""
    run = find(evaluation)
    results = list(run.results.filter(position=position).select_related("example"))
    if not results:
        raise NotFound(f"Example {position} of this evaluation is not answered, or not there.")
    one = results[0].example
    other = find(request.GET["beside"]) if request.GET.get("beside") else None
    others = list(other.results.filter(example=one).select_related("example")) if other else []
    expected = one.expected["value"] if one.expected else None
    context = {
        "run": run, "prompt": run.prompt, "example": one, "position": position, "beside": other,
        "expected": as_text(expected) if one.expected else None,
        "results": [_drawn(result, one.expected) for result in results],
        "others": [_drawn(result, one.expected) for result in others],
        "rows": _answers(others, results),
        "previous": run.results.filter(position__lt=position).order_by("-position").values_list("position", flat=True)
        .first(),
        "next": run.results.filter(position__gt=position).order_by("position").values_list("position", flat=True)
        .first(),
    }  # fmt: skip
    return page_or_part(request, "evaluations/result.html", "result", context)


def _drawn(result: ExampleResult, expected: dict[str, Any] | None) -> dict[str, Any]:
    """A result with what differs drawn side by side, where the scorer found a difference of texts."""
    rows = None
    if expected is not None and "diff" in result.detail:
        actual = in_form_of(expected["value"], result.actual)
        rows = diffs.side_by_side(as_text(expected["value"])[:DIFF_LIMIT], actual[:DIFF_LIMIT])
    cut = len(result.actual) > (DIFF_LIMIT if rows else TEXT_LIMIT)
    return {"result": result, "rows": rows, "notes": words.notes(result.detail), "mark": matrix.mark(result),
            "actual": result.actual[:TEXT_LIMIT], "cut": cut}  # fmt: skip


def _answers(left: list[ExampleResult], right: list[ExampleResult]) -> Any:
    """The first answers of both runs beside each other; None where one of them has none."""
    if not left or not right or left[0].error or right[0].error:
        return None
    return diffs.side_by_side(left[0].actual[:DIFF_LIMIT], right[0].actual[:DIFF_LIMIT])
