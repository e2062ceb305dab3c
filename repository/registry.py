"""The registry: every prompt with what is live, its newest draft, threshold, files and last result (S3-22, S3-31)."""

from typing import TYPE_CHECKING, Any

from agents.models import Agent
from repository.files import layout
from repository.files.fields import said_instant
from versions.models import PromptVersion
from versions.stages import EDITABLE, Stage

if TYPE_CHECKING:
    from repository.exporting import Held


def document(rows: dict[str, Any]) -> dict[str, Any]:
    """The whole registry of these prompts, and of all agents."""
    agents = {
        agent.name: {
            "description": agent.description,
            "primary_status_key": agent.primary_status_key,
            "created_at": said_instant(agent.created_at),
            "archived_at": said_instant(agent.archived_at),
        }
        for agent in Agent.objects.order_by("name")
    }
    return {"schema_version": layout.SCHEMA_VERSION, "agents": agents, "prompts": rows}


def paths(held: "Held") -> list[str]:
    """The files that a prompt has in a tree, sorted."""
    found = [layout.version_path(held.stem, one.stage, one.label) for one in held.versions]
    found += [layout.metadata_path(held.stem), *([layout.examples_path(held.stem)] if held.dataset else [])]
    runs = [layout.evaluation_path(held.stem, one.label) for one in held.versions if one.version in held.runs]
    return sorted(found + runs)


def row(held: "Held") -> dict[str, Any]:
    """What the registry says of one prompt."""
    prompt, versions = held.prompt, held.versions
    live = next((one for one in versions if one.stage == Stage.PRD), None)
    drafts = [one for one in versions if one.stage in EDITABLE and one.archived_at is None]
    return {
        "description": prompt.description,
        "agent": prompt.agent.name if prompt.agent else None,
        "status_key": prompt.status_key,
        "mode": str(prompt.mode),
        "type": str(prompt.type),
        "threshold": prompt.evaluation.get("threshold"),
        "production": _standing(held, live),
        "draft": _standing(held, drafts[-1] if drafts else None),
        "versions": [_standing(held, one) for one in versions],
        "examples": _examples(held),
        "evaluation": _evaluation(held, live or (drafts[-1] if drafts else None)),
        "files": paths(held),
    }


def _standing(held: "Held", version: PromptVersion | None) -> dict[str, Any] | None:
    if version is None:
        return None
    return {
        "version": version.version,
        "label": version.label,
        "stage": str(version.stage),
        "sha256": version.checksum_hash,
        "deployed_at": said_instant(version.deployed_at),
        "retired_at": said_instant(version.retired_at),
        "file": layout.version_path(held.stem, version.stage, version.label),
    }


def _examples(held: "Held") -> dict[str, Any] | None:
    if held.dataset is None:
        return None
    return {"file": layout.examples_path(held.stem), "sha256": held.dataset.sha256, "count": held.dataset.count}


def _evaluation(held: "Held", version: PromptVersion | None) -> dict[str, Any] | None:
    """The newest result on the present examples: of what is live, else of the newest draft."""
    run = held.runs.get(version.version) if version else None
    if run is None or version is None:
        return None
    return {
        "id": str(run.pk),
        "label": version.label,
        "score": run.score,
        "threshold": run.threshold,
        "verdict": run.verdict,
        "completed_at": said_instant(run.completed_at),
        "file": layout.evaluation_path(held.stem, version.label),
    }
