"""What an agent gets (SPEC 4, 9): the version in production, never another stage unless asked for."""

from dataclasses import dataclass
from typing import Any

from agents.models import DEFAULT_STATUS_KEY, Agent
from common.canonical import canonical_json, sha256
from common.errors import NotFound
from versions.models import Prompt, PromptVersion
from versions.stages import Stage

# The last slot that is asked: what an agent says to somebody it does not know.
LAST_STATUS_KEY = "NOT_REGISTERED"
KEYS_NAMED = 20


@dataclass(frozen=True)
class Slot:
    """A version, and the status key under which it was asked for; its prompt has the key that serves."""

    version: PromptVersion
    status_key: str


def resolve(prompt: Prompt, *, stage: str = "", version: str = "") -> PromptVersion:
    """Return the version that is asked for: by reference, by stage (the newest there), else the one in production.

    By both: the version, as long as it is in that stage. Raises NotFound; there is no fallback from one stage to
    another, ever. Archiving hides from lists only: what is archived goes on serving.
    """
    rows = prompt.versions.select_related("prompt__agent")
    if version:
        found = rows.look_up(version)
        said = f"has no version '{version}'"
        if found is not None and stage not in ("", found.stage):
            raise NotFound(f"Prompt '{prompt.name}' {said} in {stage}: it is in {found.stage}")
    else:
        found = rows.current().filter(stage=stage or Stage.PRD).newest_first().first()
        said = f"has no version in {stage or Stage.PRD}"
    if found is None:
        raise NotFound(f"Prompt '{prompt.name}' {said}", code="nothing_live" if not (stage or version) else "not_found")
    return found


def resolve_for_agent(name: str, *, status_key: str = "", strict: bool = False) -> Slot:
    """Return what an agent serves under a status key (SPEC 4), by default its primary one.

    Where nothing is live under it: the primary key, `default`, NOT_REGISTERED, in this order; not when `strict`.
    Raises NotFound (not_found, nothing_live); the latter names the keys under which something is live.
    """
    agent = Agent.objects.filter(name=name).first()
    if agent is None:
        raise NotFound(f"Agent '{name}' not found")
    asked = status_key or agent.primary_status_key
    keys = [asked] if strict else fallback(asked, agent.primary_status_key)
    live = PromptVersion.objects.in_production().filter(prompt__agent=agent)
    rows = live.filter(prompt__status_key__in=keys).select_related("prompt__agent")
    found = {row.prompt.status_key: row for row in rows}
    for key in keys:
        if key in found:
            return Slot(found[key], asked)
    raise _nothing_live(agent, keys, live.values_list("prompt__status_key", flat=True))


def slot_of_agent(name: str, *, status_key: str = "") -> Prompt:
    """Return the prompt of an agent under exactly this status key, by default its primary one. Raises NotFound."""
    agent = Agent.objects.filter(name=name).first()
    if agent is None:
        raise NotFound(f"Agent '{name}' not found")
    asked = status_key or agent.primary_status_key
    found = Prompt.objects.select_related("agent").filter(agent=agent, status_key=asked).first()
    if found is None:
        raise NotFound(f"Agent '{name}' has no prompt for '{asked}'")
    return found


def fallback(asked: str, primary: str) -> list[str]:
    """Return the status keys to try, in order, each once."""
    return list(dict.fromkeys([asked, primary, DEFAULT_STATUS_KEY, LAST_STATUS_KEY]))


def _nothing_live(agent: Agent, keys: list[str], live: Any) -> NotFound:
    """A 404 that says what would have been served, so that a typo is seen at once."""
    known = sorted(live.order_by("prompt__status_key")[: KEYS_NAMED + 1])
    named = ", ".join(f"'{key}'" for key in known[:KEYS_NAMED]) + (", …" if len(known) > KEYS_NAMED else "")
    tried = " or ".join(f"'{key}'" for key in keys)
    said = f"Live now: {named}." if known else "Nothing of it is live yet."
    return NotFound(f"Agent '{agent.name}' has nothing live under {tried}. {said}", code="nothing_live",
                    live_status_keys=known[:KEYS_NAMED])  # fmt: skip


def served(version: PromptVersion, *, status_key: str | None = None) -> dict[str, Any]:
    """Return what is served of a version (SPEC 9, shape Served), asked for under `status_key` or by its own name."""
    prompt = version.prompt
    key = {"messages": version.messages} if prompt.type == "chat" else {"template_source": version.template_source}
    return {
        "agent": prompt.agent.name if prompt.agent else None,
        "prompt": prompt.name,
        "status_key": prompt.status_key if status_key is None else status_key,
        "served_status_key": prompt.status_key,
        "version": version.version,
        "label": version.label,
        "stage": version.stage,
        "type": prompt.type,
        "template_format": prompt.template_format,
        **key,
        "config": version.config,
        "variables": version.variables,
        "checksum_hash": version.checksum_hash,
        "content_hash": version.content_hash,
        "deployed_at": version.deployed_at.isoformat() if version.deployed_at else None,
    }


def etag(body: dict[str, Any]) -> str:
    """Return the strong ETag over what is served."""
    return f'"{sha256(canonical_json(body))}"'


def is_known(tag: str, if_none_match: str) -> bool:
    """Whether a caller has what bears this tag already: one of a list, weak ones too (RFC 9110, 13.1.2), or *."""
    if if_none_match == tag:
        return True
    named = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag in named or if_none_match.strip() == "*"
