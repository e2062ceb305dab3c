"""Taking over history out of prompt files: numbers, labels, stages and dates as an export said them (docs/adr/0027).

For prompts that the ledger does not know. Every version walks the legal moves, with the instants of then; the guards of
the database watch, and the ledger says who did it: system:import_prompts.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby, pairwise
from typing import Any

from django.utils import timezone

from agents.models import Agent
from evaluations import datasets, scorers
from evaluations.items import Item
from evaluations.models import EvaluationRun, ExampleResult, RunStatus
from ledger import chain
from ledger.actors import Actor
from repository.files.codes import Problem
from repository.files.metadata import MetadataFile
from repository.files.results import ResultFile
from repository.files.versions import INSTANTS, VersionFile
from repository.items import CLOCKS_DIFFER
from versions import content
from versions.models import Prompt, PromptTag, PromptVersion, moving
from versions.stages import EDITABLE, SEALED, Stage

FOR_EVER = datetime.max.replace(tzinfo=UTC)
# A number above it is no number that this ledger ever comes to: with the next one it would not fit into its column.
NUMBERS_LEFT = 900_000_000
REASON = "Taken over from prompt files"
COPIED = ("version", "created_by", "created_at", "updated_at", "based_on", "rollback_of", "is_default_from_code",
          "commit", "committed_at", "archived_at")  # fmt: skip
RUN = ("id", "content_hash", "scorer", "repeats", "provider", "model_name", "threshold", "score", "verdict", "examples",
       "errors", "figures", "created_by", "created_at", "started_at", "completed_at")  # fmt: skip

Entries = list[tuple[datetime, int, chain.Entry]]


@dataclass
class History:
    """One prompt as its files say it was and is."""

    metadata: MetadataFile
    versions: list[VersionFile]
    examples: list[Item] = field(default_factory=list)
    results: list[ResultFile] = field(default_factory=list)
    policy: dict[str, Any] = field(default_factory=dict)


def refused(metadata: MetadataFile, versions: list[VersionFile]) -> list[Problem]:
    """What is wrong with a history: each in the place of the one before it, the last of them live, numbers in order."""
    wrong = []
    live = deployed(versions)
    for before, after in pairwise(live):
        if before.retired_at != after.deployed_at or before.deployed_at == after.deployed_at:
            said = f"{before.label} was retired when {after.label} was deployed, at the same instant: these differ."
            wrong.append(before.problem("PL016", said, "retired_at"))
    if live and live[-1].stage != Stage.PRD:
        wrong.append(live[-1].problem("PL016", "It was retired, and nothing took its place in production.", "stage"))
    labels = [one.numbers for one in versions]
    if labels != sorted(labels):
        wrong.append(versions[0].problem("PL016", "The labels are not in the order of the numbers.", "label"))
    highest = metadata.highest or {}
    if versions and (highest.get("version", 0) < (versions[-1].version or 0)
                     or _numbers(highest.get("label")) < versions[-1].numbers):  # fmt: skip
        wrong.append(metadata.problem("PL016", "highest is below the highest version.", "highest"))
    if highest and max(highest["version"], *_numbers(highest["label"])) > NUMBERS_LEFT:
        wrong.append(metadata.problem("PL016", "highest leaves no numbers for further versions.", "highest"))
    wrong += _to_come(metadata, versions)
    kinds = {one.kind for one in versions} - {metadata.type or "text"}
    if kinds:
        wrong.append(metadata.problem("PL016", f"type is {metadata.type or 'text'}, and a version is not.", "type"))
    return wrong


def _to_come(metadata: MetadataFile, versions: list[VersionFile]) -> Iterator[Problem]:
    """Dates in the future: what happens next would stand before them."""
    latest = timezone.now() + CLOCKS_DIFFER
    dated: list[tuple[MetadataFile | VersionFile, tuple[str, ...]]] = [(metadata, ("created_at", "archived_at"))]
    for one, keys in [*dated, *((file, INSTANTS) for file in versions)]:
        for key in keys:
            moment = getattr(one, key)
            if moment is not None and moment > latest:
                yield one.problem("PL016", f"{key} is in the future, and history is what was.", key)


def deployed(versions: list[VersionFile]) -> list[VersionFile]:
    """Those that were in production, in the order in which they went there."""
    dated = [(one.deployed_at, one) for one in versions if one.stage in SEALED and one.deployed_at is not None]
    return [one for _, one in sorted(dated, key=lambda pair: pair[0])]


def _numbers(label: str | None) -> tuple[int, int]:
    major, _, minor = (label or "v0.0")[1:].partition(".")
    return int(major), int(minor)


def restore(histories: list[History], agents: dict[str, Agent], *, by: Actor, seen: Callable[[int], object]) -> None:
    """Write these prompts with all their versions, in the caller's transaction."""
    prompts = [_prompt(one, agents) for one in histories]
    Prompt.objects.bulk_create(prompts)
    PromptTag.objects.bulk_create(
        PromptTag(prompt=prompt, name=tag)
        for prompt, one in zip(prompts, histories, strict=True)
        for tag in sorted(set(one.metadata.tags))
    )
    pairs = list(zip(prompts, histories, strict=True))
    made = {prompt.pk: [_version(prompt, file) for file in one.versions] for prompt, one in pairs}
    PromptVersion.objects.bulk_create([version for versions in made.values() for version in versions])
    for prompt, one in pairs:
        _walk(prompt, one, made[prompt.pk], by)
        if one.examples:
            datasets.replace(prompt, by=by, examples=one.examples, note=REASON)
        _results(prompt, one.results)
        seen(1)


