"""What the ledger holds of the prompts that a registration names: read in a fixed number of statements."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Q

from agents.models import DEFAULT_STATUS_KEY, Agent
from repository.items import Item
from versions.models import Prompt, PromptVersion
from versions.stages import SEALED, Stage

# Without the text: its hash says whether it is the same.
NEEDED = ("prompt", "version", "major", "minor", "stage", "config", "checksum_hash", "content_hash", "commit",
          "committed_at", "deployed_at", "archived_at")  # fmt: skip


@dataclass
class Standing:
    """A prompt and those of its versions that can matter: in PRD, drafts, and retired ones with the offered text."""

    prompt: Prompt
    versions: list[PromptVersion] = field(default_factory=list)

    def newest(self, stage: str) -> PromptVersion | None:
        """The version that stands for a stage."""
        return max((row for row in self.versions if row.stage == stage), key=lambda row: row.version, default=None)


@dataclass
class Ledger:
    """Everything that is looked up for one registration."""

    agents: dict[str, Agent]
    prompts: dict[str, Standing]
    slots: dict[tuple[str, str], str]  # (agent, status key): the name of the prompt that has it


def look_up(items: list[Item], *, lock: bool) -> Ledger:
    """Read what the items name, and give items without a name the name of their slot's prompt.

    With `lock`, agents and then prompts are locked, each in the order of their ids, before versions are read.
    """
    named = {item.agent for item in items if item.agent}
    agents = {agent.name: agent for agent in _agents(named, items, lock)}
    slots = _slots(agents.values())
    for item in items:
        if not item.name:
            item.name = slots.get(item.slot) or f"{item.agent}.{item.status_key or DEFAULT_STATUS_KEY}"
    prompts = Prompt.objects.filter(name__in={item.name for item in items})
    if lock:
        prompts = prompts.select_for_update(no_key=True).order_by("pk")
    standings = {prompt.pk: Standing(prompt) for prompt in prompts}
    by_id = {agent.pk: agent for agent in agents.values()}
    missing = {one.prompt.agent_id for one in standings.values() if one.prompt.agent_id} - set(by_id)
    by_id |= {agent.pk: agent for agent in Agent.objects.filter(pk__in=missing)} if missing else {}
    for standing in standings.values():
        if standing.prompt.agent_id:
            standing.prompt.agent = by_id[standing.prompt.agent_id]
    for row in _versions(standings, items):
        row.prompt = standings[row.prompt_id].prompt
        standings[row.prompt_id].versions.append(row)
    return Ledger(agents, {one.prompt.name: one for one in standings.values()}, slots)


def _agents(named: set[str], items: list[Item], lock: bool) -> Iterable[Agent]:
    if not named:
        return []
    rows = Agent.objects.filter(name__in=named)
    # Only a change of the primary status key needs the row itself.
    if lock and any(item.is_primary_default for item in items):
        rows = rows.select_for_update(no_key=True).order_by("pk")
    return rows


def _slots(agents: Iterable[Agent]) -> dict[tuple[str, str], str]:
    names = {agent.pk: agent.name for agent in agents}
    if not names:
        return {}
    taken = Prompt.objects.filter(agent_id__in=names).values_list("agent_id", "status_key", "name")
    return {(names[agent], key): name for agent, key, name in taken}


def _versions(standings: dict[int, Standing], items: list[Item]) -> Iterable[PromptVersion]:
    if not standings:
        return []
    rows = PromptVersion.objects.filter(prompt_id__in=standings)
    offered = {item.checksum for item in items}
    if all(item.stage == Stage.PRD for item in items):
        rows = rows.filter(Q(stage=Stage.PRD) | Q(checksum_hash__in=offered))
    else:
        rows = rows.exclude(stage=Stage.RET) | rows.filter(checksum_hash__in=offered)
    return rows.filter(Q(archived_at=None) | Q(stage__in=SEALED)).only(*NEEDED)
