"""The ledger as prompt files (SPEC 8): the same bytes for the same ledger, on every machine and database."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import batched
from typing import Any

from common.canonical import sha256
from common.errors import BadInput
from evaluations import datasets, formats
from evaluations.models import DatasetVersion, EvaluationRun, ExampleResult, RunStatus
from ledger.models import LedgerEvent
from repository import registry
from repository.files import layout, results
from repository.files.metadata import MetadataFile
from repository.files.results import ResultFile
from repository.files.tree import Tree
from repository.files.versions import VersionFile
from repository.files.yaml_text import REGISTRY_LIMIT, Unreadable, written
from versions.models import Prompt, PromptVersion

AT_ONCE = 200
PLAIN = ("commit_message", "version", "label", "based_on", "rollback_of", "is_default_from_code", "commit",
         "committed_at", "created_by", "created_at", "updated_at", "deployed_at", "retired_at",
         "archived_at")  # fmt: skip
RUN = ("content_hash", "scorer", "repeats", "provider", "model_name", "environment", "threshold", "score", "verdict",
       "examples", "errors", "figures", "created_by", "created_at", "started_at", "completed_at", "label")  # fmt: skip


@dataclass
class Held:
    """What the ledger holds of one prompt, as far as files say it."""

    prompt: Prompt
    stem: str
    versions: list[PromptVersion] = field(default_factory=list)
    dataset: DatasetVersion | None = None
    runs: dict[int, EvaluationRun] = field(default_factory=dict)  # by the version's number


def export(*, seen: Callable[[int], object] = lambda number: None) -> dict[str, bytes]:
    """Return every file of the tree by its path. The caller decides as of which moment (ledger.verify.one_moment).

    Raises BadInput for a prompt that does not fit into files: then it names the prompt.
    """
    found: dict[str, bytes] = {}
    rows: dict[str, Any] = {}
    for held in holdings():
        try:
            files = dict(files_of(held))
        except Unreadable as error:
            raise BadInput(f"Prompt '{held.prompt.name}' does not fit into files: {error.said}") from error
        found |= files
        rows[held.prompt.name] = registry.row(held)
        seen(1)
    found[layout.REGISTRY] = written(registry.document(rows), REGISTRY_LIMIT)
    return found


def holdings(*, texts: bool = True) -> Iterator[Held]:
    """Yield what the ledger holds of every prompt, by name; a few statements for a few hundred of them.

    Without `texts` as the registry needs it: it speaks of hashes.
    """
    stems = layout.stems(Prompt.objects.values_list("name", flat=True))
    for batch in batched(sorted(stems), AT_ONCE):
        prompts = Prompt.objects.filter(name__in=batch).select_related("agent").prefetch_related("tag_rows")
        held = {prompt.pk: Held(prompt, stems[prompt.name]) for prompt in prompts}
        versions = PromptVersion.objects.filter(prompt__in=held).order_by("version")
        for version in versions if texts else versions.defer("template_source", "config", "commit_message"):
            version.prompt = held[version.prompt_id].prompt
            held[version.prompt_id].versions.append(version)
        for dataset in DatasetVersion.objects.filter(prompt__in=held).order_by("number"):
            held[dataset.prompt_id].dataset = dataset
        _newest_runs(held)
        yield from sorted(held.values(), key=lambda one: one.prompt.name)


def _newest_runs(held: dict[int, Held]) -> None:
    """The newest finished run of what each version says now, on the present examples."""
    present = [one.dataset.pk for one in held.values() if one.dataset]
    runs = EvaluationRun.objects.filter(dataset__in=present, status=RunStatus.SUCCEEDED)
    of_content: dict[int, dict[str, EvaluationRun]] = defaultdict(dict)
    for run in runs.order_by("created_at", "pk").select_related("dataset"):
        of_content[run.prompt_id][run.content_hash] = run
    for pk, one in held.items():
        found = of_content[pk]
        one.runs = {v.version: found[v.content_hash] for v in one.versions if v.content_hash in found}


def files_of(held: Held) -> Iterator[tuple[str, bytes]]:
    """Yield the files of one prompt: path and bytes."""
    for version in held.versions:
        yield layout.version_path(held.stem, version.stage, version.label), version_file(version).source()
    yield layout.metadata_path(held.stem), metadata_file(held).source()
    if held.dataset:
        yield layout.examples_path(held.stem), formats.as_lines(datasets.items_of(held.dataset)).encode()
    for number, run in held.runs.items():
        label = next(one.label for one in held.versions if one.version == number)
        yield layout.evaluation_path(held.stem, label), result_file(held.prompt.name, number, label, run).source()


def version_file(version: PromptVersion) -> VersionFile:
    """One version as its file says it."""
    return VersionFile(
        name=version.prompt.name, text=version.template_source, stage=version.stage, kind=version.prompt.type,
        config=version.config, **{key: getattr(version, key) for key in PLAIN},
    )  # fmt: skip


def metadata_file(held: Held) -> MetadataFile:
    """One prompt as its metadata file says it."""
    prompt = held.prompt
    highest = {"version": prompt.highest_version, "label": f"v{prompt.highest_major}.{prompt.highest_minor}"}
    plain = ("name", "status_key", "title", "description", "owner_team", "tags", "mode", "type", "template_format",
             "metadata", "evaluation", "created_by", "created_at", "archived_at")  # fmt: skip
    return MetadataFile(
        **{key: getattr(prompt, key) for key in plain}, agent=prompt.agent.name if prompt.agent else None,
        highest=highest if prompt.highest_version else None, versions=[_listed(held, one) for one in held.versions],
    )  # fmt: skip


def _listed(held: Held, version: PromptVersion) -> dict[str, Any]:
    path = layout.version_path(held.stem, version.stage, version.label)
    return {"version": version.version, "label": version.label, "stage": str(version.stage),
            "sha256": version.checksum_hash, "file": path}  # fmt: skip


def result_file(name: str, number: int, label: str, run: EvaluationRun) -> ResultFile:
    """One run as its file says it. `label` is the version's now: the same text may have been scored under another."""
    rows = [
        results.row(position=one.position, repeat=one.repeat, key=one.example.key, score=one.score, passed=one.passed,
                    error=one.error, actual=one.actual, detail=one.detail, latency_ms=one.latency_ms)
        for one in ExampleResult.objects.filter(run=run).select_related("example").order_by("position", "repeat")
    ]  # fmt: skip
    said = {key: getattr(run, key) for key in RUN} | {"label": label}
    return ResultFile(name=name, id=str(run.pk), version=number, dataset_sha256=run.dataset.sha256, rows=rows, **said)


def unimported(tree: Tree) -> list[str]:
    """The paths of version files that say what the ledger never said of their prompt: an export would lose it."""
    known: dict[str, set[str]] = defaultdict(set)
    for batch in batched(sorted({version.name for version in tree.versions}), AT_ONCE):
        rows = PromptVersion.objects.filter(prompt__name__in=batch)
        for name, content_hash, checksum in rows.values_list("prompt__name", "content_hash", "checksum_hash"):
            known[name] |= {content_hash, checksum}
    # A file that says no config got that of the version before it: then its text is all it said.
    hashes = {one.path: one.own_content_hash if one.config_said else sha256(one.text) for one in tree.versions}
    doubtful = [one for one in tree.versions if one.name in known and hashes[one.path] not in known[one.name]]
    if not doubtful:
        return []
    ever: dict[str, set[str]] = defaultdict(set)
    said = LedgerEvent.objects.filter(prompt__in={one.name for one in doubtful}).exclude(after_hash="")
    for name, digest in said.values_list("prompt", "after_hash"):
        ever[name].add(digest)
    return sorted(one.path for one in doubtful if one.own_content_hash not in ever[one.name])
