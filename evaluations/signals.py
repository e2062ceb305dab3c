"""Online signals: how a version does in use, counted over executions, and when that is worse (RELIABILITY 4.6).

Each signal is a share: of runs that failed, of answers slower than nineteen of twenty used to be, of answers without
the shape they should have. A share is worse when it is above the baseline's by more than MARGIN, and not by chance.

The baseline is what was live before, in its first healthy windows: up to BASELINE_WINDOWS of them, because one window
alone is so uncertain that at 100 runs three of 1,000 healthy windows would be taken for bad (docs/adr/0028).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median_high

from django.db.models import Count, Q, QuerySet

from evaluations import scorers, statistics
from evaluations.models import SignalWindow, WindowVerdict
from evaluations.policy import SIGNALS, Policy
from executions.models import Execution, Status
from versions.models import PromptVersion

ERRORS, LATENCY, SCHEMA = SIGNALS
MARGIN = 0.05
CONFIDENCE = 0.95  # of one window; three in a row act
BASELINE_WINDOWS = 10
SLOW = 0.05  # the share of a baseline's answers that count as slow
LONGEST_RUN = timedelta(days=1)  # a run that takes longer than that is not seen
CHECKED = 500  # answers of a window whose shape is checked, the newest


@dataclass(frozen=True)
class Counts:
    """What there was in a window, or in several."""

    samples: int = 0
    errors: int = 0
    timed: int = 0
    slow: int = 0
    p95_ms: int | None = None
    checked: int = 0
    invalid: int = 0


def baseline_of(live: PromptVersion) -> tuple[Counts, str] | None:
    """What this version is compared with, and its label: the first healthy windows of the version that was live before.

    Where those are few, the ones of the version before that count too; None where there is none at all.
    """
    healthy = SignalWindow.objects.select_related("version").filter(
        prompt=live.prompt_id, verdict=WindowVerdict.HEALTHY, version__deployed_at__lt=live.deployed_at
    )
    rows = list(healthy.order_by("-version__deployed_at", "starts_at")[:BASELINE_WINDOWS])
    if not rows:
        return None
    limits = [row.p95_ms for row in rows if row.p95_ms is not None]
    timed = sum(row.timed for row in rows)
    summed = Counts(
        samples=sum(row.samples for row in rows), errors=sum(row.errors for row in rows), timed=timed,
        slow=round(timed * SLOW), p95_ms=median_high(limits) if limits else None,
        checked=sum(row.checked for row in rows), invalid=sum(row.invalid for row in rows),
    )  # fmt: skip
    return summed, rows[0].version.label


def count(version: PromptVersion, policy: Policy, start: datetime, end: datetime, baseline: Counts | None) -> Counts:
    """Count the runs of a version in production that ended in a window. TEST runs and canceled ones are none."""
    rows = Execution.objects.filter(
        prompt=version.prompt_id, version=version, is_test=False, status__in=(Status.SUCCEEDED, Status.FAILED),
        completed_at__gte=start, completed_at__lt=end,
        created_at__gte=start - LONGEST_RUN, created_at__lt=end,
    )  # fmt: skip
    limit = baseline.p95_ms if baseline else None
    answered = Q(status=Status.SUCCEEDED, latency_ms__isnull=False)
    found = rows.aggregate(
        samples=Count("pk"), errors=Count("pk", filter=Q(status=Status.FAILED)), timed=Count("pk", filter=answered),
        slow=Count("pk", filter=answered & Q(latency_ms__gt=-1 if limit is None else limit)),
    )  # fmt: skip
    if limit is None:
        found["slow"] = 0
    checked, invalid = _shapes(rows, shape_of(version, policy))
    return Counts(**found, p95_ms=_p95(rows.filter(answered), found["timed"]), checked=checked, invalid=invalid)


def _p95(rows: "QuerySet[Execution]", number: int) -> int | None:
    if not number:
        return None
    place = min(number - 1, int(number * (1 - SLOW)))
    return rows.order_by("latency_ms").values_list("latency_ms", flat=True)[place]


def shape_of(version: PromptVersion, policy: Policy) -> scorers.Scorer | None:
    """What checks the shape of an answer: the version's response format, else a JSON schema that the policy scores by.

    None where nobody said what shape an answer has.
    """
    wanted = version.config.get("response_format")
    wanted = wanted if isinstance(wanted, dict) else {}
    if wanted.get("type") == "json_object":
        return scorers.read({"type": "json_schema", "schema": {}})
    said = wanted.get("json_schema")
    schema = said.get("schema") if isinstance(said, dict) else None
    if schema is None and policy.scorer.get("type") == "json_schema":
        schema = policy.scorer.get("schema")
    return scorers.read({"type": "json_schema", "schema": schema}) if isinstance(schema, dict) else None


def _shapes(rows: "QuerySet[Execution]", scorer: scorers.Scorer | None) -> tuple[int, int]:
    if scorer is None:
        return 0, 0
    answers = rows.filter(status=Status.SUCCEEDED, response_truncated=False).order_by("-completed_at")
    outcomes = [scorer.score(None, text or "") for text in answers.values_list("response_text", flat=True)[:CHECKED]]
    told = [outcome for outcome in outcomes if not outcome.error]
    return len(told), sum(not outcome.passed for outcome in told)


def breached(counts: Counts, baseline: Counts, policy: Policy) -> list[str]:
    """The signals that are worse than the baseline's, of those that the policy watches."""
    return [
        name
        for name, (bad, number, bad_then, number_then) in _shares(counts, baseline).items()
        if name in policy.watch
        and min(number, number_then) >= policy.min_samples
        and statistics.is_worse_share(bad, number, bad_then, number_then, margin=MARGIN, confidence=CONFIDENCE)
    ]


def _shares(counts: Counts, baseline: Counts) -> dict[str, tuple[int, int, int, int]]:
    return {
        ERRORS: (counts.errors, counts.samples, baseline.errors, baseline.samples),
        LATENCY: (counts.slow, counts.timed, baseline.slow, baseline.timed),
        SCHEMA: (counts.invalid, counts.checked, baseline.invalid, baseline.checked),
    }


def in_words(names: list[str], counts: Counts, baseline: Counts) -> str:
    """What is worse, with both figures."""
    shares = _shares(counts, baseline)
    phrases = {ERRORS: "runs that fail", LATENCY: f"answers slower than {baseline.p95_ms} ms",
               SCHEMA: "answers without their shape"}  # fmt: skip
    said = []
    for name in names:
        bad, number, bad_then, number_then = shares[name]
        said.append(f"{phrases[name]}: {bad / number:.1%}, where {bad_then / number_then:.1%} were")
    return "; ".join(said)
