"""What the ledger holds of the prompts that files speak of: read in a fixed number of statements for many of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from common.canonical import sha256
from evaluations.models import DatasetVersion
from repository.files.versions import VersionFile
from versions.models import Prompt, PromptVersion
from versions.stages import DELETABLE, EDITABLE, SEALED, Stage

AT_ONCE = 500
# Without text and config: their hashes say whether they are the same.
NEEDED = ("prompt", "version", "major", "minor", "stage", "checksum_hash", "content_hash", "revision", "updated_at",
          "archived_at")  # fmt: skip


@dataclass
class Standing:
    """A prompt that is there, its versions by number, its present examples."""

    prompt: Prompt
    versions: list[PromptVersion] = field(default_factory=list)
    dataset: DatasetVersion | None = None

    def numbered(self, number: int) -> PromptVersion | None:
        """The version of this number."""
        return next((row for row in self.versions if row.version == number), None)

    def says(self, row: PromptVersion, file: VersionFile) -> bool:
        """Whether a version says what a file says; of a file without a config only the text counts."""
        if file.kind != self.prompt.type:
            return False
        if file.config_said:
            return row.content_hash == file.own_content_hash
        return row.checksum_hash == sha256(file.text)

    def alike(self, file: VersionFile, taken: set[int]) -> PromptVersion | None:
        """The version that a file without a number speaks of: one that says the same, and is not another file's.

        For production what is live comes first, then drafts; a retired text is written anew. For the archive retired
        ones only; for drafts the newest.
        """
        same = [row for row in self.versions if row.version not in taken and self.says(row, file)]
        order: tuple[frozenset[str], ...] = (EDITABLE, SEALED)
        if file.stage == Stage.PRD:
            order = (frozenset({Stage.PRD}), EDITABLE)
        elif file.stage == Stage.RET:
            order = (frozenset({Stage.RET}),)
        for stages in order:
            found = [row for row in same if row.stage in stages and row.archived_at is None]
            if found:
                return max(found, key=lambda row: row.version)
        return None

    def newest_draft(self, taken: set[int]) -> PromptVersion | None:
        """The newest draft in DEV that no file speaks of."""
        free = [row for row in self.versions if row.stage in DELETABLE and row.version not in taken]
        return max((row for row in free if row.archived_at is None), key=lambda row: row.version, default=None)


def look_up(names: Iterable[str]) -> dict[str, Standing]:
    """Return what is there of these prompts, by name."""
    prompts = Prompt.objects.filter(name__in=list(names)).select_related("agent").prefetch_related("tag_rows")
    found = {prompt.pk: Standing(prompt) for prompt in prompts}
    rows = PromptVersion.objects.filter(prompt__in=found).only(*NEEDED).order_by("version")
    for row in rows:
        row.prompt = found[row.prompt_id].prompt
        found[row.prompt_id].versions.append(row)
    for dataset in DatasetVersion.objects.filter(prompt__in=found).order_by("number"):
        found[dataset.prompt_id].dataset = dataset
    return {one.prompt.name: one for one in found.values()}


Highest = tuple[int, int, int]


def highest(standing: Standing | None, more: int) -> Highest:
    """The highest number, major and minor that will have been given after `more` new drafts."""
    if standing is None:
        return (more, 1, more - 1) if more else (0, 0, 0)
    prompt = standing.prompt
    if prompt.highest_version == 0:
        return (more, 1, more - 1) if more else (0, 0, 0)
    return prompt.highest_version + more, prompt.highest_major, prompt.highest_minor + more


def bump(file: VersionFile, reached: Highest) -> str | None:
    """How the ledger would give a file's number and label next: "minor", "major", or None: it would not."""
    version, major, minor = reached
    if file.version != version + 1:
        return None
    if file.numbers == (major + 1, 0):
        return "major"
    return "minor" if major and file.numbers == (major, minor + 1) else None
