"""Prompts with a past: versions that were live, proofs for their texts, and one that does badly."""

from typing import Any

from evaluations import concluding, datasets
from evaluations.models import EvaluationRun, ExampleResult
from tests.evaluations.gating import ask_for, evidence, gated
from tests.factories import TESTER
from versions.models import PromptVersion
from versions.seen import ANYTHING


def live(name: str = "gated", *, versions: int = 2, examples: int = 4, **policy: Any) -> PromptVersion:
    """The newest of so many versions that went to production, each with a proof; the policy is set after that."""
    version = gated(name, examples=examples)
    for number in range(versions):
        if number:
            version = version.create_new(
                by=TESTER, seen=ANYTHING, template_source=f"Hello {{{{ name }}}}{' ' * number}"
            )
            version = version.promote(by=TESTER, to="TST", seen=ANYTHING)
        evidence(version, 0.95, scores=[1.0] * examples, verdict="pass", age=30)
        version = version.promote(by=TESTER, to="PRD", seen=ANYTHING)
    ask_for(version.prompt, **policy)
    return fresh(version)


def fresh(version: PromptVersion) -> PromptVersion:
    """The version as it is now."""
    return PromptVersion.objects.select_related("prompt").get(pk=version.pk)


def scored(version: PromptVersion, score: float | None, *, status: str = "succeeded", scores: list[float] | None = None,
           **fields: Any) -> EvaluationRun:  # fmt: skip
    """A run of what the version says now that a worker holds, and that ends with this score the way runs end."""
    run = evidence(version, None, status="running", fence=1, completed_at=None, **fields)
    rows = list(datasets.rows(run.dataset))
    each = scores or [score] * len(rows)
    for position, (example, one) in enumerate(zip(rows, each, strict=True), 1):
        ExampleResult.objects.create(
            run=run, example=example, position=position, score=one, passed=one is not None and one >= 0.5,
            error="" if one is not None else "no answer",
        )  # fmt: skip
    return concluding.conclude(run) if status == "succeeded" else concluding.fail(run, "Broken off.")


def labels(version: PromptVersion) -> dict[str, str]:
    """Each version's stage by its label."""
    rows = PromptVersion.objects.filter(prompt=version.prompt_id).order_by("version")
    return {row.label: row.stage for row in rows}
