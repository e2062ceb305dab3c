"""Reading a tree of prompt files: everything in it, and everything wrong with it. Writes nothing, follows no link."""

import os
import stat
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.strict_json import BODY_LIMIT
from repository.files import layout
from repository.files.codes import Problem
from repository.files.metadata import MetadataFile, bad_name, read_metadata
from repository.files.results import ResultFile, read_result
from repository.files.versions import VersionFile, read_version
from repository.files.yaml_text import FILE_LIMIT, LISTS_LIMIT, REGISTRY_LIMIT, Document, Unreadable, read
from versions.stages import Stage

FILES_LIMIT = 100_000
LIMITS = {layout.EXAMPLES: BODY_LIMIT, layout.EVALS: BODY_LIMIT, layout.METADATA: LISTS_LIMIT, "": REGISTRY_LIMIT}
IGNORED = frozenset({"README.md", "README", "LICENSE", "CODEOWNERS"})
Seen = Callable[[int], object]


@dataclass
class ExampleFile:
    """One file of examples, as it is: how to read it depends on its prompt's variables and scorer."""

    path: str
    stem: str
    source: bytes


@dataclass
class Tree:
    """Everything that a tree of prompt files says."""

    root: Path
    paths: set[str] = field(default_factory=set)
    versions: list[VersionFile] = field(default_factory=list)
    metadata: dict[str, MetadataFile] = field(default_factory=dict)
    examples: list[ExampleFile] = field(default_factory=list)
    results: list[ResultFile] = field(default_factory=list)
    registry: Document | None = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The prompts that it speaks of, sorted."""
        return sorted({*(one.name for one in self.versions), *self.metadata})

    @property
    def stems(self) -> dict[str, str]:
        """The stem of each prompt's files."""
        return layout.stems(self.names)

    def versions_of(self) -> dict[str, list[VersionFile]]:
        """The versions of each prompt: in the order of their numbers, those without a number last."""
        found: dict[str, list[VersionFile]] = defaultdict(list)
        for version in sorted(self.versions, key=lambda one: (one.version or 2**32, one.path)):
            found[version.name].append(version)
        return dict(found)

    def examples_of(self) -> dict[str, list[ExampleFile]]:
        """The files of examples of each prompt; those of no prompt are left out."""
        of_stem = {layout.hashed_stem(name): name for name in self.names} | {s: name for name, s in self.stems.items()}
        found: dict[str, list[ExampleFile]] = defaultdict(list)
        for one in self.examples:
            if one.stem in of_stem:
                found[of_stem[one.stem]].append(one)
        return dict(found)


def is_tree(folder: Path) -> bool:
    """Whether a folder is the root of a tree."""
    return any((folder / name).exists() for name in (*layout.FOLDERS, layout.REGISTRY))


def root_of(path: Path) -> Path | None:
    """The root of the tree that a path is in, or None."""
    path = Path(os.path.abspath(path))  # noqa: PTH100  (resolve() would follow links)
    return next((folder for folder in (path, *path.parents) if folder.is_dir() and is_tree(folder)), None)


def read_tree(root: Path, *, seen: Seen = lambda number: None) -> Tree:
    """Return everything below `root`. Raises nothing for what is in the files: it is told in `problems`."""
    tree = Tree(root)
    for path, source in _files(root, tree.problems):
        tree.paths.add(path)
        if source is not None:
            _take_in(tree, path, source)
        seen(1)
    tree.problems += [*_names(tree), *_doubles(tree)]
    return tree


def _take_in(tree: Tree, path: str, source: bytes) -> None:
    folder, _, rest = path.partition("/")
    wrong: list[Problem] = []
    if path == layout.REGISTRY:
        try:
            tree.registry = read(source, REGISTRY_LIMIT)
        except Unreadable as error:
            wrong.append(Problem(path, error.line, error.code, error.said))
    elif folder in layout.STAGES_IN:
        version, wrong = read_version(path, source)
        tree.versions += [version] if version else []
    elif folder == layout.METADATA:
        found, wrong = read_metadata(path, source)
        if found and found.name in tree.metadata:
            other = tree.metadata[found.name].path
            wrong.append(found.problem("PL019", f"'{found.name}' has metadata in {other} already.", "name"))
        elif found:
            tree.metadata[found.name] = found
    elif folder == layout.EXAMPLES:
        tree.examples.append(
            ExampleFile(path, rest.partition("/")[0].removesuffix(".jsonl").removesuffix(".json"), source)
        )
    elif folder == layout.EVALS:
        result, wrong = read_result(path, source)
        tree.results += [result] if result else []
    tree.problems += wrong


