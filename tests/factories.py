"""Test data that reaches its state only by legal moves."""

import itertools
from typing import Any

import factory

from agents.models import Agent
from ledger.actors import system
from repository.items import read_items
from repository.registration import register
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING
from versions.stages import Stage

TESTER = system("tests")
numbers = itertools.count(1)

# Which moves lead to a stage; a version gets into RET when another one takes its place.
ROADS = {
    Stage.DEV: [],
    Stage.TST: [Stage.TST],
    Stage.PRD: [Stage.TST, Stage.PRD],
    Stage.RET: [Stage.TST, Stage.PRD],
}


class AgentFactory(factory.Factory):
    """An agent, made as the product makes it."""

    class Meta:
        model = Agent

    name = factory.LazyFunction(lambda: f"Agent{next(numbers)}")

    @classmethod
    def _create(cls, model_class: type[Agent], *args: Any, **kwargs: Any) -> Agent:
        return model_class.create(by=kwargs.pop("by", TESTER), **kwargs)


class PromptFactory(factory.Factory):
    """A prompt with v1.0 as a DEV draft, made as the product makes it; `template_source=None` for none."""

    class Meta:
        model = Prompt

    name = factory.LazyFunction(lambda: f"prompt-{next(numbers)}")
    template_source = "Hello {{ name }}!"

    @classmethod
    def _create(cls, model_class: type[Prompt], *args: Any, **kwargs: Any) -> Prompt:
        return model_class.create(by=kwargs.pop("by", TESTER), **kwargs)


def make_agent(**fields: Any) -> Agent:
    """An agent."""
    return AgentFactory(**fields)


def make_prompt(**fields: Any) -> Prompt:
    """A prompt with v1.0 in DEV."""
    return PromptFactory(**fields)


def make_version(stage: str = "DEV", *, prompt: Prompt | None = None, **fields: Any) -> PromptVersion:
    """A new version of `prompt` (or of a new one), walked to `stage`; `fields` go into its creation.

    For RET a successor is walked to PRD after it, with the next number.
    """
    if prompt is None:
        prompt = make_prompt(**{key: fields.pop(key) for key in list(fields) if key in PROMPT_FIELDS})
        version = prompt.versions.get()
        if fields:
            version = version.edit(by=TESTER, seen=ANYTHING, **fields)
    else:
        newest = prompt.versions.newest_first().first()
        version = newest.create_new(by=TESTER, seen=ANYTHING, **fields)
    for target in ROADS[Stage(stage)]:
        version = version.promote(by=TESTER, to=target, seen=ANYTHING)
    if stage == Stage.RET:
        make_version(Stage.PRD, prompt=version.prompt)
        version = PromptVersion.objects.for_lists().get(pk=version.pk)
    return version


PROMPT_FIELDS = ("name", "agent", "status_key", "title", "description", "owner_team", "tags", "type",
                 "template_format", "metadata", "template_source")  # fmt: skip


def make_tracking_prompt(*, agent: Agent | None = None, **fields: Any) -> Prompt:
    """A prompt that git owns, with v1.0 in PRD, as code registers it; `fields` are those of an item."""
    item = {"name": f"tracked-{next(numbers)}", "template_source": "Tracked {{ name }}", "commit": "0" * 40, **fields}
    if agent:
        item["agent"] = agent.name
    register(read_items([item]), by=TESTER)
    return Prompt.objects.get(name=item["name"])