def _prompt(one: History, agents: dict[str, Agent]) -> Prompt:
    said = one.metadata
    plain = {key: getattr(said, key) for key in ("name", "status_key", "title", "description", "owner_team", "mode",
                                                 "template_format", "metadata", "created_by", "created_at",
                                                 "archived_at")}  # fmt: skip
    highest = said.highest or {}
    major, minor = _numbers(highest.get("label"))
    prompt = Prompt(
        **plain, type=said.type or "text", agent=agents[said.agent] if said.agent else None, evaluation=one.policy,
        highest_version=highest.get("version", 0), highest_major=major, highest_minor=minor,
    )  # fmt: skip
    prompt.clean_fields()
    return prompt


def _version(prompt: Prompt, file: VersionFile) -> PromptVersion:
    """The row of a version, as a draft: it walks to its stage."""
    major, minor = file.numbers
    said: dict[str, Any] = {key: getattr(file, key) for key in COPIED}
    message = content.check_message(file.commit_message)
    made = PromptVersion(prompt=prompt, major=major, minor=minor, commit_message=message, **said)
    text = content.check_text(prompt.type, file.text, prompt.template_format)
    made.say(text, content.check_config(file.config))
    return made


def _walk(prompt: Prompt, one: History, rows: list[PromptVersion], by: Actor) -> None:
    """Take every version to its stage, in the order of then, and write down what was done."""
    detail = {"restored": True, "created_by": one.metadata.created_by}
    created = one.metadata.created_at or rows[0].created_at
    entries: Entries = [
        (created, 0, prompt.entry("prompt_created", detail={"type": prompt.type, "mode": prompt.mode} | detail))
    ]
    pairs = list(zip(rows, one.versions, strict=True))
    for row, file in pairs:
        # A clock that was set back must not put the end before the beginning.
        entries += _made(row, file, min(max(created, row.created_at), file.deployed_at or FOR_EVER))
    moving.step([row for row, file in pairs if file.stage != Stage.DEV], Stage.TST, created)
    before: PromptVersion | None = None
    row_of = {file.path: row for row, file in pairs}
    for file in deployed(one.versions):
        row, moment = row_of[file.path], file.deployed_at or created
        moving.step([row], Stage.PRD, moment, retiring=[before] if before else [])
        entries.append((moment, 2, _entry(row, Stage.TST, Stage.PRD, before)))
        before = row
    if prompt.archived_at:
        entries.append((prompt.archived_at, 3, prompt.entry("prompt_archived", detail=detail)))
    _write_down(prompt, entries, by)


def _made(row: PromptVersion, file: VersionFile, at: datetime) -> Entries:
    detail = {"restored": True, "created_by": row.created_by}
    found: Entries = [(at, 1, row.entry("created", to_stage=Stage.DEV, after_hash=row.content_hash, detail=detail))]
    if file.stage != Stage.DEV:
        when = max(at, row.updated_at) if file.deployed_at is None else max(at, min(row.updated_at, file.deployed_at))
        found.append((when, 1, _entry(row, Stage.DEV, Stage.TST, None)))
    if row.archived_at and file.stage in EDITABLE:
        said = {"before_hash": row.content_hash, "after_hash": row.content_hash, "from_stage": file.stage,
                "to_stage": file.stage}  # fmt: skip
        found.append((max(at, row.archived_at), 2, row.entry("archived", **said)))
    return found


def _entry(row: PromptVersion, start: str, end: str, before: PromptVersion | None) -> chain.Entry:
    detail: dict[str, Any] = {"restored": True} | ({"replaced": before.label} if before else {})
    return row.entry(
        "promoted", from_stage=start, to_stage=end, replaced=before.version if before else None, reason=REASON,
        before_hash=row.content_hash, after_hash=row.content_hash, detail=detail,
    )  # fmt: skip


def _write_down(prompt: Prompt, entries: Entries, by: Actor) -> None:
    """Append the entries in the order of their instants."""
    ordered = sorted(entries, key=lambda entry: entry[:2])
    for at, several in groupby(ordered, key=lambda entry: entry[0]):
        chain.append(prompt, by=by, entries=[entry for _, _, entry in several], at=at)


def _results(prompt: Prompt, found: list[ResultFile]) -> None:
    """Take over results that are of these examples and of texts that are there; others stay in their files."""
    dataset = datasets.current(prompt)
    if dataset is None:
        return
    examples = {example.key: example for example in datasets.rows(dataset)}
    numbers = {row.content_hash: row for row in prompt.versions.order_by("-version")}
    known = EvaluationRun.objects.filter(pk__in=[one.id for one in found if one.id]).values_list("pk", flat=True)
    taken = {str(pk) for pk in known}
    rows: dict[str, list[ExampleResult]] = defaultdict(list)
    for one in found:
        version = numbers.get(one.content_hash)
        if version is None or one.dataset_sha256 != dataset.sha256 or one.id is None or one.id in taken:
            continue
        taken.add(one.id)
        run = EvaluationRun.objects.create(
            prompt=prompt, version=version, version_number=version.version, label=version.label, dataset=dataset,
            scorer_hash=scorers.scorer_hash(one.scorer), environment=one.environment or version.environment,
            status=RunStatus.SUCCEEDED, **{key: getattr(one, key) for key in RUN},
        )  # fmt: skip
        answers = [row for row in one.rows if row["id"] in examples]
        rows[one.id] = [ExampleResult(run=run, example=examples[row["id"]], **answer(row)) for row in answers]
    ExampleResult.objects.bulk_create([row for listed in rows.values() for row in listed])


def answer(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of what came of one example."""
    nothing: dict[str, Any] = {
        "score": None,
        "passed": None,
        "error": "",
        "actual": "",
        "detail": {},
        "latency_ms": None,
    }
    return {key: row.get(key, other) for key, other in {"position": 0, "repeat": 1, **nothing}.items()}
