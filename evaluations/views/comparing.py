"""Two versions on the same examples: which examples got better or worse, and whether that is more than chance."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from common import query
from common.errors import BadInput
from common.htmx import page_or_part
from evaluations import statistics
from evaluations.api.runs import find
from evaluations.gates import figure
from evaluations.models import EvaluationRun, Example, RunStatus
from evaluations.policy import SCORE_DIGITS, Policy
from evaluations.statistics import Comparison
from evaluations.views import matrix
from evaluations.views.words import Said
from versions.api.lookup import find_prompt, find_version
from versions.models import Prompt

PAGE = 100
MOST_RUNS = 50  # of a version, that are looked through for one on the same examples
MOST_VERSIONS = 500


@dataclass(frozen=True)
class Line:
    """One example in both runs; `change` is better, worse or same."""

    position: int
    example: Example
    left: str
    right: str
    change: str
    by: str


@require_safe
def compare(request: HttpRequest, name: str) -> HttpResponse:
    """`left` and `right` are labels of versions, or ids of runs; of versions the newest runs that can be compared."""
    prompt = find_prompt(name)
    scored = EvaluationRun.objects.filter(prompt=prompt, status=RunStatus.SUCCEEDED).exclude(score=None)
    numbers = set(scored.order_by().values_list("version_number", flat=True).distinct())
    rows = prompt.versions.filter(version__in=numbers).newest_first()
    versions = list(rows.only("major", "minor", "stage", "prompt", "version")[:MOST_VERSIONS])
    left, right = request.GET.get("left", ""), request.GET.get("right", "")
    if not right and versions:
        right = versions[0].label
    if not left and len(versions) > 1:
        live = next((one.label for one in versions if one.is_active and one.label != right), "")
        left = live or next(one.label for one in versions if one.label != right)
    context: dict[str, Any] = {"prompt": prompt, "versions": versions, "left": left, "right": right}
    if left and right:
        context |= _compared(request, prompt, left, right)
    return page_or_part(request, "evaluations/compare.html", "results", context)


def _compared(request: HttpRequest, prompt: Prompt, left: str, right: str) -> dict[str, Any]:
    pair = _pair(_runs(prompt, left), _runs(prompt, right))
    if pair is None:
        return {"apart": True}
    old, new = pair
    found = statistics.compare(old, new, confidence=Policy.of(prompt).confidence)
    rows = lines(old, new)
    counts = {kind: sum(row.change == kind for row in rows) for kind in ("worse", "better", "same")}
    only = query.choice(request.GET, "show", ("changed", "all"), default="changed")
    wanted = rows if only == "all" else [row for row in rows if row.change != "same"]
    return {
        "old": old, "new": new, "found": found, "said": said(old, new, found), "counts": counts, "only": only,
        "page": Paginator(wanted, PAGE).get_page(request.GET.get("page")),
        "left": old.label if _is_label(left) else left, "right": new.label if _is_label(right) else right,
    }  # fmt: skip


def _is_label(reference: str) -> bool:
    try:
        uuid.UUID(reference)
    except ValueError:
        return True
    return False


def _runs(prompt: Prompt, reference: str) -> list[EvaluationRun]:
    """The finished runs that a reference means, newest first. Raises NotFound or BadInput."""
    if _is_label(reference):
        number = find_version(prompt.name, reference).version
        rows = EvaluationRun.objects.filter(prompt=prompt, version_number=number, status=RunStatus.SUCCEEDED)
        return list(rows.exclude(score=None).select_related("dataset", "prompt").order_by("-created_at")[:MOST_RUNS])
    run = find(reference)
    if run.prompt_id != prompt.pk:
        raise BadInput(f"The evaluation {reference} is one of another prompt.")
    if run.score is None:
        raise BadInput(f"The evaluation {reference} has no score: there is nothing to compare.")
    return [run]


def _pair(left: list[EvaluationRun], right: list[EvaluationRun]) -> tuple[EvaluationRun, EvaluationRun] | None:
    """The newest run of the right side, with the newest of the left that saw the same examples and scorer."""
    for new in right:
        for old in left:
            same = (old.dataset.sha256, old.scorer_hash) == (new.dataset.sha256, new.scorer_hash)
            if same and old.pk != new.pk:
                return old, new
    return None


def lines(old: EvaluationRun, new: EvaluationRun) -> list[Line]:
    """Every example that both have scored: the greatest losses first, then the gains, then what stayed."""
    before, after = statistics.means(old), statistics.means(new)
    places = dict(new.results.order_by().values_list("example_id", "position"))
    examples = Example.objects.filter(items__dataset=new.dataset).only("key", "tags", "weight").in_bulk()
    found = []
    for one in set(before) & set(after):
        gain = round(after[one] - before[one], SCORE_DIGITS)
        change = "better" if gain > 0 else "worse" if gain < 0 else "same"
        row = Line(places[one], examples[one], matrix.short(before[one]), matrix.short(after[one]), change,
                   f"{'+' if gain > 0 else '−'}{figure(abs(gain))}" if gain else "")  # fmt: skip
        found.append((gain == 0, gain if gain < 0 else -gain + 1, row.position, row))
    return [row for *_, row in sorted(found, key=lambda each: each[:3])]


def said(old: EvaluationRun, new: EvaluationRun, found: Comparison) -> Said:
    """What the comparison says, in words; as the gate judges it."""
    by = figure(abs(found.drop))
    sight = f"These {found.examples} examples can show a drop of {figure(round(found.smallest_drop, 3))} or more."
    if found.drop > 0 and found.significant:
        chance = f"{_of_hundred(found.p_value)} (p = {found.p_value:.3f})"
        return Said("bad", f"{new.label} is worse by {by}", f"That is more than chance: equal versions would differ "
                                                            f"so {chance}. {sight}")  # fmt: skip
    if found.drop > 0:
        return Said("warn", f"{new.label} scores {by} lower, which may be chance",
                    f"Equal versions would differ so {_of_hundred(found.p_value)} (p = {found.p_value:.3f}): "
                    f"no proof of a drop. {sight}")  # fmt: skip
    if found.drop < 0:
        p_value = statistics.sign_test(found.better, found.worse)
        proof = "more than chance" if p_value < 1 - Policy.of(new.prompt).confidence else "which may be chance"
        return Said("good", f"{new.label} scores {by} higher, {proof}",
                    f"Equal versions would differ so {_of_hundred(p_value)} (p = {p_value:.3f}). {sight}")  # fmt: skip
    return Said("", f"{old.label} and {new.label} score the same", sight)


def _of_hundred(p_value: float) -> str:
    return "in fewer than 1 of 100 cases" if p_value < 0.01 else f"in {round(p_value * 100)} of 100 cases"
