"""Scoring a tree of prompt files, task by task, with the scorers and the rules of the ledger (S3-10, S3-16, S3-17).

Reads examples, asks a provider or a book of recorded answers, compares with the threshold in the metadata. Needs no
database, unless a provider is set up there.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import datetime
from statistics import fmean
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from common.errors import BadInput
from evaluations import concluding, scorers, statistics
from evaluations.asking import Examiner, Outcome, Text
from evaluations.items import Item
from evaluations.models import EvaluationRun
from evaluations.policy import Policy, merged
from evaluations.running import pinned
from executions import providers
from executions.providers import Chosen
from executions.providers.answers import RESERVED
from executions.providers.choosing import DEFAULT_MODEL
from executions.providers.configured import OFFLINE
from executions.providers.offline import Offline
from repository import examples
from repository.files.metadata import MetadataFile
from repository.files.results import ResultFile, row
from repository.files.tree import Tree
from repository.files.versions import VersionFile
from repository.recorded import Book, Recorded
from repository.steps import BadTree
from versions.models import Prompt
from versions.stages import EDITABLE, ENVIRONMENTS, Stage

AT_ONCE = 8
Ask = Callable[[VersionFile, Policy], Chosen]


@dataclass
class Task:
    """One prompt of a tree that can be scored: a version, its examples, and what it must show."""

    metadata: MetadataFile
    version: VersionFile
    items: list[Item]
    policy: Policy

    @property
    def name(self) -> str:
        return self.version.name

    @property
    def label(self) -> str:
        """How the version is called; "draft" where the ledger has not given it a number."""
        return self.version.label or ("production" if self.version.stage == Stage.PRD else "draft")


@dataclass
class Scored:
    """What came of a task. `required` is the score it must reach; None: nobody asks for one."""

    task: Task
    result: ResultFile
    required: float | None

    @property
    def passed(self) -> bool:
        """Whether it is good enough, as the gate would say."""
        if self.required is None:
            return self.result.verdict != "inconclusive"
        enough = self.result.score is not None and self.result.score >= self.required
        return enough and self.result.verdict in ("", "pass")


def tasks(tree: Tree, *, only: str | None = None, production: bool = False) -> list[Task]:
    """Return what can be scored: prompts with metadata and examples; the newest draft of each, else what is live.

    With `production` what is live. Raises BadTree for examples that cannot be
    read, BadInput for a name that cannot be scored, and says why.
    """
    if only is not None and only not in tree.names:
        raise BadInput(f"There is no task '{only}'. There are: {', '.join(tree.names[:20]) or 'none'}.")
    sets, versions = tree.examples_of(), tree.versions_of()
    found = []
    for name in [only] if only is not None else tree.names:
        metadata, version = tree.metadata.get(name), _candidate(versions.get(name, []), production)
        read = examples.read(sets.get(name, []), version, metadata.template_format if metadata else "simple",
                             metadata.evaluation if metadata else {})  # fmt: skip
        if blocking := [problem for problem in read.problems if problem.rule.blocks]:
            raise BadTree(blocking)
        if metadata is None or version is None or not read.items:
            if only is not None:
                lacking = "metadata" if metadata is None else "examples" if version else "a version to score"
                raise BadInput(f"'{name}' cannot be scored: it has no {lacking}.")
            continue
        known = {one.name for one in fields(Policy)}
        policy = {
            key: value for key, value in merged(Prompt(evaluation={}), metadata.evaluation).items() if key in known
        }
        found.append(Task(metadata, version, read.items, Policy(**policy)))
    return found


def _candidate(files: list[VersionFile], production: bool) -> VersionFile | None:
    live = next((file for file in files if file.stage == Stage.PRD), None)
    drafts = [file for file in files if file.stage in EDITABLE and file.archived_at is None]
    return live if production or not drafts else drafts[-1]


def asker(*, provider: str | None, book: Book | None, record: bool) -> Ask:
    """Return what chooses who answers: the offline provider, a book, or a provider that is set up here."""

    def choose(version: VersionFile, policy: Policy) -> Chosen:
        config = version.config
        if book is not None and not record:
            return Chosen(Recorded(book, config), "recorded", _model(config, policy), _params(config, policy))
        name = provider or policy.provider
        if name == OFFLINE.name:
            chosen = Chosen(Offline(), OFFLINE.name, _model(config, policy), _params(config, policy))
        else:
            chosen = _set_up(version, name, policy)
        if book is None:
            return chosen
        return Chosen(Recorded(book, config, chosen.provider), chosen.name, chosen.model, chosen.params)

    return choose


def _set_up(version: VersionFile, name: str | None, policy: Policy) -> Chosen:
    """What is set up in this installation. Raises BadInput where there is none to look into."""
    try:
        return providers.for_environment(
            ENVIRONMENTS[version.stage], provider=name, model_name=policy.model_name, params=policy.params,
            config=version.config,
        )  # fmt: skip
    except DatabaseError as error:
        said = "There is no database here in which a provider is set up. Say --provider offline, or --answers FILE."
        raise BadInput(said) from error


def _model(config: dict[str, Any], policy: Policy) -> str:
    return policy.model_name or config.get("model") or DEFAULT_MODEL


def _params(config: dict[str, Any], policy: Policy) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in RESERVED} | (policy.params or {})


def score(
    task: Task, tree: Tree, ask: Ask, *, fail_under: float | None = None, seen: Callable[[int], object] = lambda n: None
) -> Scored:
    """Ask and score every example of a task. Raises BadInput where its judge is not in the tree."""
    scorer = scorers.read(task.policy.scorer)
    text = _text(task.version, task.metadata.template_format, ask(task.version, task.policy))
    judges = dict(_judges(task, tree, ask))
    examiner = Examiner(f"files/{task.name}", text, scorer, judges, threading.Event())
    began = timezone.now()
    places = [(position, repeat, item) for repeat in range(1, task.policy.repeat + 1)
              for position, item in enumerate(task.items, 1)]  # fmt: skip

    def answer(place: tuple[int, int, Item]) -> tuple[int, int, Item, Outcome]:
        position, repeat, item = place
        found = examiner.examine(item.input, item.expected, f"{position}.{repeat}")
        seen(1)
        return position, repeat, item, found

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="score") as pool:
        answers = sorted(pool.map(answer, places), key=lambda one: one[:2])
    result = _result(task, scorer.spec, text.chosen, answers, began)
    known = [one for one in (task.policy.threshold, fail_under) if one is not None]
    return Scored(task, result, max(known) if known else None)


def _text(version: VersionFile, style: str, chosen: Chosen) -> Text:
    return Text(version.text, version.kind, version.template_format or style, chosen)


def _judges(task: Task, tree: Tree, ask: Ask) -> Iterator[tuple[tuple[str, int], Text]]:
    """The pinned versions that the scorer asks, out of the tree itself (S3-32)."""
    for name, number in pinned(task.policy.scorer):
        found = next((one for one in tree.versions if one.name == name and one.version == number), None)
        if found is None:
            raise BadInput(f"'{task.name}' is judged by '{name}' version {number}, which is not in the tree.")
        metadata = tree.metadata.get(name)
        style = metadata.template_format if metadata else "simple"
        yield (name, number), _text(found, style, ask(found, Policy()))


def _result(
    task: Task, spec: dict[str, Any], chosen: Chosen, answers: list[tuple[int, int, Item, Outcome]], began: datetime
) -> ResultFile:
    """The result as its file says it: score, verdict and rows as the ledger would have them."""
    means: dict[str, list[float]] = defaultdict(list)
    for _, _, item, found in answers:
        if found.score is not None:
            means[item.key].append(found.score)
    weights = {item.key: item.weight for item in task.items}
    total = statistics.score_of([(fmean(found), weights[key]) for key, found in means.items()])
    errors = sum(found.score is None for *_, found in answers)
    must = set(task.policy.must_pass)
    failed = sorted({item.key for _, _, item, found in answers if must & set(item.tags) and not found.passed})
    figures = {"passed": sum(bool(found.passed) for *_, found in answers), "answers": len(answers),
               "must_pass_failed": failed}  # fmt: skip
    run = EvaluationRun(threshold=task.policy.threshold, examples=len(task.items), repeats=task.policy.repeat)
    return ResultFile(
        name=task.name, content_hash=task.version.own_content_hash, dataset_sha256=examples.digest(task.items),
        examples=len(task.items), scorer=spec, version=task.version.version, label=task.version.label,
        repeats=task.policy.repeat, provider=chosen.name, model_name=chosen.model,
        environment=ENVIRONMENTS[task.version.stage], threshold=task.policy.threshold, score=total, errors=errors,
        verdict=concluding.verdict(run, total, errors, figures, task.policy), figures=figures, created_by="eval_runner",
        created_at=began, started_at=began, completed_at=timezone.now(),
        rows=[row(position=position, repeat=repeat, key=item.key, score=found.score, passed=found.passed,
                  error=found.error, actual=found.actual, detail=found.detail, latency_ms=found.latency_ms)
              for position, repeat, item, found in answers],
    )  # fmt: skip
