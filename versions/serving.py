"""What an agent gets (SPEC 4, 9): the version in production, never another stage unless asked for."""

from typing import Any

from common.canonical import canonical_json, sha256
from common.errors import NotFound
from versions.models import Prompt, PromptVersion
from versions.stages import Stage


def resolve(prompt: Prompt, *, stage: str = "", version: str = "") -> PromptVersion:
    """Return the version that is asked for: by reference, by stage (the newest there), else the one in production.

    Raises NotFound; there is no fallback from one stage to another, ever.
    """
    rows = prompt.versions.select_related("prompt__agent")
    if version:
        found = rows.look_up(version)
        said = f"has no version '{version}'"
    else:
        found = rows.current().filter(stage=stage or Stage.PRD).newest_first().first()
        said = f"has no version in {stage or Stage.PRD}"
    if found is None:
        raise NotFound(f"Prompt '{prompt.name}' {said}", code="nothing_live" if not (stage or version) else "not_found")
    return found


def served(version: PromptVersion) -> dict[str, Any]:
    """Return what is served of a version (SPEC 9, shape Served)."""
    prompt = version.prompt
    key = {"messages": version.messages} if prompt.type == "chat" else {"template_source": version.template_source}
    return {
        "agent": prompt.agent.name if prompt.agent else None,
        "prompt": prompt.name,
        "status_key": prompt.status_key,
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
