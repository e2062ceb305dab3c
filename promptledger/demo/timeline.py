"""The notation of the demo's stories, and the one way to play them: every move is a transition, in order of time."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from agents.models import Agent
from evaluations import datasets, formats, policy
from ledger.actors import Actor
from repository.items import read_items
from repository.registration import register
from versions.models import Prompt, PromptVersion
from versions.seen import Seen

TEXTS = Path(__file__).parent / "texts"
Change = tuple[str, str]


@dataclass(frozen=True)
class Move:
    """One line of a story: `when` as `instant` reads it, `label` the version it is done to.

    `changes` are (old, new) pieces of text, each of which must be there exactly once; `data` goes to the transition.
    """

    when: str
    who: str
    action: str
    label: str = ""
    changes: tuple[Change, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Story:
    """One prompt: what it is, its first text, and what happened to it. The first move is "start" or "register"."""

    name: str
    file: str
    prompt: dict[str, Any]
    config: dict[str, Any]
    moves: tuple[Move, ...]
    agent: str = ""

    def first_text(self) -> str:
        """The text that the story starts with."""
        return (TEXTS / self.file).read_text().removesuffix("\n")


@dataclass(frozen=True)
class AgentStory:
    """An agent, there before its prompts."""

    name: str
    description: str
    primary_status_key: str
    when: str


class BadStory(Exception):
    """A story says something that cannot be done: a mistake in the demo data."""


@transaction.atomic
def play(agents: Iterable[AgentStory], stories: Iterable[Story], *, people: dict[str, Actor], today: datetime) -> int:
    """Play the stories from the oldest move to the newest, all or nothing. Returns how many moves were made."""
    there = set(Agent.objects.values_list("name", flat=True))
    steps: list[tuple[datetime, Callable[[datetime], None]]] = [
        (instant(agent.when, today), partial(_enter, agent, people["engineer"]))
        for agent in agents
        if agent.name not in there
    ]
    steps += [
        (instant(move.when, today), partial(MOVES[move.action], story, move, people[move.who]))
        for story in stories
        for move in story.moves
    ]
    for moment, step in sorted(steps, key=lambda row: row[0]):
        step(moment)
    return len(steps)


def instant(when: str, today: datetime) -> datetime:
    """Read "days ago, hh:mm" (UTC), counted back from the midnight before `today`."""
    days, clock = when.split(", ")
    hours, minutes = clock.split(":")
    midnight = today.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=int(days)) + timedelta(hours=int(hours), minutes=int(minutes))


def _enter(agent: AgentStory, by: Actor, at: datetime) -> None:
    Agent.create(
        by=by, at=at, name=agent.name, description=agent.description, primary_status_key=agent.primary_status_key
    )


def _start(story: Story, move: Move, by: Actor, at: datetime) -> None:
    agent = Agent.objects.get(name=story.agent) if story.agent else None
    Prompt.create(
        by=by, at=at, name=story.name, agent=agent, template_source=story.first_text(), config=story.config,
        **story.prompt, **move.data,
    )  # fmt: skip


def _register(story: Story, move: Move, by: Actor, at: datetime) -> None:
    """Code registers its text: the first one, or that of a version with changes; `age` is the commit's, in minutes."""
    data = dict(move.data)
    item = {
        "name": story.name, "agent": story.agent, "config": story.config, **story.prompt,
        "template_source": rewrite(find(story, move), move.changes) if move.label else story.first_text(),
        "committed_at": (at - timedelta(minutes=data.pop("age"))).isoformat(), **data,
    }  # fmt: skip
    register(read_items([item]), by=by, at=at)


def _describe(story: Story, move: Move, by: Actor, at: datetime) -> None:
    Prompt.objects.get(name=story.name).change(by=by, at=at, **move.data)


def _set_policy(story: Story, move: Move, by: Actor, at: datetime) -> None:
    prompt = Prompt.objects.get(name=story.name)
    prompt.change(by=by, at=at, evaluation=policy.merged(prompt, move.data))


def _give_examples(story: Story, move: Move, by: Actor, at: datetime) -> None:
    """Examples out of a file of texts/, JSON lines: they take the place of those that are there."""
    data = dict(move.data)
    file = data.pop("file")
    prompt = Prompt.objects.get(name=story.name)
    source = formats.Source((TEXTS / file).read_bytes(), formats.format_of(file), file)
    items = datasets.refuse_problems(formats.parse([source], **datasets.reads(prompt)))
    datasets.replace(prompt, by=by, at=at, examples=items, **data)


def _transition(method: Callable[..., PromptVersion]) -> Callable[[Story, Move, Actor, datetime], None]:
    def move_on(story: Story, move: Move, by: Actor, at: datetime) -> None:
        version = find(story, move)
        data = dict(move.data)
        if move.changes:
            data["template_source"] = rewrite(version, move.changes)
        method(version, by=by, seen=Seen.of(version), at=at, **data)

    return move_on


def _test(story: Story, move: Move, by: Actor, at: datetime) -> None:
    """A run of the demo asks no model, whatever is set up: it would cost something, and may not be there yet."""
    version = find(story, move)
    data = {"provider": "offline", **move.data}
    import_string(settings.TEST_RUNNER)(version, by=by, seen=Seen.of(version), **data)


MOVES: dict[str, Callable[[Story, Move, Actor, datetime], None]] = {
    "start": _start,
    "register": _register,
    "describe": _describe,
    "edit": _transition(PromptVersion.edit),
    "create": _transition(PromptVersion.create_new),
    "promote": _transition(PromptVersion.promote),
    "archive": _transition(PromptVersion.archive),
    "roll back": _transition(PromptVersion.roll_back),
    "test": _test,
    "policy": _set_policy,
    "examples": _give_examples,
}


def find(story: Story, move: Move) -> PromptVersion:
    """Return the version that a move speaks of. Raises BadStory when there is none."""
    versions = PromptVersion.objects.select_related("prompt").filter(prompt__name=story.name)
    version = versions.look_up(move.label)
    if version is None:
        raise BadStory(f"{story.name} has no {move.label} {move.when} days ago.")
    return version


def rewrite(version: PromptVersion, changes: tuple[Change, ...]) -> str:
    """Return the version's text with each old piece replaced by its new one; for a chat, inside its messages."""
    text = version.template_source
    for old, new in changes:
        if version.prompt.type == "chat":
            old, new = json.dumps(old, ensure_ascii=False)[1:-1], json.dumps(new, ensure_ascii=False)[1:-1]
        if text.count(old) != 1:
            raise BadStory(f"{version}: there is not exactly one {old!r} to change.")
        text = text.replace(old, new)
    return text
