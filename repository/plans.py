"""What an import would do, decided by what the files say and what the ledger has. Writes nothing (SPEC 8).

An import makes and edits drafts, describes prompts, replaces examples, and asks for promotions; it never changes what
is sealed, and makes nothing live by itself. What it cannot do is told with file and line, and then nothing is done.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import batched
from typing import Any

from agents.models import Agent
from common.errors import BadInput
from common.text import NAME_LENGTH
from evaluations.items import Item
from evaluations.policy import merged
from ledger.models import LedgerEvent
from repository import examples, restoring, standings
from repository.files import fields, layout
from repository.files.codes import Problem
from repository.files.metadata import MetadataFile, bad_agent
from repository.files.results import ResultFile
from repository.files.tree import Tree
from repository.files.versions import VersionFile
from repository.files.yaml_text import Document
from repository.restoring import History
from repository.standings import Standing
from repository.steps import CREATE, DESCRIBE, DRAFT, EDIT, EXAMPLES, RELEASE, RESTORE, TEST, BadTree, Plan, Step
from versions.models import Prompt, PromptVersion
from versions.models.prompt import Mode
from versions.stages import EDITABLE, SEALED, Stage

# What the registry says of an agent, and an import takes over.
AGENT: dict[str, fields.Reader] = {
    "description": fields.text(),
    "primary_status_key": fields.text(NAME_LENGTH),
    "created_at": fields.instant,
    "archived_at": fields.instant,
}


def plan(tree: Tree, *, history: bool | None = None, seen: Callable[[int], object] = lambda number: None) -> Plan:
    """Return what is to be done. Raises BadTree for files that cannot be imported.

    `history`: take over numbers, dates and stages of prompts that the ledger does not know; None: where the ledger is
    empty.
    """
    blocking = [problem for problem in tree.problems if problem.rule.blocks]
    if blocking:
        raise BadTree(blocking)
    if history is None:
        history = not Prompt.objects.exists()
    found = Plan()
    versions, sets = tree.versions_of(), tree.examples_of()
    results: dict[str, list[ResultFile]] = defaultdict(list)
    for result in tree.results:
        results[result.name].append(result)
    known_agents = set(Agent.objects.values_list("name", flat=True))
    for batch in batched(tree.names, standings.AT_ONCE):
        standing = standings.look_up(batch)
        for name in batch:
            files = versions.get(name, []), tree.metadata.get(name), sets.get(name, [])
            _Task(name, *files, standing.get(name), found).plan(history, results.get(name, []))
            seen(1)
    _agents(tree, found, known_agents, history)
    if found.wrong:
        raise BadTree(found.wrong)
    return found


def _agents(tree: Tree, found: Plan, known: set[str], history: bool) -> None:
    """The agents that have to be made: those that metadata name, and of a whole history all of the registry."""
    registered = tree.registry.value.get("agents") if tree.registry and isinstance(tree.registry.value, dict) else None
    said = registered if isinstance(registered, dict) else {}
    named = {one.agent for one in tree.metadata.values() if one.agent} | (set(said) if history else set())
    for name in sorted(named - known):
        row = said.get(name)
        found.agents[name] = _agent(tree, name, row if isinstance(row, dict) else {}, found)


def _agent(tree: Tree, name: str, row: dict[str, Any], found: Plan) -> dict[str, Any]:
    """What the registry says of an agent; what cannot be is told with its line."""
    lines = tree.registry or Document()
    if why := bad_agent(name):
        found.wrong.append(Problem(layout.REGISTRY, lines.line("agents", name), "PL011", f"Agent '{name}': {why}"))
    said = {}
    for key in AGENT.keys() & {key for key, value in row.items() if value is not None}:
        try:
            said[key] = AGENT[key](row[key])
        except fields.Wrong as error:
            told = f"{key} of agent '{name}' {error}."
            found.wrong.append(Problem(layout.REGISTRY, lines.line("agents", name, key), "PL011", told))
    return said


@dataclass
class _Task:
    """One prompt: what its files say, and what the ledger has."""

    name: str
    files: list[VersionFile]
    metadata: MetadataFile | None
    example_files: list[Any]
    standing: Standing | None
    found: Plan

    def plan(self, history: bool, results: list[ResultFile]) -> None:
        """Add the steps, notes and problems of this prompt."""
        if self.standing is None and history and self._is_history():
            self._restore(results)
            return
        if self.standing is None:
            self._create()
        else:
            self._describe(self.standing)
        for file in self.files if self.standing is not None else self.files[1:]:
            self._version(file)
        self._examples()

    def _is_history(self) -> bool:
        return bool(self.metadata and self.metadata.is_history and all(one.is_history for one in self.files))

    def step(self, do: str, path: str, said: str, **more: Any) -> Step:
        made = Step(do, self.name, path, said, **more)
        self.found.steps.append(made)
        return made

    def refuse(self, problem: Problem) -> None:
        self.found.wrong.append(problem)

    # A prompt that the ledger does not know

    def _restore(self, results: list[ResultFile]) -> None:
        metadata = self.metadata
        assert metadata is not None  # noqa: S101  (_is_history)
        wrong = restoring.refused(metadata, self.files)
        self.found.wrong += wrong
        policy = self._policy(metadata, {})
        history = History(metadata, self.files, self._read_examples(), results, policy)
        live = [one.label for one in self.files if one.stage == Stage.PRD]
        said = f"{len(self.files)} versions as they were, {live[0] if live else 'none'} in production"
        self.step(RESTORE, metadata.path, said, history=history)

    def _create(self) -> None:
        if self.metadata is None and not self.files:
            return
        for file in self.files:
            if file.stage == Stage.RET:
                said = f"The ledger does not know '{self.name}': what was in production is taken over with --history."
                self.refuse(file.problem("PL016", said, "stage"))
        metadata = self.metadata or MetadataFile(self.name)
        if metadata.mode == Mode.TRACKING:
            said = "A tracking prompt is registered by code (register-code), or taken over with --history."
            self.refuse(metadata.problem("PL014", said, "mode"))
        first = self.files[0] if self.files else None
        kind = first.kind if first else metadata.type or "text"
        if metadata.type not in (None, kind):
            self.refuse(
                metadata.problem("PL016", f"type is {metadata.type}, and {first and first.path} is {kind}.", "type")
            )
        fields = {"type": kind, "template_format": metadata.template_format} | self._described(metadata, Prompt())
        if first and first.version is not None and standings.bump(first, standings.highest(None, 0)) is None:
            said = f"The ledger does not know '{self.name}' and begins with v1.0. Leave version and label out."
            self.refuse(first.problem("PL016", said, "version"))
        path = first.path if first else metadata.path
        made = self.step(CREATE, path, "v1.0 as a draft" if first else "without a text", file=first, fields=fields)
        if first:
            self._move(first, made, Stage.DEV)

    # A prompt that is there

    def _described(self, metadata: MetadataFile, prompt: Prompt) -> dict[str, Any]:
        """The fields of the prompt that the file sets, by their names."""
        whole = metadata.is_history
        said = {key: getattr(metadata, key) for key in ("title", "description", "owner_team", "tags")
                if whole or key in metadata.said}  # fmt: skip
        if whole or {"inputs", "outputs", "more", "updated_at"} & metadata.said:
            kept = {} if whole or "more" in metadata.said else dict(prompt.metadata)
            said["metadata"] = kept | metadata.metadata
        if whole or {"threshold", "evaluation"} & metadata.said:
            kept = {} if whole or "evaluation" in metadata.said else dict(prompt.evaluation)
            said["evaluation"] = self._policy(metadata, kept)
        for key in ("agent", "status_key"):
            if key in metadata.said:
                said[key] = getattr(metadata, key)
        return said

    def _policy(self, metadata: MetadataFile, kept: dict[str, Any]) -> dict[str, Any]:
        given = dict(metadata.evaluation)
        if "threshold" in metadata.said:
            given.setdefault("threshold", None)
        try:
            return merged(Prompt(evaluation=kept), given)
        except BadInput as error:
            self.refuse(metadata.problem("PL037", error.detail, "evaluation"))
            return kept

    def _describe(self, standing: Standing) -> None:
        metadata, prompt = self.metadata, standing.prompt
        if metadata is None:
            return
        if "mode" in metadata.said and metadata.mode != prompt.mode:
            self.refuse(
                metadata.problem("PL014", f"'{self.name}' is in {prompt.mode} mode: that never changes.", "mode")
            )
        for key in ("type", "template_format"):
            if key in metadata.said and getattr(metadata, key) != getattr(prompt, key):
                said = f"{key} of '{self.name}' is {getattr(prompt, key)} and cannot change. Give it another name."
                self.refuse(metadata.problem("PL014", said, key))
        now: dict[str, Any] = {"agent": prompt.agent.name if prompt.agent else None}
        changed = {
            key: value for key, value in self._described(metadata, prompt).items()
            if (sorted(value) if key == "tags" else value) != now.get(key, getattr(prompt, key))
        }  # fmt: skip
        fixed = sorted({"agent", "status_key"} & changed.keys())
        if fixed and prompt.agent is not None and any(row.stage in (*SEALED, Stage.TST) for row in standing.versions):
            said = f"{', '.join(fixed)} of '{self.name}' cannot change any more: a version has left DEV."
            self.refuse(metadata.problem("PL014", said, fixed[0]))
        if changed:
            self.step(DESCRIBE, metadata.path, ", ".join(sorted(changed)), fields=changed)

    def _version(self, file: VersionFile) -> None:
        """Decide on one file of a version."""
        standing = self.standing
        if standing is None:
            self._new(file, None)
            return
        if file.version is None:
            row = standing.alike(file, self._claimed())
        else:
            row = standing.numbered(file.version)
            if row is None:
                self._new(file, standing)
                return
            if row.label != file.label:
                self.refuse(file.problem("PL016", f"Version {file.version} is {row.label} in the ledger.", "label"))
                return
        if row is None:
            self._unnumbered(file, standing)
        elif standing.says(row, file):
            self._move(file, row, row.stage)
        else:
            self._other_text(file, row, standing)

    def _claimed(self) -> set[int]:
        """The versions that other files speak of by number."""
        return {one.version for one in self.files if one.version is not None}

    def _unnumbered(self, file: VersionFile, standing: Standing) -> None:
        """A text that no version has: the newest DEV draft says it from now on, or a new one, as with PUT (S1-28)."""
        if file.stage == Stage.RET:
            self.refuse(
                file.problem("PL016", "No version of the ledger has this text: it was never in production.", "name")
            )
            return
        taken = self._claimed() | {
            step.version.version for step in self.found.steps if step.name == self.name and step.version
        }
        draft = standing.newest_draft(taken) if file.stage in EDITABLE else None
        if draft is not None:
            self._edit(file, draft)
        else:
            self._new(file, standing)

    def _new(self, file: VersionFile, standing: Standing | None) -> None:
        """The next version, as a draft."""
        if self._refuses_tracking(file) or file.stage == Stage.RET:
            if file.stage == Stage.RET and standing is not None:
                self.refuse(
                    file.problem(
                        "PL016", f"The ledger has no {file.label or 'version'} that was in production.", "version"
                    )
                )
            return
        before = sum(
            step.do in (CREATE, DRAFT) and step.file is not None for step in self.found.steps if step.name == self.name
        )
        highest = standings.highest(standing, before)
        fields: dict[str, Any] = {}
        if file.version is not None:
            bump = standings.bump(file, highest)
            if bump is None:
                said = f"The ledger would not give {file.label} next. Leave version and label out: it gives them."
                self.refuse(file.problem("PL016", said, "version"))
                return
            fields["bump"] = bump
        made = self.step(DRAFT, file.path, f"{file.label or 'the next version'} as a draft", file=file, fields=fields)
        self._move(file, made, Stage.DEV)

    def _other_text(self, file: VersionFile, row: PromptVersion, standing: Standing) -> None:
        """A file whose text is not the one of its number."""
        if row.stage in SEALED:
            said = f"{row.label} is in {row.stage}, and its text or config cannot change. Write a new draft instead."
            self.refuse(file.problem("PL015", said, "template"))
        elif _said_before(standing.prompt, file):
            self.note(file, f"{row.label} was edited in the ledger since; the file says what it said before.")
        elif file.updated_at is not None and row.updated_at > file.updated_at:
            said = f"{row.label} was edited in the ledger as well, after this file was written. Export, and edit again."
            self.refuse(file.problem("PL015", said, "updated_at"))
        else:
            self._edit(file, row)

    def _edit(self, file: VersionFile, row: PromptVersion) -> None:
        if self._refuses_tracking(file):
            return
        if row.archived_at is not None:
            self.refuse(
                file.problem("PL014", f"{row.label} is archived. Unarchive it, or write a new draft.", "template")
            )
            return
        step = self.step(EDIT, file.path, f"{row.label} says what the file says", file=file, version=row)
        self._move(file, step, row.stage)

    def _move(self, file: VersionFile, what: "Step | PromptVersion", stage: str) -> None:
        """Ask for the promotions that lead from a stage to the file's."""
        row = what if isinstance(what, PromptVersion) else what.version
        after = what if isinstance(what, Step) else None
        order = list(Stage.values)
        if order.index(stage) > order.index(file.stage):
            self.note(file, f"{row.label if row else file.label} is in {stage} in the ledger already.")
            return
        if stage == file.stage:
            return
        if file.stage == Stage.RET:
            if stage == Stage.PRD:
                self.note(
                    file, f"{row.label if row else ''} is in production; it retires when another takes its place."
                )
            else:
                self.refuse(
                    file.problem("PL016", f"It is in {stage} in the ledger: it was never in production.", "stage")
                )
            return
        if self._refuses_tracking(file):
            return
        if stage == Stage.DEV:
            after = self.step(TEST, file.path, self._called(file, row), version=row, after=after)
        if file.stage == Stage.PRD:
            self.step(RELEASE, file.path, f"{self._called(file, row)}, if the gate lets it", version=row, after=after)

    def _called(self, file: VersionFile, row: PromptVersion | None) -> str:
        return row.label if row else file.label or "the new version"

    def _refuses_tracking(self, file: VersionFile) -> bool:
        if self.standing is None or self.standing.prompt.mode != Mode.TRACKING:
            return False
        said = f"'{self.name}' is a tracking prompt: code registers its texts. Change it where the code is."
        self.refuse(file.problem("PL014", said, "template"))
        return True

    def note(self, file: VersionFile, said: str) -> None:
        self.found.notes.append(f"{file.path}: {said}")

    # Examples

    def _read_examples(self) -> list[Item]:
        """The examples as they are: a ledger may hold some that it would not take today."""
        parsed = examples.read(self.example_files, None, "simple", {})
        self.found.wrong += [problem for problem in parsed.problems if problem.rule.blocks]
        return parsed.items

    def _examples(self) -> None:
        present = self.standing.dataset if self.standing else None
        items = self._read_examples()
        if not items or (present is not None and present.sha256 == examples.digest(items)):
            return
        newest = max(self.files, key=lambda one: (one.version or 2**32, one.path), default=None)
        style = self.metadata.template_format if self.metadata else "simple"
        kept = self.standing.prompt.evaluation if self.standing else {}
        policy = kept | (self.metadata.evaluation if self.metadata else {})
        for problem in examples.read(self.example_files, newest, style, policy).problems:
            if problem in self.found.wrong:
                continue
            if problem.rule.blocks:
                self.refuse(problem)
            else:
                self.found.notes.append(f"{problem.path}:{problem.line}: {problem.said}")
        self.step(EXAMPLES, self.example_files[0].path, f"{len(items)} examples", items=items)


def _said_before(prompt: Prompt, file: VersionFile) -> bool:
    """Whether a version of the prompt ever said what the file says."""
    return LedgerEvent.objects.filter(prompt_id=prompt.pk, after_hash=file.own_content_hash).exists()
