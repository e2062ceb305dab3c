"""Doing what a plan says, through the lifecycle's own methods, as a named system actor (SPEC 8).

Everything but promotions to production stands or falls together. Then each of those is asked for by itself: the gate
lets it through or blocks it, and a version that is blocked stays in TST.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from agents.models import DEFAULT_STATUS_KEY, Agent
from common.errors import BadInput, Conflict, Refusal
from evaluations import datasets, gates, running, starting
from evaluations.policy import Policy
from ledger.actors import system
from repository import restoring, steps
from repository.steps import Plan, Step
from versions.exceptions import StaleView
from versions.gates import GateFailed
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING, Seen
from versions.stages import Stage

BY = system("import_prompts")
CHUNK = 200
Done = Callable[[int], object]


@dataclass
class Outcome:
    """What came of a plan: versions that went to production, and those that were blocked, with the reasons."""

    released: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)


def apply(plan: Plan, *, note: str = "", evaluate: bool = True, done: Done = lambda number: None) -> Outcome:
    """Do everything. `note` (a commit, for one) goes into the ledger; `evaluate`: score what the gate will ask for.

    Raises Refusal, and then nothing of the first part was done: also where somebody changed a prompt in the meantime.
    """
    reason = f"Imported from prompt files{f' ({note})' if note else ''}"
    try:
        with transaction.atomic():
            _first_part(plan, reason, done)
    except StaleView as error:
        said = f"{error.detail} Nothing was imported: somebody changed it in the meantime. Run it again."
        raise Conflict(said, code="stale") from error
    except ValidationError as error:
        raise BadInput(f"Nothing was imported: {' '.join(error.messages)}") from error
    except IntegrityError as error:
        said = "Nothing was imported: somebody made one of these at the same time. Run it again."
        raise Conflict(said, code="busy") from error
    outcome = Outcome()
    for step in plan.steps:
        if step.do == steps.RELEASE:
            _release(step, reason, evaluate, outcome)
            done(1)
    return outcome


def _first_part(plan: Plan, reason: str, done: Done) -> None:
    agents = {name: _agent(name, said) for name, said in plan.agents.items()}
    agents |= {agent.name: agent for agent in Agent.objects.filter(name__in=_agents_named(plan))}
    histories = [step.history for step in plan.steps if step.history]
    for start in range(0, len(histories), CHUNK):
        restoring.restore(histories[start : start + CHUNK], agents, by=BY, seen=done)
    for step in plan.steps:
        if step.do in HANDLERS:
            HANDLERS[step.do](step, agents, reason)
            done(1)


def _agent(name: str, said: dict[str, Any]) -> Agent:
    """Make an agent, as the registry describes it."""
    fields = {key: value for key, value in said.items() if key != "created_at"}
    return Agent.create(by=BY, name=name, at=said.get("created_at"), **fields)


def _agents_named(plan: Plan) -> set[str]:
    named = {step.history.metadata.agent for step in plan.steps if step.history}
    return {name for name in {*named, *(step.fields.get("agent") for step in plan.steps)} if name}


def _create(step: Step, agents: dict[str, Agent], reason: str) -> None:
    fields = _with_agent(step.fields, agents)
    text: dict[str, Any] = {}
    if step.file:
        message = step.file.commit_message or reason
        text = {"template_source": step.file.text, "config": step.file.config, "commit_message": message}
    fields.setdefault("status_key", DEFAULT_STATUS_KEY)
    prompt = Prompt.create(by=BY, name=step.name, **fields, **text)
    step.made = prompt.versions.first()


def _describe(step: Step, agents: dict[str, Agent], reason: str) -> None:
    Prompt.objects.get(name=step.name).change(by=BY, **_with_agent(step.fields, agents))


def _with_agent(fields: dict[str, Any], agents: dict[str, Agent]) -> dict[str, Any]:
    return {key: agents[value] if key == "agent" and value else value for key, value in fields.items()}


def _draft(step: Step, agents: dict[str, Agent], reason: str) -> None:
    file, prompt = step.file, Prompt.objects.get(name=step.name)
    assert file is not None  # noqa: S101  (repository.plans)
    newest = prompt.versions.select_related("prompt").newest_first().first()
    message = file.commit_message or reason
    if newest is None:
        step.made = prompt.first_draft(by=BY, text=file.text, config=file.config, commit_message=message)
        return
    config = file.config if file.config_said else None
    step.made = newest.create_new(
        by=BY, seen=ANYTHING, template_source=file.text, config=config, commit_message=message, **step.fields
    )


def _edit(step: Step, agents: dict[str, Agent], reason: str) -> None:
    file, row = step.file, _row(step)
    assert file is not None  # noqa: S101  (repository.plans)
    config = file.config if file.config_said else None
    message = file.commit_message or None
    step.made = row.edit(by=BY, seen=Seen.of(row), template_source=file.text, config=config, commit_message=message)


def _to_test(step: Step, agents: dict[str, Agent], reason: str) -> None:
    row = _row(step)
    step.made = row.promote(by=BY, to=Stage.TST, seen=Seen.of(row), reason=reason)


def _examples(step: Step, agents: dict[str, Agent], reason: str) -> None:
    datasets.replace(
        Prompt.objects.get(name=step.name), by=BY, examples=step.items, note=reason[: datasets.NOTE_LENGTH]
    )


HANDLERS: dict[str, Callable[[Step, dict[str, Agent], str], None]] = {
    steps.CREATE: _create,
    steps.DESCRIBE: _describe,
    steps.DRAFT: _draft,
    steps.EDIT: _edit,
    steps.TEST: _to_test,
    steps.EXAMPLES: _examples,
}


def _row(step: Step) -> PromptVersion:
    """The version that a step is done to: what the step before it made, else the one that was planned with."""
    row = step.after.made if step.after else step.version
    assert isinstance(row, PromptVersion)  # noqa: S101  (repository.plans)
    return row


def _release(step: Step, reason: str, evaluate: bool, outcome: Outcome) -> None:
    """Ask for the promotion to production; score first, where the gate asks for a score that is not there."""
    row = PromptVersion.objects.select_related("prompt").get(pk=_row(step).pk)
    called = f"{step.name} {row.label}"
    try:
        if evaluate and _lacks_evidence(row):
            running.work(starting.start(row, by=BY).pk)
        row.promote(by=BY, to=Stage.PRD, seen=Seen.of(row), reason=reason)
    except GateFailed as error:
        unmet = [one["detail"] for one in error.data["conditions"] if not one["met"]]
        outcome.blocked.append(f"{called} stays in {row.stage}. {' '.join(unmet)}")
    except Refusal as error:
        outcome.blocked.append(f"{called} stays in {row.stage}. {error.detail}")
    else:
        outcome.released.append(called)


def _lacks_evidence(row: PromptVersion) -> bool:
    policy, dataset = Policy.of(row.prompt), datasets.current(row.prompt)
    if policy.threshold is None or dataset is None or not dataset.count:
        return False
    return gates.evidence(row, dataset, policy) is None
