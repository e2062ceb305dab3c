"""Writing the migration: agents, prompts and versions in bulk, by the legal moves, in the caller's transaction."""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import batched
from typing import Any

from agents.models import DEFAULT_STATUS_KEY, Agent
from common.clock import database_now
from ledger import chain
from ledger.actors import Actor
from repository.legacy.plans import AT_ONCE, MIGRATED, Step
from versions.models import Prompt, PromptVersion, moving
from versions.stages import PROMOTIONS, Stage

TITLE = "Migrated Default Prompt"  # S4-33


def write(
    steps: Iterable[Step], *, by: Actor, source: str, done: Callable[[int], object] = lambda number: None
) -> None:
    """Make the prompt of every step that says so: v1.0, through DEV and TST into PRD, each move in the ledger.

    `source` goes into the reason. The caller holds the transaction: it all stands, or none of it.
    """
    wanted = (step for step in steps if step.outcome == MIGRATED)
    for batch in batched(wanted, AT_ONCE):
        _write(batch, by, f"Moved from {source}", database_now())
        done(len(batch))


def _write(steps: tuple[Step, ...], by: Actor, reason: str, moment: datetime) -> None:
    agents = _agents(steps, by, moment)
    prompts: list[Any] = [
        Prompt(name=step.legacy.name, agent=agent, status_key=DEFAULT_STATUS_KEY, title=TITLE, created_by=by.name,
               created_at=moment)
        for step, agent in zip(steps, agents, strict=True)
    ]  # fmt: skip
    Prompt.objects.bulk_create(prompts)
    versions = [
        PromptVersion.prepare(prompt, by, step.legacy.text, {}, reason, moment, is_default_from_code=True)
        for step, prompt in zip(steps, prompts, strict=True)
    ]
    PromptVersion.objects.bulk_create(versions)
    entries = [
        [prompt.entry("prompt_created", detail={"type": prompt.type, "mode": prompt.mode}), _created(version)]
        for prompt, version in zip(prompts, versions, strict=True)
    ]
    for stage in (PROMOTIONS[Stage.DEV], PROMOTIONS[Stage.TST]):
        moving.step(versions, stage, moment)
        for version, said in zip(versions, entries, strict=True):
            said.append(_promoted(version, reason))
    chain.append_many(zip(prompts, entries, strict=True), by=by, at=moment, also=Prompt.HIGH_WATER)


def _agents(steps: tuple[Step, ...], by: Actor, moment: datetime) -> list[Agent]:
    """The agent of each step; those that are not there are made."""
    made = Agent.objects.bulk_create(
        [Agent(name=step.legacy.agent, created_at=moment) for step in steps if step.agent is None]
    )
    chain.append_many(
        [(agent, [agent.entry("agent_created", {"description": ""})]) for agent in made], by=by, at=moment
    )
    of_name = {agent.name: agent for agent in made}
    return [step.agent or of_name[step.legacy.agent] for step in steps]


def _created(version: PromptVersion) -> chain.Entry:
    return version.entry("created", to_stage=version.stage, after_hash=version.content_hash)


def _promoted(version: PromptVersion, reason: str) -> chain.Entry:
    return version.entry(
        "promoted", from_stage=version.came_from, to_stage=version.stage, reason=reason,
        before_hash=version.content_hash, after_hash=version.content_hash,
    )  # fmt: skip
