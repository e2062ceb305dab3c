"""The end of a run: its score, its figures and its verdict, written once, with a line in the ledger (SPEC 7)."""

from collections import defaultdict
from statistics import fmean, quantiles
from typing import Any

from django.db import transaction

from common.clock import DatabaseNow
from evaluations import claims, must_pass, statistics
from evaluations.models import EvaluationRun, ExampleResult, RunStatus, Verdict
from evaluations.policy import Policy
from evaluations.starting import finished
from ledger import chain
from ledger.actors import system
from versions.models import Prompt, PromptVersion

BY = system("evaluation")
NAMED = 50  # failing examples that are named in the figures


def conclude(run: EvaluationRun) -> EvaluationRun:
    """Score a held run from its stored results and end it; a run that was taken over or canceled stays as it is."""
    rows = list(run.results.select_related("example").defer("actual", "detail"))
    policy = Policy.of(Prompt.objects.get(pk=run.prompt_id))
    means = _means(rows)
    score = statistics.score_of([(mean, weight) for mean, weight in means.values()])
    figures = _figures(run, rows, means, policy)
    errors = sum(row.score is None for row in rows)
    return _end(run, RunStatus.SUCCEEDED, score=score, errors=errors, figures=figures,
                verdict=verdict(run, score, errors, figures, policy))  # fmt: skip


def fail(run: EvaluationRun, said: str) -> EvaluationRun:
    """End a held run without a score; its results stay to be looked at."""
    errors = run.results.filter(score=None).count()
    return _end(run, RunStatus.FAILED, error_message=said, errors=errors, verdict=Verdict.INCONCLUSIVE)


def verdict(run: EvaluationRun, score: float | None, errors: int, figures: dict[str, Any], policy: Policy) -> str:
    """What the figures say against the threshold that the run began with; "" where there was none."""
    if run.threshold is None:
        return ""
    if score is None or run.examples < policy.min_examples:
        return Verdict.INCONCLUSIVE
    if not policy.lets_pass(errors, run.examples * run.repeats):
        return Verdict.INCONCLUSIVE
    return Verdict.PASS if score >= run.threshold and not figures["must_pass_failed"] else Verdict.FAIL


def _means(rows: list[ExampleResult]) -> dict[int, tuple[float, float]]:
    """The mean score over repeats, and the weight, of each example that has a score."""
    scores: dict[int, list[float]] = defaultdict(list)
    weights = {}
    for row in rows:
        if row.score is not None:
            scores[row.example_id].append(row.score)
            weights[row.example_id] = row.example.weight
    return {example: (fmean(found), weights[example]) for example, found in scores.items()}


def _figures(
    run: EvaluationRun, rows: list[ExampleResult], means: dict[int, tuple[float, float]], policy: Policy
) -> dict[str, Any]:
    _, failed = must_pass.asked(run, policy.must_pass)
    scores = [mean for mean, _ in means.values()]
    low, high = statistics.interval(scores, confidence=policy.confidence)
    took = sorted(row.latency_ms for row in rows if row.latency_ms is not None)
    return {
        "interval": [round(low, 4), round(high, 4)],
        "confidence": policy.confidence,
        "passed": sum(bool(row.passed) for row in rows),
        "answers": len(rows),
        "must_pass_failed": failed[:NAMED],
        "latency_ms": {"p50": _quantile(took, 50), "p95": _quantile(took, 95)},
    }


def _quantile(values: list[int], percent: int) -> float | None:
    if len(values) < 2:
        return float(values[0]) if values else None
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def _end(run: EvaluationRun, status: str, **fields: Any) -> EvaluationRun:
    with transaction.atomic():
        prompt = run.prompt.locked()
        ended = claims.held(run).update(status=status, completed_at=DatabaseNow(), leased_until=None, **fields)
        after = reread(run)
        if ended:
            _write_down(prompt, after)
            finished(after)
    return after


def _write_down(prompt: Prompt, run: EvaluationRun) -> None:
    detail = {"evaluation": str(run.pk), "status": run.status, "score": run.score, "threshold": run.threshold,
              "verdict": run.verdict, "dataset": run.dataset.number, "examples": run.examples,
              "errors": run.errors}  # fmt: skip
    version = PromptVersion.objects.filter(prompt=prompt, version=run.version_number).first()
    if version is not None:
        version.prompt = prompt
        entry = version.entry("evaluated", detail=detail)
    else:
        entry = prompt.entry("evaluated", label=run.label, detail=detail)
    chain.append(prompt, by=BY, entries=[entry], at=run.completed_at)


def reread(run: EvaluationRun) -> EvaluationRun:
    """The run as it is in the database."""
    return EvaluationRun.objects.select_related("prompt", "dataset", "version").get(pk=run.pk)
