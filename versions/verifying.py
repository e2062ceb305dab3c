"""Does every version still say what the ledger says it said? Finds any row changed behind its back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.canonical import sha256
from ledger import verify
from ledger.verify import Problem
from versions import content
from versions.models import PromptVersion, SavedText
from versions.stages import Stage

# Actions after which a version stands in production, and since when.
TO_PRODUCTION = frozenset({"promoted", "rolled_back", "registered"})


@dataclass(slots=True)
class Expected:
    """What the ledger says of one version."""

    label: str
    stage: str = ""
    content_hash: str = ""
    deployed_at: datetime | None = None
    retired_at: datetime | None = None
    archived: bool = False
    deleted: bool = False


class Replay:
    """Plays the events of all versions, in order, and knows in the end what each row should hold."""

    def __init__(self) -> None:
        self.versions: dict[tuple[int, int], Expected] = {}
        self.events = 0

    def see(self, event: dict[str, Any]) -> None:
        """Take one event in."""
        self.events += 1
        if event["version"] is None:
            return
        key = event["prompt_id"], event["version"]
        known = self.versions.get(key)
        if known is None:
            known = self.versions[key] = Expected(event["label"])
        known.stage = event["to_stage"] or known.stage
        known.content_hash = event["after_hash"] or known.content_hash
        known.deleted = event["action"] == "deleted"
        if event["action"] in ("archived", "unarchived"):
            known.archived = event["action"] == "archived"
        if event["action"] in TO_PRODUCTION and event["to_stage"] == Stage.PRD:
            known.deployed_at = event["at"]
            self._retire(event)

    def _retire(self, event: dict[str, Any]) -> None:
        """The version that had to make room was retired at the same instant."""
        replaced = self.versions.get((event["prompt_id"], event["replaced"]))
        if replaced is not None:
            replaced.stage, replaced.retired_at = Stage.RET, event["at"]


def problems(replay: Replay | None = None) -> Iterator[Problem]:
    """Yield everything that does not add up: in the chains, in the versions, in the texts kept."""
    replay = replay or Replay()
    yield from verify.walk(replay.see)
    yield from _versions(replay)
    yield from _saved_texts()


def _versions(replay: Replay) -> Iterator[Problem]:
    rows = PromptVersion.objects.order_by("pk").select_related("prompt")
    for version in rows.iterator(chunk_size=1_000):
        where = f"{version.prompt.name} {version.label}"
        expected = replay.versions.pop((version.prompt_id, version.version), None)
        if sha256(version.template_source) != version.checksum_hash:
            yield Problem(where, "its text does not match its checksum")
        if content.content_hash(version.prompt.type, version.template_source, version.config) != version.content_hash:
            yield Problem(where, "its text or config does not match its content hash")
        if expected is None:
            yield Problem(where, "no event of the ledger speaks of it")
        else:
            yield from (Problem(where, said) for said in _differences(version, expected))
    for (prompt_id, number), expected in replay.versions.items():
        if not expected.deleted:
            yield Problem(
                f"prompt {prompt_id}, version {number} ({expected.label})", "is gone, and no event deleted it"
            )


def _differences(version: PromptVersion, expected: Expected) -> Iterator[str]:
    if expected.deleted:
        yield "the ledger says it was deleted"
    pairs = (
        ("label", version.label, expected.label),
        ("stage", version.stage, expected.stage),
        ("content hash", version.content_hash, expected.content_hash),
        ("deployed_at", version.deployed_at, expected.deployed_at),
        ("retired_at", version.retired_at, expected.retired_at),
        ("archived", version.archived_at is not None, expected.archived),
    )
    for name, is_now, should_be in pairs:
        if is_now != should_be:
            yield f"its {name} is {is_now}, the ledger says {should_be}"


def _saved_texts() -> Iterator[Problem]:
    for saved in SavedText.objects.order_by("pk").iterator(chunk_size=1_000):
        if content.content_hash(saved.type, saved.template_source, saved.config) != saved.content_hash:
            yield Problem(f"kept text {saved.content_hash[:12]}", "does not match its hash")
