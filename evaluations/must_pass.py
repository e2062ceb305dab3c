"""Examples that must pass, whatever the score: those with a tag that the policy names (RELIABILITY 4.4)."""

from collections.abc import Iterable

from django.db.models import Q

from common.canonical import canonical_json
from evaluations.models import EvaluationRun


def asked(run: EvaluationRun, tags: Iterable[str]) -> tuple[set[str], list[str]]:
    """Which of these tags the run's examples bear, and the ids of those with one that did not pass each time."""
    wanted = set(tags)
    said = Q()
    for tag in wanted:
        said |= Q(example__tags__contains=canonical_json(tag))  # as it stands in the stored list
    rows = run.results.filter(said) if wanted else run.results.none()
    bearing, failing = set[str](), set[str]()
    for key, own, passed in rows.order_by().values_list("example__key", "example__tags", "passed"):
        bearing |= wanted & set(own)
        if not passed and wanted & set(own):
            failing.add(key)
    return bearing, sorted(failing)
