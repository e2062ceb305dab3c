"""The metrics of GET /metrics: executions from the rollups, the queue, the ledger, what there is."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, Min
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

from common.clock import database_now
from evaluations.models import EvaluationRun
from executions import leases
from executions.analytics.collecting import collect
from executions.analytics.figures import Figures
from executions.analytics.question import Question
from executions.models import Execution, Status, unfinished
from ledger.models import LedgerEvent
from promptledger import __version__
from versions.models import Prompt, PromptVersion

# Seconds; the latencies are whole milliseconds, so each bucket is exact.
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300)
OF = ("provider", "model", "environment", "test")
COUNTED = {Status.SUCCEEDED: "succeeded", Status.FAILED: "failed", Status.CANCELED: "canceled"}


def everything() -> Iterator[Metric]:
    """Yield each metric with its values."""
    yield InfoMetricFamily("promptledger", "The version that answers.", {"version": __version__})
    yield from executions()
    yield from queue()
    yield from _by_count(
        CounterMetricFamily("promptledger_ledger_events", "What was done, by action.", labels=("action",)),
        LedgerEvent.objects.order_by().values_list("action").annotate(number=Count("pk")),
    )
    yield from _by_count(
        GaugeMetricFamily("promptledger_versions", "Versions, by stage.", labels=("stage",)),
        PromptVersion.objects.order_by().values_list("stage").annotate(number=Count("pk")),
    )
    yield from _by_count(
        GaugeMetricFamily("promptledger_prompts", "Prompts, by mode.", labels=("mode",)),
        Prompt.objects.order_by().values_list("mode").annotate(number=Count("pk")),
    )
    yield from _by_count(
        GaugeMetricFamily(
            "promptledger_evaluation_runs", "Evaluations, by status and verdict.", labels=("status", "verdict")
        ),
        EvaluationRun.objects.order_by().values_list("status", "verdict").annotate(number=Count("pk")),
    )


def executions() -> Iterator[Metric]:
    """Runs that have their end, their tokens, cost and latency: every one since the beginning, TEST runs apart."""
    ended = CounterMetricFamily("promptledger_executions", "Runs that have their end.", labels=(*OF, "status"))
    tokens = CounterMetricFamily("promptledger_tokens", "Tokens in and out.", labels=(*OF, "direction"))
    cost = CounterMetricFamily("promptledger_cost_usd", "What runs cost, where the price is known.", labels=OF)
    unknown = CounterMetricFamily("promptledger_cost_unknown", "Runs whose cost is not known.", labels=OF)
    latency = HistogramMetricFamily("promptledger_latency_seconds", "How long the provider took.", labels=OF)
    for of, figures in sorted(_figures().items()):
        for status, name in COUNTED.items():
            ended.add_metric((*of, status.value), getattr(figures, name))
        tokens.add_metric((*of, "in"), figures.prompt_tokens)
        tokens.add_metric((*of, "out"), figures.response_tokens)
        cost.add_metric(of, float(figures.cost_usd))
        unknown.add_metric(of, figures.succeeded + figures.failed + figures.canceled - figures.priced)
        latency.add_metric(of, _buckets(figures), figures.latency_ms / 1_000)
    yield from (ended, tokens, cost, unknown, latency)


def _figures() -> dict[tuple[str, ...], Figures]:
    found: dict[tuple[str, ...], Figures] = defaultdict(Figures)
    for key, figures in collect(Question(include_tests=True)).by_series.items():
        of = (key.provider, key.model_name, key.environment, str(key.is_test).lower())
        found[of].add(figures.sums, figures.blocks)
    return found


def _buckets(figures: Figures) -> list[tuple[str, float]]:
    """How many latencies lie within each bound, exactly."""
    within = [
        (
            floatToGoString(bound),
            float(sum(before[bisect_right(values, bound * 1_000)] for values, before in figures.blocks)),
        )
        for bound in BUCKETS
    ]
    return [*within, ("+Inf", float(figures.timed))]


def queue() -> Iterator[Metric]:
    """Runs without an end, and how long the oldest of those that a worker could take has waited."""
    open_ones = Execution.objects.filter(unfinished())
    waiting = GaugeMetricFamily(
        "promptledger_executions_unfinished", "Runs without an end.", labels=("status", "provider")
    )
    counted = {(Status.QUEUED.value, ""): 0, (Status.RUNNING.value, ""): 0}
    rows = open_ones.order_by().values_list("status", "provider").annotate(number=Count("pk"))
    counted |= {(status, provider): number for status, provider, number in rows}
    for of, number in sorted(counted.items()):
        waiting.add_metric(of, number)
    yield waiting
    due = Execution.objects.order_by().filter(leases.due()).aggregate(number=Count("pk"), oldest=Min("created_at"))
    yield GaugeMetricFamily("promptledger_queue_due", "Runs that a worker could take now.", value=due["number"])
    yield GaugeMetricFamily(
        "promptledger_queue_oldest_seconds", "How long the oldest of them is there.", value=_age(due["oldest"])
    )


def _age(oldest: datetime | None) -> float:
    return max((database_now() - oldest).total_seconds(), 0.0) if oldest else 0.0


def _by_count(metric: Any, rows: Any) -> Iterator[Metric]:
    for *of, number in sorted(rows, key=str):
        metric.add_metric([str(one) for one in of], number)
    yield metric
