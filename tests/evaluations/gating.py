"""Prompts under a gate, and evidence for their versions, as a finished run leaves it."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from evaluations import datasets, scorers
from evaluations.items import Item
from evaluations.models import EvaluationRun, ExampleResult
from evaluations.policy import Policy, merged
from tests.factories import TESTER, make_prompt
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING

METADATA = {"inputs": {"name": "who is greeted"}, "outputs": {"text": "the greeting"}}


def gated(name: str = "gated", examples: int = 4, **policy: Any) -> PromptVersion:
    """A version in TST whose prompt is described, has examples and asks for a score of 0.85; it evaluates nothing."""
    prompt = make_prompt(name=name, description="Greets.", metadata=METADATA, template_source="Hello {{ name }}")
    ask_for(prompt, **{"threshold": 0.85, "auto_evaluate": False, **policy})
    if examples:
        give_examples(prompt, examples)
    return prompt.versions.get().promote(by=TESTER, to="TST", seen=ANYTHING)


def ask_for(prompt: Prompt, **policy: Any) -> None:
    """Set keys of the policy."""
    prompt.refresh_from_db()
    prompt.change(by=TESTER, evaluation=merged(prompt, policy))
    prompt.refresh_from_db()


def give_examples(prompt: Prompt, count: int, greeting: str = "Hello") -> None:
    """Replace the examples."""
    rows = [Item(f"ex-{n}", {"name": f"n{n}"}, {"value": f"{greeting} n{n}"}) for n in range(count)]
    datasets.replace(prompt, by=TESTER, examples=rows)


def evidence(version: PromptVersion, score: float | None = 0.9, *, scores: list[float] | None = None, age: int = 0,
             **fields: Any) -> EvaluationRun:  # fmt: skip
    """A finished run of what the version says now, on the present examples; `scores` are those of the examples."""
    version.refresh_from_db()
    version.prompt.refresh_from_db()
    dataset, policy = datasets.current(version.prompt), Policy.of(version.prompt)
    assert dataset is not None
    moment = timezone.now() - timedelta(days=age)
    run = EvaluationRun.objects.create(**{
        "prompt": version.prompt, "version": version, "version_number": version.version, "label": version.label,
        "content_hash": version.content_hash, "dataset": dataset, "scorer": policy.scorer,
        "scorer_hash": scorers.scorer_hash(policy.scorer), "environment": version.environment, "status": "succeeded",
        "score": score, "threshold": policy.threshold, "examples": dataset.count, "created_by": "tests",
        "created_at": moment, "completed_at": moment, **fields,
    })  # fmt: skip
    rows = list(datasets.rows(dataset))
    for position, (example, one) in enumerate(zip(rows, scores or [], strict=False)):
        ExampleResult.objects.create(run=run, example=example, position=position, score=one, passed=one == 1)
    return run
