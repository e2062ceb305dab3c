"""Executions added up row by row: those that no rollup holds yet."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.db.models import QuerySet

from executions.analytics import spans
from executions.analytics.figures import sums_of
from executions.models import Execution


class Key(NamedTuple):
    """What executions of one series have in common."""

    prompt: int | None  # its number: a prompt may be renamed; None once it was deleted
    prompt_name: str
    label: str
    provider: str
    model_name: str
    environment: str
    is_test: bool


class Row(NamedTuple):
    """One execution: its series, its day, what it adds to the sums, its latency."""

    key: Key
    day: int
    sums: tuple[int, ...]
    latency: int | None


KEY = ("prompt_id", "prompt_name", "label", "provider", "model_name", "environment", "is_test")
COLUMNS = (*KEY, "created_at", "status", "latency_ms", "prompt_tokens", "response_tokens", "cost_usd")


def rows(executions: QuerySet[Execution]) -> Iterator[Row]:
    """Yield each of these executions as what it adds up to."""
    return as_rows(executions.order_by().values_list(*COLUMNS).iterator(chunk_size=5_000))


def as_rows(found: Iterable[tuple[Any, ...]]) -> Iterator[Row]:
    """Yield rows of COLUMNS as Rows."""
    known: dict[tuple[Any, ...], Key] = {}
    for row in found:
        mine = row[:7]
        key = known.get(mine)
        if key is None:
            key = known[mine] = Key(*mine)
        at, status, latency, prompt_tokens, response_tokens, cost = row[7:]
        yield Row(key, spans.day_of(at), sums_of(status, latency, prompt_tokens, response_tokens, cost), latency)
