"""The page of analytics, and its figures as CSV."""

from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from accounts.actors import person
from agents.models import Agent
from common import query
from common.htmx import page_or_part
from executions.analytics import export, question, screen
from executions.analytics.reading import report
from executions.models import Execution
from versions.models import Prompt

DAYS = 30
RANGES = (("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "A year"), ("all", "All time"))
MOST_CHOICES = 500
NEEDS = "executions.view_execution"


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Tiles, charts over time with what went live, and tables."""
    viewer = person(request)
    viewer.require(NEEDS)
    asked = read(request)
    found = report(asked)
    steps = screen.columns(found)
    live = screen.went_live(asked, steps) if viewer.may("ledger.view_ledgerevent") else []
    context = {
        "asked": asked, "found": found, "ranges": RANGES, "chosen": _range(request), "modes": question.MODES[1:],
        "agents": Agent.objects.order_by("name").values_list("name", flat=True)[:MOST_CHOICES],
        "prompts": Prompt.objects.order_by("name").values_list("name", flat=True)[:MOST_CHOICES],
        "breakdowns_as_csv": export.BREAKDOWNS,
    }  # fmt: skip
    if found.total.executions:
        marks = screen.marks_of(live, steps)
        context |= {
            "tiles": screen.tiles(found), "charts": screen.over_time(steps, marks), "marks": screen.kinds_of(marks),
            "live": live, "tables": screen.breakdowns(found), "before": screen.length_of(asked),
        }  # fmt: skip
    else:
        context |= {"ever": Execution.objects.filter(is_test=False).exists(), "tests": Execution.objects.exists()}
    return page_or_part(request, "analytics/page.html", "results", context)


@require_safe
def as_csv(request: HttpRequest) -> StreamingHttpResponse:
    """One breakdown as CSV: `by` names it."""
    person(request).require(NEEDS)
    by = query.choice(request.GET, "by", export.BREAKDOWNS, default="day")
    return StreamingHttpResponse(
        export.lines(report(read(request)), by),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="analytics-by-{by}.csv"'},
    )


def read(request: HttpRequest) -> question.Question:
    """What the page's form asks: days written into it go before the choice of a range; without either, a month."""
    given: dict[str, Any] = request.GET.dict()
    if given.get("from") or given.get("to") or given.get("days") == "all":
        given.pop("days", None)
        return question.read(given)
    return question.read(given, days=DAYS)


def _range(request: HttpRequest) -> str:
    if request.GET.get("from") or request.GET.get("to"):
        return ""
    return request.GET.get("days") or str(DAYS)