def _files(root: Path, problems: list[Problem]) -> Iterator[tuple[str, bytes | None]]:
    """Yield the path and bytes of every file that has a place in the layout; None where it cannot be read."""
    count = 0
    for path, entry in _walk(root, "", problems):
        folder = path.partition("/")[0] if "/" in path else ""
        if not folder and path != layout.REGISTRY:
            if not path.startswith(".") and path not in IGNORED:
                problems.append(Problem(path, 1, "PL005", "This file has no place here: it is not read."))
            continue
        if folder and not path.endswith(layout.ENDINGS[folder]):
            if not entry.name.startswith(".") and entry.name not in IGNORED:
                wanted = " or ".join(layout.ENDINGS[folder])
                problems.append(Problem(path, 1, "PL005", f"Files of {folder}/ end in {wanted}: this one is not read."))
            continue
        count += 1
        if count > FILES_LIMIT:
            problems.append(Problem("", 1, "PL003", f"The tree holds over {FILES_LIMIT:,} files."))
            return
        try:
            yield path, read_plain(entry.path, LIMITS.get(folder, FILE_LIMIT))
        except Unreadable as error:
            problems.append(Problem(path, error.line, error.code, error.said))
            yield path, None


def _walk(folder: Path, below: str, problems: list[Problem]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield plain files with their path below the root; links, devices, odd names and strange folders are told."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        problems.append(Problem(below.rstrip("/"), 1, "PL001", f"The folder cannot be read: {error.strerror}."))
        return
    like = Counter(layout.folded(entry.name) for entry in listed)
    for entry in listed:
        path = below + entry.name
        shown = path.encode("utf-8", "backslashreplace").decode()
        if not below and entry.name.startswith("."):
            continue  # .git and the like
        if why := layout.why_unsafe(entry.name):
            problems.append(Problem(shown, 1, "PL004", f"The name {why}. Rename it."))
        elif entry.is_symlink():
            problems.append(Problem(shown, 1, "PL004", "This is a link. Put the file itself here."))
        elif like[layout.folded(entry.name)] > 1:
            problems.append(Problem(shown, 1, "PL006", "Another name here differs by upper and lower case only."))
        elif entry.is_dir(follow_symlinks=False):
            if _belongs(path):
                yield from _walk(folder / entry.name, f"{path}/", problems)
            else:
                problems.append(Problem(shown, 1, "PL005", "This folder has no place here: it is not read."))
        elif entry.is_file(follow_symlinks=False):
            yield path, entry
        else:
            problems.append(Problem(shown, 1, "PL004", "This is no plain file."))


def _belongs(path: str) -> bool:
    """Whether a folder has a place: the six, and one for each prompt below 01-examples."""
    top, _, rest = path.partition("/")
    return top in layout.FOLDERS and (not rest or (top == layout.EXAMPLES and "/" not in rest))


def read_plain(path: str, limit: int) -> bytes:
    """Return the bytes of a plain file, never through a link, never waiting for a pipe. Raises Unreadable."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise Unreadable("PL004", 1, "This is no plain file.")
            source = file.read(limit + 1)
    except OSError as error:
        raise Unreadable("PL001", 1, f"It cannot be read: {error.strerror}.") from error
    if len(source) > limit:
        raise Unreadable("PL003", 1, f"The file is over {limit // 1024:,} KiB.")
    return source


def _names(tree: Tree) -> Iterator[Problem]:
    for version in tree.versions:
        if why := bad_name(version.name):
            yield version.problem("PL011", f"name: {why}", "name")


def _doubles(tree: Tree) -> Iterator[Problem]:
    """What may be there once only, over all files."""
    numbers: dict[tuple[str, Any], VersionFile] = {}
    live: dict[str, VersionFile] = {}
    for version in tree.versions:
        for said in (version.version, version.label):
            if said is not None and (other := numbers.setdefault((version.name, said), version)) is not version:
                yield version.problem("PL018", f"'{version.name}' {said} is in {other.path} already.", "version")
                break
        if version.stage == Stage.PRD and (other := live.setdefault(version.name, version)) is not version:
            said = f"'{version.name}' is in production by {other.path} already: one version of a prompt can be."
            yield version.problem("PL017", said, "name")
    slots: dict[tuple[str, str], MetadataFile] = {}
    for found in tree.metadata.values():
        if found.agent and (one := slots.setdefault((found.agent, found.status_key), found)) is not found:
            said = f"Agent '{found.agent}' has '{one.name}' for status key '{found.status_key}' already ({one.path})."
            yield found.problem("PL019", said, "agent")
