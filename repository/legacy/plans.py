"""What becomes of each legacy prompt: decided here by what the ledger has, written by `repository.legacy.writing`."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import batched

from agents.models import DEFAULT_STATUS_KEY, Agent
from repository.legacy.rows import BadRows, Legacy
from versions.models import Prompt, PromptVersion
from versions.stages import SEALED

MIGRATED, UNCHANGED, DIFFERS, BLANK = "migrated", "unchanged", "differs", "blank"
AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Step:
    """What happens with one legacy prompt, and why; `agent` is its agent where it is there already."""

    legacy: Legacy
    outcome: str
    why: str
    agent: Agent | None = None

    def __str__(self) -> str:
        return f"{self.outcome}: {self.legacy.agent}: {self.why}"


@dataclass(slots=True)
class Slot:
    """What the ledger has under the status key `default` of one agent."""

    prompt: str
    live: PromptVersion | None = None
    sealed: dict[str, PromptVersion] = field(default_factory=dict)  # by hash of the text: was or is in production

    def kept(self, legacy: Legacy) -> str:
        """Say where this text is or was in production, or ""."""
        if self.live is None or legacy.checksum not in self.sealed:
            return ""
        if self.live.checksum_hash == legacy.checksum:
            return f"{self.live.label} in production has this text"
        return f"{self.sealed[legacy.checksum].label} had this text; {self.live.label} has replaced it since"


@dataclass(slots=True)
class Known:
    """What the ledger has of the agents that are named."""

    agents: dict[str, Agent]
    slots: dict[str, Slot]  # by the agent's name
    names: set[str]  # of prompts


def plan(rows: Iterable[Legacy], *, seen: Callable[[int], object] = lambda number: None) -> list[Step]:
    """Return what is to be done, in the order of the rows; `seen` hears of progress.

    Raises BadRows where the name of a prompt that has to be made is another prompt's.
    """
    steps: list[Step] = []
    wrong: list[str] = []
    for batch in batched(rows, AT_ONCE):
        known = look_up(batch)
        for legacy in batch:
            step = _step(legacy, known)
            if step.outcome == MIGRATED and legacy.name in known.names:
                wrong.append(
                    f"{legacy.where}: a prompt '{legacy.name}' is there, and it is not agent '{legacy.agent}''s for "
                    f"'{DEFAULT_STATUS_KEY}'. Give it this agent and status key, or another name."
                )
            steps.append(step)
        seen(len(batch))
    if wrong:
        raise BadRows(wrong)
    return steps


def look_up(rows: Iterable[Legacy]) -> Known:
    """Read what the ledger has of these rows' agents, in three statements."""
    named = {legacy.agent for legacy in rows}
    agents = {agent.name: agent for agent in Agent.objects.filter(name__in=named)}
    wanted = {f"{name}.{DEFAULT_STATUS_KEY}" for name in named}
    names = set(Prompt.objects.filter(name__in=wanted).values_list("name", flat=True))
    of_id = {agent.pk: agent.name for agent in agents.values()}
    prompts = Prompt.objects.filter(agent__in=of_id, status_key=DEFAULT_STATUS_KEY)
    slots = {of_id[agent]: Slot(name) for agent, name in prompts.values_list("agent_id", "name")}
    versions = PromptVersion.objects.filter(
        prompt__agent__in=of_id, prompt__status_key=DEFAULT_STATUS_KEY, stage__in=SEALED
    )
    for version in versions.select_related("prompt").defer("template_source", "config").order_by("version"):
        slot = slots[of_id[version.prompt.agent_id or 0]]
        slot.sealed[version.checksum_hash] = version
        slot.live = version if version.is_active else slot.live
    return Known(agents, slots, names)


def _step(legacy: Legacy, known: Known) -> Step:
    agent, slot = known.agents.get(legacy.agent), known.slots.get(legacy.agent)
    if not legacy.text:
        return Step(legacy, BLANK, f"{legacy.where} has no text")
    if slot is None:
        return Step(legacy, MIGRATED, f"{legacy.name} v1.0 in PRD", agent)
    if why := slot.kept(legacy):
        return Step(legacy, UNCHANGED, why, agent)
    return Step(legacy, DIFFERS, _difference(slot), agent)


def _difference(slot: Slot) -> str:
    if slot.live:
        return f"{slot.prompt} {slot.live.label} in production has another text, and stays as it is"
    return f"{slot.prompt} has nothing in production: promote its draft, or delete the prompt and run this again"


def missing(rows: Iterable[Legacy], *, seen: Callable[[int], object] = lambda number: None) -> Iterator[str]:
    """Yield each legacy prompt whose text is not in production, and was not before what is: what --verify counts."""
    for batch in batched((legacy for legacy in rows if legacy.text), AT_ONCE):
        known = look_up(batch)
        for legacy in batch:
            slot = known.slots.get(legacy.agent)
            if slot is None:
                yield f"{legacy.agent}: it has no prompt '{DEFAULT_STATUS_KEY}'"
            elif not slot.kept(legacy):
                yield f"{legacy.agent}: {_difference(slot)}"
        seen(len(batch))
