"""How much faster than counting are the analytics?    .venv/bin/python -m benchmarks.analytics [EXECUTIONS] [ROUNDS]

Fills a database with executions of the last 90 days, makes the rollups, and asks for all breakdowns both ways: from the
rollups, and by the aggregates that one would write without them (SQL, one scan and one sort for each breakdown). Both
answers must be equal, to the last hundred-millionth of a dollar.
"""

import statistics
import sys
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any

from benchmarks import scratch

PROMPTS, AGENTS, DAYS = 50, 8, 90
EACH_DAY = 86_400

# Arithmetic instead of chance: the same rows on both databases. {n} goes from 0 up.
NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})",
    "postgresql": "WITH numbers AS (SELECT n::bigint FROM generate_series(0, {last}) AS n)",
}
SAYS = {
    "sqlite": {
        "id": "printf('%032x', n + 1)", "at": "datetime({start}, '+' || (n * {seconds} / {count}) || ' seconds')",
        "no": "0", "yes": "1", "text": "substr(hex(zeroblob({length} / 2 + 1)), 1, {length})",
    },
    "postgresql": {
        "id": "lpad(to_hex(n + 1), 32, '0')::uuid",
        "at": "{start}::timestamptz + make_interval(secs => n * {seconds} / {count})",
        "no": "false", "yes": "true", "text": "repeat('0', {length})",
    },
}  # fmt: skip
FILL = """
INSERT INTO executions (execution_id, prompt_id, prompt_name, version_id, label, template_hash, content_hash,
  rendered_prompt, variables, provider, model_name, params, environment, mode, status, is_test, response_text,
  response_truncated, latency_ms, prompt_tokens, response_tokens, cost_usd, attempts, error_type, error_message,
  correlation_id, created_by, created_at, started_at, completed_at, attempt_log, idempotency_key, request_hash, worker,
  fence, in_rollup)
{numbers}
SELECT {id}, p.id, p.name, v.id, 'v' || v.major || '.' || v.minor, '', '', {prompt_text}, '{{}}', 'openai',
  CASE WHEN (n * 31) % 4 = 0 THEN 'large' ELSE 'gpt-4o-mini' END, '{{}}', 'prd', 'sync',
  CASE WHEN (n * 37) % 25 = 0 THEN 'failed' ELSE 'succeeded' END,
  CASE WHEN (n * 41) % 20 = 0 THEN {yes} ELSE {no} END, {response_text}, {no},
  CASE WHEN (n * 37) % 100 = 0 THEN NULL
       ELSE 180 + (n * 7919) % 700 + CASE WHEN (n * 43) % 12 = 0 THEN (n * 104729) % 4000 ELSE 0 END END,
  200 + (n * 53) % 1500, 20 + (n * 59) % 400, 0.00000001 * ((n * 61) % 900000), 1, '', '', '', 'benchmark', {at}, {at},
  {at}, '[]', '', '', '', 1, {no}
FROM numbers
JOIN (SELECT id, name, row_number() OVER (ORDER BY id) - 1 AS place FROM prompts) p ON p.place = (n * 7) % {prompts}
JOIN prompt_versions v ON v.prompt_id = p.id AND v.version = 1 + (n * {versions} / {count})
"""
SUMS = """
SELECT {keys}, count(*), sum(CASE WHEN e.status = 'succeeded' THEN 1 ELSE 0 END),
  sum(CASE WHEN e.status = 'failed' THEN 1 ELSE 0 END), count(e.latency_ms), sum(e.latency_ms), sum(e.prompt_tokens),
  sum(e.response_tokens), count(e.cost_usd), {cost}
FROM executions e JOIN prompts p ON p.id = e.prompt_id LEFT JOIN agents a ON a.id = p.agent_id
WHERE e.created_at >= %s AND e.created_at < %s AND NOT e.is_test GROUP BY {groups}
"""
PERCENTILES = {
    "sqlite": """
SELECT {names}, min(CASE WHEN place * 100 >= n * 50 THEN latency_ms END),
  min(CASE WHEN place * 100 >= n * 95 THEN latency_ms END)
FROM (SELECT {keys}, e.latency_ms, row_number() OVER (PARTITION BY {groups} ORDER BY e.latency_ms) AS place,
        count(*) OVER (PARTITION BY {groups}) AS n
      FROM executions e JOIN prompts p ON p.id = e.prompt_id LEFT JOIN agents a ON a.id = p.agent_id
      WHERE e.created_at >= %s AND e.created_at < %s AND NOT e.is_test AND e.latency_ms IS NOT NULL)
GROUP BY {names}
""",
    "postgresql": """
SELECT {keys}, percentile_disc(0.5) WITHIN GROUP (ORDER BY e.latency_ms),
  percentile_disc(0.95) WITHIN GROUP (ORDER BY e.latency_ms)
FROM executions e JOIN prompts p ON p.id = e.prompt_id LEFT JOIN agents a ON a.id = p.agent_id
WHERE e.created_at >= %s AND e.created_at < %s AND NOT e.is_test AND e.latency_ms IS NOT NULL GROUP BY {groups}
""",
}
COST = {
    "sqlite": "sum(CAST(round(e.cost_usd * 100000000) AS INTEGER))",
    "postgresql": "(sum(e.cost_usd) * 100000000)::bigint",
}
DAY = {"sqlite": "date(e.created_at)", "postgresql": "(e.created_at AT TIME ZONE 'UTC')::date::text"}
BREAKDOWNS = {
    "summary": ("CASE WHEN e.is_test THEN '' ELSE 'all' END",), "by_mode": ("p.mode",), "by_agent": ("a.name",),
    "by_prompt": ("p.name",), "by_version": ("p.name", "e.label"), "by_model": ("e.provider", "e.model_name"),
    "by_day": ("DAY",),
}  # fmt: skip
NAMES = {"by_agent": ("agent",), "by_prompt": ("prompt",), "by_version": ("prompt", "label"),
         "by_model": ("provider", "model_name"), "by_day": ("day",)}  # fmt: skip


