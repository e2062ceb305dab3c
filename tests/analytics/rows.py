"""Executions as they could have been, and what they add up to by plain Python: the naive recount."""

import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.timezone import get_default_timezone

from executions.models import Execution
from versions.models import Prompt, PromptVersion

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make_execution(version: PromptVersion | None = None, **fields: Any) -> Execution:
    """A finished execution of a version, as it is stored."""
    if version:
        fields = {"prompt": version.prompt, "prompt_name": version.prompt.name, "version": version,
                  "label": version.label, **fields}  # fmt: skip
    status = fields.setdefault("status", "succeeded")
    unfinished = status in ("queued", "running")
    defaults: dict[str, Any] = {
        "label": "v1.0", "template_hash": "", "content_hash": "", "rendered_prompt": "", "provider": "offline",
        "model_name": "gpt-4o-mini", "environment": "prd", "created_by": "tests", "created_at": START,
        "response_text": "said" if status == "succeeded" else None,
        "latency_ms": None if unfinished else 100, "prompt_tokens": None if unfinished else 10,
        "response_tokens": None if unfinished else 5,
        "cost_usd": None if unfinished else Decimal("0.00012345"),
    }  # fmt: skip
    return Execution.objects.create(**{**defaults, **fields})


def scatter(versions: list[PromptVersion], count: int, *, seed: int, days: int = 40) -> list[Execution]:
    """Many executions of these versions over some days, some failed, some without latency or cost, some TEST runs."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        status = chance.choices(("succeeded", "failed", "canceled", "queued", "running"), (80, 10, 3, 4, 3))[0]
        finished = status not in ("queued", "running")
        made.append(make_execution(
            chance.choice(versions),
            status=status,
            created_at=START + timedelta(seconds=chance.randrange(days * 86_400)),
            latency_ms=chance.choice((None, int(chance.lognormvariate(6, 1)), 100)) if finished else None,
            prompt_tokens=chance.choice((None, chance.randrange(5_000))) if finished else None,
            response_tokens=chance.choice((None, chance.randrange(900))) if finished else None,
            cost_usd=chance.choice((None, Decimal(0), Decimal(chance.randrange(10**8)).scaleb(-8))) if finished else None,
            is_test=chance.random() < 0.2,
            environment=chance.choice(("dev", "prd")),
            model_name=chance.choice(("gpt-4o-mini", "large")),
        ))  # fmt: skip
    return made


def figures(rows: Iterable[Execution]) -> dict[str, Any]:
    """What these rows add up to, the slow way."""
    rows = list(rows)
    latencies = sorted(row.latency_ms for row in rows if row.latency_ms is not None)
    costs = [row.cost_usd for row in rows if row.cost_usd is not None]
    errors = sum(row.status == "failed" for row in rows)

    def percentile(percent: int) -> int | None:
        return latencies[math.ceil(len(latencies) * percent / 100) - 1] if latencies else None

    return {
        "execution_count": len(rows),
        "succeeded": sum(row.status == "succeeded" for row in rows),
        "errors": errors,
        "canceled": sum(row.status == "canceled" for row in rows),
        "error_rate": round(errors / len(rows), 4) if rows else 0.0,
        "avg_latency_ms": math.floor(sum(latencies) / len(latencies) + 0.5) if latencies else 0,
        "p50_latency_ms": percentile(50),
        "p95_latency_ms": percentile(95),
        "prompt_tokens": sum(row.prompt_tokens or 0 for row in rows),
        "response_tokens": sum(row.response_tokens or 0 for row in rows),
        "cost_usd": f"{sum(costs, Decimal(0)).normalize() + 0:f}",
        "cost_unknown": len(rows) - len(costs),
    }


def day_of(row: Execution) -> str:
    """The day of a row in the site's time zone."""
    return row.created_at.astimezone(get_default_timezone()).date().isoformat()


def recount(rows: Iterable[Execution]) -> dict[str, Any]:
    """The breakdowns of the answer for these rows, each as {what names a row: figures}."""
    rows = list(rows)
    prompts = {one.pk: one for one in Prompt.objects.select_related("agent")}

    def prompt(row: Execution) -> Any:
        return prompts.get(row.prompt_id)

    def name(row: Execution) -> str:
        return prompt(row).name if prompt(row) else f"{row.prompt_name} (deleted)"

    def agent(row: Execution) -> str | None:
        return prompt(row).agent.name if prompt(row) and prompt(row).agent else None

    def mode(row: Execution) -> str:
        return prompt(row).mode if prompt(row) else "full"

    def by(key: Callable[[Execution], Any]) -> dict[Any, Any]:
        groups = defaultdict(list)
        for row in rows:
            groups[key(row)].append(row)
        return {key: figures(group) for key, group in groups.items()}

    return {
        "summary": figures(rows),
        "by_mode": by(mode),
        "by_agent": by(agent),
        "by_prompt": by(name),
        "by_version": by(lambda row: (name(row), row.label)),
        "by_model": by(lambda row: (row.provider, row.model_name)),
        "by_day": by(day_of),
    }


NAMED_BY = {"by_agent": ("agent",), "by_prompt": ("prompt",), "by_version": ("prompt", "label"),
            "by_model": ("provider", "model_name"), "by_day": ("day",)}  # fmt: skip
FIGURES = tuple(figures([]))


def of_answer(answer: dict[str, Any]) -> dict[str, Any]:
    """The same of what the API answered: without modes that nothing ran in."""

    def only(row: dict[str, Any]) -> dict[str, Any]:
        return {name: row[name] for name in FIGURES}

    found: dict[str, Any] = {
        "summary": only(answer["summary"]),
        "by_mode": {mode: only(row) for mode, row in answer["by_mode"].items() if row["execution_count"]},
    }
    for breakdown, names in NAMED_BY.items():
        rows = {tuple(row[name] for name in names): only(row) for row in answer[breakdown]}
        assert len(rows) == len(answer[breakdown])
        found[breakdown] = {key[0] if len(names) == 1 else key: row for key, row in rows.items()}
    return found
