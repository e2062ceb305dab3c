"""The evaluations of a prompt: the list, and the score of each version against the threshold."""

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.actors import person
from common import query
from common.htmx import page_or_part
from evaluations import datasets, scorers
from evaluations.api.runs import RUN, shown
from evaluations.gates import figure
from evaluations.models import EvaluationRun, RunStatus, Verdict
from evaluations.policy import Policy
from evaluations.views import words
from executions.analytics import charts
from executions.analytics.charts import Chart, Mark, Place
from versions.api.lookup import find_prompt, find_version
from versions.metadata import day
from versions.models import Prompt, PromptVersion

PAGE = 50
MOST_VERSIONS = 60  # in the chart
MOST_RUNS = 2_000  # that are looked through for it
LABELS = 12
FLOORS = (0.9, 0.8, 0.5)


@dataclass(frozen=True)
class Point:
    """The newest score of a version; `present` where it is one on the present examples, text and scorer."""

    version: PromptVersion
    run: EvaluationRun
    present: bool


@require_safe
def listing(request: HttpRequest, name: str) -> HttpResponse:
    """Runs, newest first, below the line of scores."""
    prompt = find_prompt(name)
    page = Paginator(_narrowed(request, prompt), PAGE).get_page(request.GET.get("page"))
    found = points(prompt)
    context = {
        "prompt": prompt,
        "page": page,
        "live": any(words.is_live(run) for run in page),
        "chart": chart(found, Policy.of(prompt)) if found else None,
        "points": found,
        "statuses": RunStatus.choices,
        "verdicts": Verdict.choices,
        "narrowed": any(request.GET.get(key) for key in ("version", "status", "verdict")),
        "newest": prompt.versions.current().newest_first().first(),
        "may_run": person(request).may(RUN),
    }
    return page_or_part(request, "evaluations/list.html", "results", context)


def _narrowed(request: HttpRequest, prompt: Prompt) -> Any:
    rows = shown().filter(prompt=prompt)
    if reference := request.GET.get("version"):
        rows = rows.filter(version_number=find_version(prompt.name, reference).version)
    if status := query.choice(request.GET, "status", RunStatus.values):
        rows = rows.filter(status=status)
    if verdict := query.choice(request.GET, "verdict", Verdict.values):
        rows = rows.filter(verdict=verdict)
    return rows


def points(prompt: Prompt) -> list[Point]:
    """The versions that have a score, oldest first, each with its newest run."""
    runs: dict[int, EvaluationRun] = {}
    scored = EvaluationRun.objects.filter(prompt=prompt, status=RunStatus.SUCCEEDED).exclude(score=None)
    for run in scored.select_related("dataset").defer("figures", "params").order_by("-created_at")[:MOST_RUNS]:
        runs.setdefault(run.version_number, run)
    versions = prompt.versions.filter(version__in=runs).defer("template_source", "config").newest_first()
    dataset, policy = datasets.current(prompt), Policy.of(prompt)
    scorer = scorers.scorer_hash(policy.scorer)

    def present(version: PromptVersion, run: EvaluationRun) -> bool:
        same_examples = dataset is not None and run.dataset.sha256 == dataset.sha256
        return same_examples and run.scorer_hash == scorer and run.content_hash == version.content_hash

    found = [Point(one, runs[one.version], present(one, runs[one.version])) for one in versions[:MOST_VERSIONS]]
    return found[::-1]


def chart(found: list[Point], policy: Policy) -> Chart:
    """A line through the scores, a dot for each; the threshold; a mark for every version that went live."""
    scores = [point.run.score or 0.0 for point in found]
    lowest = min([*scores, *([policy.threshold] if policy.threshold is not None else [])])
    floor = next((one for one in FLOORS if lowest > one), 0.0)
    heights = [(score - floor) / (1 - floor) for score in scores]
    step = charts.WIDTH / len(found)
    lines = [(charts.line(heights, 1), "first")]
    legend = [("Score", "first")]
    if policy.threshold is not None:
        level = round(charts.HEIGHT * (1 - (policy.threshold - floor) / (1 - floor)), 2)
        lines.append((f"M0 {level} H{charts.WIDTH}", "third"))
        legend.append((f"Threshold {figure(policy.threshold)}", "third"))
    for present, kind, said in ((True, "dot", ""), (False, "old", "Other examples, scorer or text")):
        alone = [height if point.present == present else None for point, height in zip(found, heights, strict=True)]
        dots = " ".join(_dot(at, height, step) for at, height in enumerate(alone) if height is not None)
        lines += [(dots, kind)] if dots else []
        legend += [(said, kind)] if dots and said else []
    rows = [_row(point) for point in found]
    return Chart(
        title="Score of each version", name="scores", legend=legend,
        ticks=[figure(1), figure((1 + floor) / 2), figure(floor)],
        columns=["Version", "Score", "Threshold", "Verdict", "Evaluated", "Went live"], rows=rows,
        places=[Place(round(at * step, 2), round(step, 2), _told(point)) for at, point in enumerate(found)],
        labels=_labels([point.version.label for point in found]),
        marks=[Mark(round((at + 0.5) * step, 2), f"{point.version.label} went live on {day(point.version.deployed_at)}")
               for at, point in enumerate(found) if point.version.deployed_at],
        lines=lines,
    )  # fmt: skip


def _dot(at: int, height: float, step: float) -> str:
    return f"M{round((at + 0.5) * step, 2)} {round(charts.HEIGHT * (1 - height), 2)} h0.01"


def _row(point: Point) -> list[str]:
    run, live = point.run, point.version.deployed_at
    return [point.version.label, figure(run.score or 0.0), "–" if run.threshold is None else figure(run.threshold),
            run.get_verdict_display() or "–", day(run.created_at), day(live) if live else "–"]  # fmt: skip


def _told(point: Point) -> str:
    said = f"{point.version.label}: score {figure(point.run.score or 0.0)} on {point.run.examples} examples"
    return said if point.present else f"{said}, not on the present examples, scorer and text"


def _labels(names: list[str]) -> list[str]:
    if len(names) <= LABELS:
        return names
    return [names[0], names[len(names) // 2], names[-1]]
