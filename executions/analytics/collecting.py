"""Collecting what is asked for: from the rollups, and row by row what is in none of them yet."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min, Q, QuerySet

from executions.analytics import live, spans
from executions.analytics.figures import SUMS, Figures
from executions.analytics.latencies import block, unpacked
from executions.analytics.live import Key, Row
from executions.analytics.question import Question
from executions.models import Execution, Rollup, RollupState

TRIES = 5
SERIES = (
    "series__prompt_id", "series__prompt_name", "series__label", "series__provider", "series__model_name",
    "series__environment", "series__is_test",
)  # fmt: skip


@dataclass
class Collected:
    """Sums and latencies by series and by day."""

    by_series: dict[Key, Figures] = field(default_factory=lambda: defaultdict(Figures))
    by_day: dict[int, Figures] = field(default_factory=lambda: defaultdict(Figures))
    rows: int = 0  # how many were added one by one

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Add executions one by one."""
        of_series: dict[Key, list[int]] = defaultdict(list)
        of_day: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            self.rows += 1
            self.by_series[row.key].add(row.sums)
            self.by_day[row.day].add(row.sums)
            if row.latency is not None:
                of_series[row.key].append(row.latency)
                of_day[row.day].append(row.latency)
        for key, latencies in of_series.items():
            self.by_series[key].blocks.append(block(latencies))
        for day, latencies in of_day.items():
            self.by_day[day].blocks.append(block(latencies))


def collect(question: Question) -> Collected:
    """Add up what is asked for, each execution once.

    Rollups and rows are read one after the other. When somebody folded in between, both are read again; so nobody has
    to wait for a lock.
    """
    for _ in range(TRIES):
        state = _state()
        found = _collected(question, state)
        if _state() == state:
            return found
    with transaction.atomic():
        return _collected(question, _state(locked=True))


def _state(*, locked: bool = False) -> tuple[int, str] | None:
    rows = RollupState.objects.select_for_update() if locked else RollupState.objects
    return rows.filter(pk=1).values_list("generation", "time_zone").first()


def _collected(question: Question, state: tuple[int, str] | None) -> Collected:
    found = Collected()
    rows = asked_for(question)
    # Days that were counted in another time zone are others: until the next fold makes them anew, rows count.
    if state and state[1] == settings.TIME_ZONE:
        _add_rollups(question, found)
        rows = rows.filter(in_rollup=False)
    found.add_rows(live.rows(rows))
    return found


def asked_for(question: Question) -> QuerySet[Execution]:
    """The executions that are asked for."""
    chosen = Execution.objects.filter(question.of_prompts("prompt_id"))
    if not question.include_tests:
        chosen = chosen.filter(is_test=False)
    if question.first:
        chosen = chosen.filter(created_at__gte=spans.beginning(question.first))
    if question.last:
        chosen = chosen.filter(created_at__lt=spans.beginning(question.last + 1))
    return chosen


def _add_rollups(question: Question, found: Collected) -> None:
    rollups = Rollup.objects.order_by()
    if not question.include_tests:
        rollups = rollups.filter(is_test=False)
    of_series = rollups.filter(question.of_prompts("series__prompt_id"), series__isnull=False)
    days = rollups.filter(span=1, series__isnull=False).aggregate(earliest=Min("first"), latest=Max("first"))
    if days["earliest"] is None:
        return
    first, last = max(question.first or 0, days["earliest"]), min(question.last or days["latest"], days["latest"])
    if first > last:
        return
    for *key, sums, blocks in _rows(of_series.filter(_within(first, last)), *SERIES):
        found.by_series[Key(*key)].add(sums, blocks)
    of_all = rollups.filter(series__isnull=True) if not question.of_some else of_series.filter(span=1)
    for day, sums, blocks in _rows(of_all.filter(first__range=(first, last)), "first"):
        found.by_day[day].add(sums, blocks)


def _within(first: int, last: int) -> Q:
    """Rollups that make up these days, each day once."""
    starts: dict[int, list[int]] = defaultdict(list)
    for length, start in spans.cover(first, last):
        starts[length].append(start)
    return reduce(or_, (Q(span=length, first__in=found) for length, found in starts.items()))


def _rows(rollups: QuerySet[Rollup], *names: str) -> Iterable[Any]:
    """Yield the named columns of each rollup, its sums, and its latencies as a list of one block or none."""
    wanted = len(names)
    for row in rollups.values_list(*names, *SUMS, "latencies").iterator(chunk_size=5_000):
        latencies = unpacked(row[-1])
        yield *row[:wanted], row[wanted:-1], [latencies] if latencies[0] else ()
