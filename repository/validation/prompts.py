"""Rules about prompts: their metadata, variables and examples."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from common.canonical import sha256
from common.errors import BadInput
from evaluations.declared import names_in
from repository.examples import read, variables_of
from repository.files import fields, layout
from repository.files.codes import Problem
from repository.files.metadata import MetadataFile
from repository.files.tree import Tree
from repository.files.versions import VersionFile
from versions import content
from versions.stages import EDITABLE, SEALED, Stage


def metadata(tree: Tree) -> Iterator[Problem]:
    """Every prompt is described, says what it must show, and its description is not older than its texts (S3-24)."""
    versions = tree.versions_of()
    for name, files in versions.items():
        if name not in tree.metadata:
            said = f"'{name}' has no metadata: write {layout.metadata_path(tree.stems[name])}."
            yield files[0].problem("PL030", said, "name")
    for name, found in tree.metadata.items():
        if name not in versions:
            yield found.problem("PL036", f"No file holds a version of '{name}'.", "name")
        lacking = [key for key in ("inputs", "outputs") if not found.metadata.get(key)]
        lacking = lacking if found.description.strip() else ["description", *lacking]
        if lacking:
            yield found.problem("PL031", f"It lacks {', '.join(lacking)}.", lacking[0])
        if "threshold" not in found.said:
            yield found.problem("PL032", "Say threshold: 0.85 (the score to reach), or threshold: null for no gate.")
        yield from _older(found, versions.get(name, []))
        yield from _broken_templates(found, versions.get(name, []))


def _older(found: MetadataFile, files: list[VersionFile]) -> Iterator[Problem]:
    """Metadata that were written for other texts than those that are sealed now."""
    reviewed = _moment(found.metadata.get("updated_at"))
    newest = max((one.updated_at for one in files if one.updated_at), default=None)
    if reviewed and newest and newest > reviewed:
        said = f"updated_at is before {fields.said_instant(newest)}, when a version was last edited. Look it over."
        yield found.problem("PL035", said, "updated_at")
    listed = {row.get("version"): row for row in found.versions}
    asks = any(file.asks for file in files)
    for position, row in enumerate(found.versions):
        path = row.get("file")
        file = next((one for one in files if one.version == row.get("version")), None)
        if (file.asks and row.get("stage") in EDITABLE) if file else (asks and row.get("stage") == Stage.PRD):
            continue  # a draft that was moved to 02-production, and what it shall take the place of
        if file is None:
            said = f"versions names {row.get('label') or row.get('version')}, and no file holds it ({path})."
            yield found.problem("PL035", said, "versions", position)
        elif file.stage in SEALED and (row.get("sha256") != sha256(file.text) or row.get("stage") != file.stage):
            said = f"versions says another text or stage of {file.label} than {file.path}. Export again."
            yield found.problem("PL035", said, "versions", position)
    if found.versions:
        for file in files:
            if file.stage in SEALED and not file.asks and file.version not in listed:
                yield found.problem(
                    "PL035", f"versions does not name {file.label or file.path}. Export again.", "versions"
                )


def _moment(value: Any) -> datetime | None:
    try:
        return fields.instant(value)
    except fields.Wrong:
        return None


def _broken_templates(found: MetadataFile, files: list[VersionFile]) -> Iterator[Problem]:
    """Texts that the prompt's own engine cannot read."""
    if found.template_format == "simple":
        return
    for file in files:
        try:
            content.check_text(file.kind, file.text, found.template_format)
        except BadInput as error:
            yield file.problem("PL013", error.detail, "template")


def variables(tree: Tree) -> Iterator[Problem]:
    """What texts ask for, and what inputs declare, are the same."""
    for name, files in tree.versions_of().items():
        found = tree.metadata.get(name)
        if found is None or not found.metadata.get("inputs"):
            continue
        declared = names_in(found.metadata["inputs"])
        used: set[str] = set()
        for file in files:
            asked = variables_of(file, found.template_format)
            used |= set(asked)
            lacking = [one for one in asked if one not in declared]
            # What was in production once says nothing about what the inputs must be now.
            if lacking and file.stage != Stage.RET:
                where = _line_of(file, lacking[0])
                said = f"It asks for {', '.join(lacking)}, which inputs of {found.path} do not name."
                yield Problem(file.path, where, "PL033", said)
        for one in sorted(declared - used):
            yield found.problem("PL034", f"No text asks for the input {one}.", "inputs", one)


def _line_of(file: VersionFile, name: str) -> int:
    """The line of a variable, where the text is a block; else that of the text."""
    start = file.line("template" if file.kind == "text" else "messages")
    before = file.text.partition(name)[0]
    is_block = file.kind == "text" and "\n" in file.text.rstrip("\n")
    return start + before.count("\n") + 1 if is_block else start


def examples(tree: Tree) -> Iterator[Problem]:
    """Examples can be read, are there once, say what is expected, and give what the text asks for (S3-2, S3-34)."""
    versions, sets = tree.versions_of(), tree.examples_of()
    for name in tree.names:
        found = tree.metadata.get(name)
        files = sets.get(name, [])
        policy = found.evaluation if found else {}
        newest = max(versions.get(name, []), key=lambda one: (one.version or 2**32, one.path), default=None)
        parsed = read(files, newest, found.template_format if found else "simple", policy)
        yield from parsed.problems
        # A template is free to be without, until somebody wants to know whether it is good (S3-1).
        wanted = any(file.stage in (Stage.TST, Stage.PRD) for file in versions.get(name, []))
        if wanted and found and found.threshold is not None and not parsed.items and not parsed.problems:
            said = f"There is a threshold and nothing to score on: write {layout.examples_path(tree.stems[name])}."
            yield found.problem("PL040", said, "threshold")
    own = {one.path for listed in sets.values() for one in listed}
    for one in tree.examples:
        if one.path not in own:
            yield Problem(one.path, 1, "PL045", f"No prompt's files are called {one.stem}.")
