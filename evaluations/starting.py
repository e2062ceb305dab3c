"""Asking for a scoring: what is scored, on what, how, and what it may cost (SPEC 7). Nothing is run here."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from common.clock import DatabaseNow, database_now
from common.errors import BadInput, Conflict, NotFound
from evaluations import datasets, scorers
from evaluations.models import UNFINISHED, DatasetVersion, EvaluationRun, RunStatus
from evaluations.policy import Policy
from executions import pricing, providers
from ledger.actors import Actor
from versions.models import PromptVersion
from versions.seen import Seen

CHARACTERS_PER_TOKEN = 4
ANSWER_TOKENS = 300  # where an example says nothing of how long its answer is
# What makes two runs the same question.
QUESTION = ("prompt", "content_hash", "dataset", "scorer_hash", "repeats", "environment", "provider", "model_name",
            "params", "budget_usd")  # fmt: skip


def start(
    version: PromptVersion,
    *,
    by: Actor,
    seen: Seen | None = None,
    repeat: int | None = None,
    budget_usd: Decimal | None = None,
) -> EvaluationRun:
    """Queue a scoring of what this version says now, on its prompt's present examples, and return it.

    A run that asks the same and has not ended is returned instead of another: that would cost twice to say the same.
    Raises Conflict (409) without examples, BadInput where the estimate is above the budget.
    """
    with transaction.atomic():
        prompt = version.prompt.locked()
        fresh = PromptVersion.objects.select_related("prompt").filter(pk=version.pk).first()
        if fresh is None:
            raise NotFound(f"{version.label} was deleted in the meantime.")
        if seen is not None:
            seen.check(fresh)
        policy = Policy.of(prompt)
        dataset = datasets.current(prompt)
        if dataset is None or not dataset.count:
            said = f"'{prompt.name}' has no examples to evaluate on. Add some first."
            raise Conflict(said, code="no_examples")
        run = _row(fresh, dataset, policy, repeat or policy.repeat, budget_usd or policy.budget, by)
        under_way = EvaluationRun.objects.filter(
            status__in=UNFINISHED, **{name: getattr(run, name) for name in QUESTION}
        ).first()
        if under_way is not None:
            return under_way
        run.save(force_insert=True)
    return run


def press(version: PromptVersion, *, by: Actor, seen: Seen, **more: Any) -> EvaluationRun:
    """What the button does."""
    return start(version, by=by, seen=seen, **more)


def _row(
    version: PromptVersion, dataset: DatasetVersion, policy: Policy, repeat: int, budget: Decimal | None, by: Actor
) -> EvaluationRun:
    chosen = answerer(version, policy)
    estimate = estimated(version, dataset, chosen.name, chosen.model, repeat)
    if budget is not None and estimate is not None and estimate > budget:
        raise BadInput(
            f"This run would cost about ${estimate:.4f}, its budget is ${budget}. Raise it, or use fewer examples.",
            code="over_budget", estimated_cost_usd=str(estimate),
        )  # fmt: skip
    return EvaluationRun(
        prompt=version.prompt, version=version, version_number=version.version, label=version.label,
        content_hash=version.content_hash, dataset=dataset, scorer=scorers.read(policy.scorer).spec,
        scorer_hash=scorers.scorer_hash(policy.scorer), repeats=repeat, provider=chosen.name,
        model_name=chosen.model, params=chosen.params, environment=version.environment, threshold=policy.threshold,
        examples=dataset.count, estimated_cost_usd=estimate, budget_usd=budget, created_by=by.name,
        created_at=database_now(),
    )  # fmt: skip


def answerer(version: PromptVersion, policy: Policy) -> providers.Chosen:
    """Who would answer a run of this version. Raises BadInput for a provider that does not exist."""
    return providers.for_environment(
        version.environment, provider=policy.provider, model_name=policy.model_name, params=policy.params,
        config=version.config,
    )  # fmt: skip


def estimated(
    version: PromptVersion, dataset: DatasetVersion, provider: str, model: str, repeat: int
) -> Decimal | None:
    """About what a run costs in US dollars: by the length of what is asked and expected; None without a price."""
    asked = answered = 0
    for example in datasets.rows(dataset):
        asked += len(version.template_source) + sum(len(str(value)) for value in example.input.values())
        expected = len(str(example.expected["value"])) if example.expected else 0
        answered += expected // CHARACTERS_PER_TOKEN or ANSWER_TOKENS
    if provider == providers.choosing.OFFLINE.name:
        return Decimal(0)
    one = pricing.cost(provider, model, asked // CHARACTERS_PER_TOKEN, answered)
    return None if one is None else one * repeat


def cancel(run: EvaluationRun, *, by: Actor) -> EvaluationRun:
    """End a run that has not ended, and keep who did; what it stored stays. Raises Conflict (409) for one that has."""
    ended = EvaluationRun.objects.filter(pk=run.pk, status__in=UNFINISHED).update(
        status=RunStatus.CANCELED, completed_at=DatabaseNow(), leased_until=None,
        error_message=f"Canceled by {by.name}.",
    )  # fmt: skip
    run.refresh_from_db()
    if not ended:
        raise Conflict(f"This evaluation is {run.status} already: there is nothing to cancel.", code="finished")
    return run


def finished(run: EvaluationRun) -> None:
    """Tell those who wait for evaluations (settings.EVALUATION_FINISHED), in the transaction that ends the run."""
    for path in settings.EVALUATION_FINISHED:
        import_string(path)(run)
