"""Does every version still say what the ledger says it said? Finds any row changed behind its back."""

from collections.abc import Iterator
from dataclasses import dataclass

from common.canonical import sha256
from ledger.verify import Event, Problem, iso, one_moment, stored_rows, walk
from versions.content import stored_hash
from versions.stages import Stage

# Actions after which a version stands in production, and since when.
TO_PRODUCTION = frozenset({"promoted", "promoted_by_override", "rolled_back", "registered"})

VERSIONS = """
SELECT v.prompt_id, v.version, v.major, v.minor, v.stage, v.template_source, v.config, v.checksum_hash, v.content_hash,
       v.deployed_at, v.retired_at, v.archived_at, p.name, p.type
  FROM prompt_versions v LEFT JOIN prompts p ON p.id = v.prompt_id ORDER BY v.id
"""
SAVED = "SELECT content_hash, type, template_source, config FROM saved_texts ORDER BY content_hash"


@dataclass(slots=True)
class Expected:
    """What the ledger says of one version; instants as ISO text."""

    label: str
    stage: str = ""
    content_hash: str = ""
    deployed_at: str | None = None
    retired_at: str | None = None
    archived: bool = False
    deleted: bool = False


class Replay:
    """Plays the events of all versions, in order, and knows in the end what each row should hold.

    It holds one small entry for each version and one for each text that was ever spoken of, not the events.
    """

    def __init__(self) -> None:
        self.versions: dict[tuple[int, int], Expected] = {}
        self.texts: dict[str, str] = {}  # content hash: the event that spoke of it last
        self.events = 0

    def see(self, event: Event) -> None:
        """Take one event in."""
        self.events += 1
        if event.version is None:
            return
        key = event.prompt_id or 0, event.version
        known = self.versions.get(key)
        if known is None:
            known = self.versions[key] = Expected(event.label)
        known.stage = event.to_stage or known.stage
        if event.after_hash and event.after_hash != known.content_hash:
            known.content_hash = event.after_hash
            self.texts[event.after_hash] = f"{event.chain} #{event.sequence}"
        if event.before_hash and event.before_hash not in self.texts:
            self.texts[event.before_hash] = f"{event.chain} #{event.sequence}"
        if event.action in TO_PRODUCTION:
            if event.to_stage == Stage.PRD:
                known.deployed_at = event.at
                self._retire(event)
        elif event.action == "deleted":
            known.deleted = True
        elif event.action in ("archived", "unarchived"):
            known.archived = event.action == "archived"

    def _retire(self, event: Event) -> None:
        """The version that had to make room was retired at the same instant."""
        replaced = self.versions.get((event.prompt_id or 0, event.replaced or 0))
        if replaced is not None:
            replaced.stage, replaced.retired_at = Stage.RET, event.at


def problems(replay: Replay | None = None) -> Iterator[Problem]:
    """Yield everything that does not add up, all read as of one moment: in chains, versions and kept texts."""
    replay = replay or Replay()
    with one_moment():
        yield from walk(replay.see)
        yield from _versions(replay)
        yield from _saved_texts(replay)
    for content_hash, where in replay.texts.items():
        yield Problem(where, f"speaks of a text that is nowhere to be found: {content_hash}")


def _versions(replay: Replay) -> Iterator[Problem]:
    for row in stored_rows(VERSIONS):
        (prompt_id, version, major, minor, stage, text, config, checksum, content_hash, deployed, retired, archived,
         name, kind) = row  # fmt: skip
        label = f"v{major}.{minor}"
        expected = replay.versions.pop((prompt_id, version), None)
        replay.texts.pop(content_hash, None)
        now = Expected(label, stage, content_hash, iso(deployed), iso(retired), archived is not None)
        said = list(_differences(now, expected))
        if sha256(str(text)) != checksum:
            said.append("its text does not match its checksum")
        if stored_hash(kind, text, config) != content_hash:
            said.append("its text or config does not match its content hash")
        yield from (Problem(f"{name} {label}", one) for one in said)
    for (prompt_id, number), expected in replay.versions.items():
        if not expected.deleted:
            yield Problem(
                f"prompt {prompt_id}, version {number} ({expected.label})", "is gone, and no event deleted it"
            )


def _differences(now: Expected, expected: Expected | None) -> Iterator[str]:
    if now == expected:
        return
    if expected is None:
        yield "no event of the ledger speaks of it"
        return
    if expected.deleted:
        yield "the ledger says it was deleted"
    for name in ("label", "stage", "content_hash", "deployed_at", "retired_at", "archived"):
        is_now, should_be = getattr(now, name), getattr(expected, name)
        if is_now != should_be:
            yield f"its {name.replace('_hash', ' hash')} is {is_now}, the ledger says {should_be}"


def _saved_texts(replay: Replay) -> Iterator[Problem]:
    for content_hash, kind, text, config in stored_rows(SAVED):
        replay.texts.pop(content_hash, None)
        if stored_hash(kind, text, config) != content_hash:
            yield Problem(f"kept text {content_hash[:12]}", "does not match its hash")