def fill(count: int) -> None:
    """Prompts with versions that went to production one after the other, and so many executions of them."""
    from django.db import connection
    from django.utils import timezone

    from agents.models import Agent
    from ledger.actors import system
    from versions import guards
    from versions.models import Prompt

    scratch.fill(PROMPTS * scratch.ROUNDS * 3)
    agents = [Agent.create(by=system("benchmark"), name=f"Agent{number}") for number in range(AGENTS)]
    guards.lift()  # every fifth prompt is git's, which is fixed once it is live
    for number, prompt in enumerate(Prompt.objects.order_by("pk")):
        Prompt.objects.filter(pk=prompt.pk).update(
            agent=agents[number % AGENTS], status_key=f"S{number}", mode="tracking" if number % 5 == 0 else "full"
        )
    guards.install()
    start = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS - 1)
    says = SAYS[connection.vendor]
    quoted = f"'{start:%Y-%m-%d %H:%M:%S}'"
    seconds = int((timezone.now() - start).total_seconds())
    with connection.cursor() as cursor:
        cursor.execute(FILL.format(
            numbers=NUMBERS[connection.vendor].format(last=count - 1), prompts=PROMPTS, versions=scratch.ROUNDS,
            count=count, id=says["id"], yes=says["yes"], no=says["no"], prompt_text=says["text"].format(length=400),
            response_text=says["text"].format(length=200),
            at=says["at"].format(start=quoted, seconds=seconds, count=count),
        ))  # fmt: skip
        cursor.execute("ANALYZE")


def naive(first: Any, end: Any) -> dict[str, dict[Any, Any]]:
    """Every breakdown by two aggregates over the executions."""
    from django.db import connection

    found: dict[str, dict[Any, Any]] = {}
    with connection.cursor() as cursor:
        for breakdown, keys in BREAKDOWNS.items():
            keys = tuple(DAY[connection.vendor] if key == "DAY" else key for key in keys)
            names = [f"k{place}" for place in range(len(keys))]
            asked = {
                "keys": ", ".join(f"{key} AS {name}" for key, name in zip(keys, names, strict=True)),
                "groups": ", ".join(keys), "names": ", ".join(names), "cost": COST[connection.vendor],
            }  # fmt: skip
            cursor.execute(SUMS.format(**asked), [first, end])
            width = len(keys)
            rows = {row[:width]: list(row[width:]) for row in cursor.fetchall()}
            cursor.execute(PERCENTILES[connection.vendor].format(**asked), [first, end])
            for row in cursor.fetchall():
                rows[row[:width]] += row[width:]
            found[breakdown] = {key: _said(row) for key, row in rows.items()}
    return found


def _said(row: list[Any]) -> tuple[Any, ...]:
    count, succeeded, failed, timed, latency, prompt_tokens, response_tokens, priced, cost, p50, p95 = row
    average = (2 * int(latency) + timed) // (2 * timed)
    dollars = f"{Decimal(int(cost)).scaleb(-8).normalize() + 0:f}"
    return (count, succeeded, failed, average, p50, p95, int(prompt_tokens), int(response_tokens), dollars,
            count - priced)  # fmt: skip


def as_naive(answer: dict[str, Any]) -> dict[str, dict[Any, Any]]:
    """The same figures of what the API answers."""

    def only(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in (
            "execution_count", "succeeded", "errors", "avg_latency_ms", "p50_latency_ms", "p95_latency_ms",
            "prompt_tokens", "response_tokens", "cost_usd", "cost_unknown"))  # fmt: skip

    return {
        "summary": {("all",): only(answer["summary"])},
        "by_mode": {(mode,): only(row) for mode, row in answer["by_mode"].items()},
        **{breakdown: {tuple(row[name] for name in names): only(row) for row in answer[breakdown]}
           for breakdown, names in NAMES.items()},
    }  # fmt: skip


def main(count: int, rounds: int) -> None:
    """Fill, fold, ask both ways, compare, print."""
    scratch.prepare()
    from django.db import connection

    from executions.analytics import folding, question, spans
    from executions.analytics.reading import report
    from executions.models import Rollup, Series

    started = time.perf_counter()
    fill(count)
    print(f"{connection.vendor}: {count:,} executions made in {time.perf_counter() - started:.1f} s", flush=True)
    started = time.perf_counter()
    folding.rebuild()
    print(f"  rebuild_analytics {time.perf_counter() - started:.1f} s: {Rollup.objects.count():,} rollups of "
          f"{Series.objects.count():,} series", flush=True)  # fmt: skip
    with connection.cursor() as cursor:
        # What PostgreSQL does by itself within a minute: every row was just written twice.
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    asked = question.read({"days": str(DAYS)})
    fast, slow = [], []
    for _ in range(rounds):
        started = time.perf_counter()
        answer = as_naive(report(asked).as_json())
        fast.append(time.perf_counter() - started)
        started = time.perf_counter()
        counted = naive(spans.beginning(asked.first), spans.beginning(asked.last + 1))
        slow.append(time.perf_counter() - started)
        if answer != counted:
            sys.exit("They differ: " + str([name for name in counted if counted[name] != answer[name]]))
    quick, naively = statistics.median(fast), statistics.median(slow)
    print(f"  equal. naive {naively:.2f} s, rollups {quick * 1000:.0f} ms: {naively / quick:.0f} times faster")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:] or ("1000000", "3")))
