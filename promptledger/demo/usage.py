"""What the demo's prompts did in the last six weeks, so that a newcomer's analytics have something to show.

No model was asked: these rows of the past are written as they would stand there, for every version that was live at the
time, with its own text filled in by the renderer. Everything else in the product makes executions by running them.
"""

import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from executions.analytics import folding
from executions.models import Execution, Status
from promptledger.demo.samples import ANSWERS, VARIABLES
from versions import templating
from versions.models import PromptVersion

DAYS = 42
MODEL, PROVIDER = "gpt-4o-mini", "openai"
PER_INPUT, PER_OUTPUT = Decimal("0.00000015"), Decimal("0.0000006")  # dollars a token
TOKEN = 4  # characters
FAILURES = (
    ("provider_timeout", "The provider did not answer within 30 s."),
    ("provider_rate_limited", "The provider takes no more requests right now (429)."),
    ("provider_server_error", "The provider answered 503."),
)
# How many days ago the provider had a bad afternoon.
OUTAGE = 17
WEEKEND = 0.35


@dataclass(frozen=True)
class Use:
    """How a prompt is used: runs on a working day, milliseconds of half of them, and what single versions do worse."""

    runs: int
    milliseconds: int
    slow: dict[str, float]  # times as slow
    failing: dict[str, float]  # share that fails, where it is not the usual


USES = {
    "SupportAgent.default": Use(10, 1_150, {"v1.1": 1.25}, {}),
    "SupportAgent.APPROVED": Use(6, 980, {"v1.1": 2.1}, {"v1.1": 0.14}),
    "SupportAgent.NOT_REGISTERED": Use(5, 1_240, {}, {}),
    "PartsClassifier.default": Use(13, 520, {"v1.3": 1.5}, {}),
    "PartsClassifier.LOW_CONFIDENCE": Use(3, 760, {}, {}),
    "DispatchAgent.default": Use(8, 690, {"v3.0": 1.4}, {"v3.0": 0.05}),
    "DispatchAgent.DELAYED": Use(2, 810, {}, {}),
    "answer-judge": Use(2, 1_480, {}, {}),
}
USUALLY = 0.012


def load(today: datetime) -> int:
    """Store the executions of the weeks before `today` and fold them. Returns how many; none where others ran."""
    if Execution.objects.filter(is_test=False).exists():
        return 0
    chance = random.Random(20)
    versions = PromptVersion.objects.select_related("prompt").exclude(deployed_at=None)
    rows = [
        row
        for version in versions.filter(prompt__name__in=USES).order_by("prompt__name", "version")
        for row in _of(version, USES[version.prompt.name], today, chance)
    ]
    Execution.objects.bulk_create(rows, batch_size=500)
    folding.fold_all()
    return len(rows)


def _of(version: PromptVersion, use: Use, today: datetime, chance: random.Random) -> list[Execution]:
    texts = _texts(version)
    live, gone = version.deployed_at, version.retired_at or today
    made = []
    for ago in range(DAYS, -1, -1):
        midnight = today.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=ago)
        busy = (WEEKEND if midnight.weekday() > 4 else 1) * (1.35 - 0.35 * ago / DAYS) * chance.uniform(0.8, 1.2)
        for _ in range(round(use.runs * busy)):
            # Most of it in the middle of the day.
            at = midnight + timedelta(hours=chance.triangular(6, 21, 13))
            if live and live <= at < gone:
                made.append(_run(version, use, at, ago == OUTAGE and at.hour in range(12, 16), texts, chance))
    return made


def _texts(version: PromptVersion) -> list[tuple[dict[str, Any], str, str]]:
    """What it was asked with, filled in, and what it answered, a few times."""
    prompt = version.prompt
    found = []
    for place, answer in enumerate(ANSWERS[prompt.name]):
        values = {
            name: VARIABLES[name][place % len(VARIABLES[name])]
            for name in templating.variables(version.template_source, kind=prompt.type, style=prompt.template_format)
        }
        filled = templating.render(version.template_source, values, kind=prompt.type, style=prompt.template_format)
        said = filled if isinstance(filled, str) else json.dumps(filled, ensure_ascii=False)
        found.append((values, said, answer))
    return found


def _run(
    version: PromptVersion, use: Use, at: datetime, outage: bool, texts: list[tuple[dict[str, Any], str, str]],
    chance: random.Random,
) -> Execution:  # fmt: skip
    values, asked, answer = chance.choice(texts)
    failed = chance.random() < (0.45 if outage else use.failing.get(version.label, USUALLY))
    took = use.milliseconds * use.slow.get(version.label, 1) * chance.lognormvariate(0, 0.38) * (2.2 if outage else 1)
    kind, message = chance.choice(FAILURES) if failed else ("", "")
    given, got = -(-len(asked) // TOKEN), round(len(answer) / TOKEN * chance.uniform(0.85, 1.2))
    latency = 30_000 if kind == "provider_timeout" else round(took)
    return Execution(
        prompt=version.prompt, prompt_name=version.prompt.name, version=version, label=version.label,
        template_hash=version.checksum_hash, content_hash=version.content_hash, rendered_prompt=asked, variables=values,
        provider=PROVIDER, model_name=MODEL, environment="prd", status=Status.FAILED if failed else Status.SUCCEEDED,
        response_text=None if failed else answer, latency_ms=latency, prompt_tokens=None if failed else given,
        response_tokens=None if failed else got,
        cost_usd=None if failed else given * PER_INPUT + got * PER_OUTPUT, attempts=3 if failed else 1,
        error_type=kind, error_message=message, correlation_id="demo", created_by="web shop (demo)", created_at=at,
        started_at=at, completed_at=at + timedelta(milliseconds=latency),
    )  # fmt: skip
