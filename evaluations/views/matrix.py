"""The results of a run as a table: a row for each example, a cell for each repeat."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q

from evaluations.gates import figure
from evaluations.models import DatasetItem, EvaluationRun, Example, ExampleResult

PAGE = 100


@dataclass(frozen=True)
class Mark:
    """One answer in a word: colour (pass, fail, error) and what stands there."""

    kind: str
    said: str
    why: str = ""


@dataclass(frozen=True)
class Line:
    """One example of a run; a cell is None where it is not answered yet."""

    position: int
    example: Example
    cells: list[Mark | None]
    mean: str


def mark(result: ExampleResult) -> Mark:
    """How one answer did."""
    if result.score is None:
        return Mark("error", "error", result.error)
    return Mark("pass" if result.passed else "fail", short(result.score))


def short(score: float) -> str:
    """A score in a cell: at most three digits, and nothing rounded up to a full 1."""
    if 0.9995 <= score < 1:
        return "0.999"
    return figure(round(score, 3))


def page(run: EvaluationRun, only: str, number: Any) -> Page[DatasetItem]:
    """A page of the run's examples: all of them, or those with a failed answer, or with an error."""
    rows = DatasetItem.objects.filter(dataset=run.dataset_id).select_related("example").order_by("position")
    if only != "all":
        rows = rows.filter(position__in=_answers(run, only).values("position"))
    return Paginator(rows, PAGE).get_page(number)


def _answers(run: EvaluationRun, only: str) -> Any:
    return run.results.filter(**({"score": None} if only == "errors" else {"passed": False})).order_by()


def rows(run: EvaluationRun, shown: Page[DatasetItem]) -> list[Line]:
    """The lines of a page."""
    items = list(shown)
    answers = run.results.filter(position__in=[item.position for item in items]).defer("actual", "detail")
    found: dict[int, dict[int, ExampleResult]] = defaultdict(dict)
    for answer in answers:
        found[answer.position][answer.repeat] = answer
    return [_line(run, item, found[item.position]) for item in items]


def _line(run: EvaluationRun, item: DatasetItem, answers: dict[int, ExampleResult]) -> Line:
    scores = [answer.score for answer in answers.values() if answer.score is not None]
    cells = [mark(answers[repeat]) if repeat in answers else None for repeat in range(1, run.repeats + 1)]
    return Line(item.position, item.example, cells, short(fmean(scores)) if scores else "")


def counts(run: EvaluationRun) -> list[tuple[str, str, int]]:
    """What the table can be narrowed to: (name, words, how many examples)."""
    found = run.results.aggregate(
        failed=Count("position", filter=Q(passed=False), distinct=True),
        errors=Count("position", filter=Q(score=None), distinct=True),
    )
    return [("all", "All", run.examples), ("failed", "Failed", found["failed"]), ("errors", "Errors", found["errors"])]
