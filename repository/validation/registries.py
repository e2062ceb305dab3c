"""Rules about prompt_registry.yaml: it names what is there, and says what the files say (S3-31)."""

from collections.abc import Iterator
from typing import Any

from common.canonical import sha256
from repository.files import layout
from repository.files.codes import Problem
from repository.files.tree import Tree
from repository.files.versions import VersionFile
from versions.stages import EDITABLE, SEALED, Stage

PLACES = ("production", "draft", "examples", "evaluation")


def registry(tree: Tree) -> Iterator[Problem]:
    """Everything that the registry says, and the files do not."""
    if tree.registry is None:
        if layout.REGISTRY not in tree.paths and tree.names:
            yield Problem("", 1, "PL052", f"There is no {layout.REGISTRY}: an export writes it.")
        return
    value = tree.registry.value
    if not isinstance(value, dict) or not isinstance(value.get("prompts"), dict):
        yield _problem(tree, "PL051", "It must be a mapping with prompts, by name.")
        return
    if value.get("schema_version") != layout.SCHEMA_VERSION:
        said = f"schema_version must be {layout.SCHEMA_VERSION}."
        yield _problem(tree, "PL012", said, "schema_version")
    versions = tree.versions_of()
    for name, row in value["prompts"].items():
        if not isinstance(row, dict):
            yield _problem(tree, "PL051", "A row must be a mapping.", "prompts", name)
            continue
        yield from _paths(tree, name, row, _left(row, versions.get(name, [])))
        if name not in versions and name not in tree.metadata:
            yield _problem(tree, "PL051", f"No file is of '{name}'.", "prompts", name)
            continue
        yield from _row(tree, name, row, versions.get(name, []))
    for name in tree.names:
        # A draft is new until it is imported, and so is what asks for its promotion; what was in production has been.
        sealed = any(file.stage in SEALED and not file.asks for file in versions.get(name, []))
        if name not in value["prompts"] and sealed:
            yield _problem(tree, "PL051", f"It does not name '{name}', of which there are files.", "prompts")


def _left(row: dict[str, Any], files: list[VersionFile]) -> set[Any]:
    """Where drafts stood that ask for their promotion now: moved to 02-production, until an import gave its answer."""
    said = row.get("versions")
    drafts = [one for one in (said if isinstance(said, list) else []) if isinstance(one, dict)]
    asking = {file.label for file in files if file.asks and file.label}
    return {one.get("file") for one in drafts if one.get("stage") in EDITABLE and one.get("label") in asking}


def _paths(tree: Tree, name: str, row: dict[str, Any], left: set[Any]) -> Iterator[Problem]:
    """Paths that lead nowhere. None of them is opened: they are looked up among those that were found."""
    named: list[tuple[tuple[Any, ...], Any]] = []
    named += [((key, "file"), row[key].get("file")) for key in PLACES if isinstance(row.get(key), dict)]
    listed = row.get("versions")
    for key, several in (("files", row.get("files")), ("versions", listed)):
        for position, one in enumerate(several if isinstance(several, list) else []):
            where: tuple[Any, ...] = (key, position) if key == "files" else (key, position, "file")
            named.append((where, one.get("file") if isinstance(one, dict) else one))
    told: set[Any] = set()
    for where, path in named:
        if isinstance(path, str) and (path in tree.paths or path in left):
            continue
        shown = path if isinstance(path, str) else repr(path)
        if shown not in told:
            told.add(shown)
            yield _problem(tree, "PL050", f"'{name}': there is no file {shown}.", "prompts", name, *where)


def _row(tree: Tree, name: str, row: dict[str, Any], files: list[VersionFile]) -> Iterator[Problem]:
    live = next((file for file in files if file.stage == Stage.PRD), None)
    said = row.get("production")
    if live is not None and live.asks:
        pass  # what it says is wanted live; the registry says what is
    elif (said is None) != (live is None):
        text = f"It says that '{name}' is {'not ' if said is None else ''}in production; the files say otherwise."
        yield _problem(tree, "PL051", text, "prompts", name, "production")
    elif live is not None and not _is(said, live):
        text = f"It says another version or text of '{name}' than {live.path}."
        yield _problem(tree, "PL051", text, "prompts", name, "production")
    found = tree.metadata.get(name)
    if found is not None and "threshold" in found.said and row.get("threshold") != found.threshold:
        text = f"threshold of '{name}' is {found.threshold} in {found.path}, and {row.get('threshold')} here."
        yield _problem(tree, "PL051", text, "prompts", name, "threshold")
    if found is not None and (row.get("description") or "") != found.description:
        text = f"It describes '{name}' otherwise than {found.path}."
        yield _problem(tree, "PL051", text, "prompts", name, "description")


def _is(said: Any, live: VersionFile) -> bool:
    """Whether a row speaks of this version."""
    if not isinstance(said, dict) or said.get("sha256") != sha256(live.text):
        return False
    return live.label is None or said.get("label") == live.label


def _problem(tree: Tree, code: str, said: str, *where: Any) -> Problem:
    line = tree.registry.line(*where) if tree.registry else 1
    return Problem(layout.REGISTRY, line, code, said)
