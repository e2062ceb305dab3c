"""What one registered text means for its prompt (SPEC 3): decided here, written by `repository.registration`."""

from dataclasses import dataclass, field
from typing import Any

from agents.models import Agent
from common.canonical import canonical_json, sha256
from common.errors import BadInput
from repository.items import READERS, Item
from repository.standing import Ledger, Standing
from versions import content
from versions.models import Prompt, PromptVersion
from versions.models.prompt import Kind, Mode
from versions.stages import PROMOTIONS, Stage


@dataclass
class Decision:
    """What happens with one item: which version answers it, and what has to be written for that."""

    item: Item
    prompt: Prompt
    agent: Agent | None = None  # the one it names; None until it is made
    version: PromptVersion | None = None  # the one that says the text; None until it is made
    follows: PromptVersion | None = None  # the one it comes after
    retires: PromptVersion | None = None
    restored_from: int | None = None
    stale: bool = False
    changes: dict[str, Any] = field(default_factory=dict)  # of a prompt that is there
    makes_prompt: bool = False
    makes_version: bool = False
    from_stage: str = ""  # where a version that is there begins its road
    road: list[str] = field(default_factory=list)  # the stages that it is walked through

    @property
    def new_primary_key(self) -> bool:
        """Whether the agent's primary status key becomes this one: only what goes live says so."""
        if self.agent is None or self.stale or not self.item.is_primary_default:
            return False
        return self.item.stage == Stage.PRD and self.agent.primary_status_key != self.prompt.status_key

    @property
    def touches_version(self) -> bool:
        """Whether there is something to write down of the version."""
        return self.makes_version or bool(self.road) or self.stale

    @property
    def writes(self) -> bool:
        """Whether anything is written at all."""
        return self.makes_prompt or self.touches_version or bool(self.changes) or self.new_primary_key


def decide(item: Item, ledger: Ledger) -> Decision:
    """Return what the item means. Raises WrongMode (S1-25) or BadInput; `ledger` is only read."""
    if item.is_primary_default and not item.agent:
        raise BadInput("is_primary_default needs an agent.")
    standing = ledger.prompts.get(item.name)
    owner = ledger.slots.get(item.slot) if item.agent else None
    if owner not in (None, item.name):
        raise BadInput(
            f"Agent '{item.agent}' has prompt '{owner}' for status key '{item.slot[1]}'. Leave the name out, or use it."
        )
    if standing is None:
        return _first(item, ledger)
    prompt = standing.prompt
    prompt.require_mode(Mode.TRACKING)
    if item.type is None and prompt.type == Kind.CHAT:
        item.text = content.check_text(Kind.CHAT, item.text, prompt.template_format)
        item.checksum = sha256(item.text)
    _refuse_another_kind(item, prompt)
    decision = Decision(item, prompt, agent=ledger.agents.get(item.agent), changes=_changes(item, prompt))
    _decide_version(decision, standing)
    if decision.stale:
        decision.changes = {}
    if decision.makes_version:
        content.check_text(prompt.type, item.text, prompt.template_format)
    return decision


def _first(item: Item, ledger: Ledger) -> Decision:
    kind, style = item.type or Kind.TEXT, item.template_format or "simple"
    content.check_text(kind, item.text, style)
    prompt = Prompt(name=item.name, agent=None, status_key=item.slot[1], title=item.title or "", mode=Mode.TRACKING,
                    type=kind, template_format=style)  # fmt: skip
    READERS["name"](item.name, "name")  # one made of agent and status key was not looked at yet
    return Decision(item, prompt, agent=ledger.agents.get(item.agent), makes_prompt=True, makes_version=True,
                    road=road(Stage.DEV, item.stage))  # fmt: skip


def _refuse_another_kind(item: Item, prompt: Prompt) -> None:
    for name in ("type", "template_format"):
        said, known = getattr(item, name), getattr(prompt, name)
        if said is not None and said != known:
            raise BadInput(f"{name} is '{known}' and cannot change. Register it under another name.")


def _changes(item: Item, prompt: Prompt) -> dict[str, Any]:
    """The fields of the prompt that the item sets anew. An agent, once given, stays; so does a status key with it."""
    changes: dict[str, Any] = {}
    if item.title is not None and item.title != prompt.title:
        changes["title"] = item.title
    if prompt.agent is None and item.agent:
        changes["agent"] = item.agent
        if item.slot[1] != prompt.status_key:
            changes["status_key"] = item.slot[1]
        return changes
    if item.agent and prompt.agent and item.agent != prompt.agent.name:
        raise BadInput(f"It belongs to agent '{prompt.agent.name}', which may rely on it. Register another name.")
    if item.status_key is not None and item.status_key != prompt.status_key:
        raise BadInput(f"Its status key is '{prompt.status_key}' and cannot change. Register another name.")
    return changes


def _decide_version(decision: Decision, standing: Standing) -> None:
    item = decision.item
    present = standing.newest(item.stage)
    # The text stands already, here or further on: nothing to do.
    for stage in stages_from(item.stage):
        current = standing.newest(stage)
        if current is not None and says(current, item):
            decision.version = decision.follows = current
            return
    if is_stale(item, present):
        decision.version, decision.stale = present, True
        return
    same = sorted((row for row in standing.versions if says(row, item)), key=lambda row: -row.version)
    waiting = next((row for row in same if item.stage in stages_from(row.stage)[1:]), None)
    live = standing.newest(Stage.PRD)
    decision.version, decision.makes_version = waiting, waiting is None
    decision.from_stage = waiting.stage if waiting else ""
    decision.road = road(decision.from_stage or Stage.DEV, item.stage)
    decision.retires = live if item.stage == Stage.PRD else None
    if waiting is None:
        newest = max(standing.versions, key=lambda row: row.version, default=None)
        decision.follows = present or live or newest
        decision.restored_from = next((row.version for row in same if row.stage == Stage.RET), None)
    else:
        decision.follows = live if item.stage == Stage.PRD else None


def road(start: str, end: str) -> list[str]:
    """The stages to go through from one to another, without the first."""
    ahead = stages_from(start)
    return ahead[1 : ahead.index(end) + 1]


def stages_from(stage: str) -> list[str]:
    """This stage and those that promotions lead to."""
    found = [stage]
    while found[-1] in PROMOTIONS:
        found.append(PROMOTIONS[found[-1]])
    return found


def says(version: PromptVersion, item: Item) -> bool:
    """Whether a version has the item's text, and its config where one was said."""
    if version.checksum_hash != item.checksum:
        return False
    return item.config is None or canonical_json(version.config) == canonical_json(item.config)


def is_stale(item: Item, present: PromptVersion | None) -> bool:
    """Whether code that is older than what stands now asks for its text back: it must not undo a deploy."""
    if present is None or present.committed_at is None or item.committed_at is None:
        return False
    return item.committed_at < present.committed_at
