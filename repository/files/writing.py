"""Writing a tree of prompt files: never outside its folder, never through a link, each file whole or not at all."""

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from common.errors import BadInput, Conflict
from repository.files import layout
from repository.files.tree import Tree, read_plain
from repository.files.yaml_text import Unreadable


@dataclass
class Changes:
    """What has to be done to a folder so that it holds a tree."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)  # of prompts that the ledger does not know: left alone

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone)

    def lines(self) -> list[str]:
        """One line for each file, by path."""
        words = {"new": self.new, "changed": self.changed, "gone": self.gone, "strange": self.strange}
        said = sorted((path, how) for how, paths in words.items() for path in paths)
        return [f"{how:8}{path}" for path, how in said]


def check_target(root: Path, *, force: bool = False) -> None:
    """Raise BadInput or Conflict unless this folder may become, or is, a tree of prompt files."""
    if not root.exists():
        if root.is_symlink():
            raise BadInput(f"{root} is a link that leads nowhere.")
        return
    if not root.is_dir():
        raise BadInput(f"{root} is no folder.")
    there = {path.name for path in root.iterdir() if not path.name.startswith(".")}
    if there and not (there & {*layout.FOLDERS, layout.REGISTRY}) and not force:
        raise Conflict(f"{root} holds other things than prompt files. Name an empty folder, or say --force.")
    for name in (*layout.FOLDERS, layout.REGISTRY):
        wanted = stat.S_ISREG if name == layout.REGISTRY else stat.S_ISDIR
        path = root / name
        if os.path.lexists(path) and not wanted(path.lstat().st_mode):
            raise BadInput(f"{path} is a link or something else that is not written to. Remove it.")


def compare(root: Path, files: dict[str, bytes], there: Tree, names: Iterable[str]) -> Changes:
    """Return how `there`, the tree that is at `root`, differs from `files`; `names` are the prompts that those are of.

    What is there of these prompts and not among the files is gone, but results: 04-evals is a log. Files of prompts
    that the ledger does not know are left alone.
    """
    found = Changes()
    for path, source in files.items():
        if path not in there.paths:
            found.new.append(path)
        elif not _says(root / path, source):
            found.changed.append(path)
    known = set(names)
    own = {one.path for one in there.versions if one.name in known}
    own |= {one.path for name, one in there.metadata.items() if name in known}
    own |= {one.path for name, listed in there.examples_of().items() if name in known for one in listed}
    found.gone = sorted(own - set(files))
    listed = {one.path for one in there.versions} | {one.path for one in there.metadata.values()}
    listed |= {one.path for one in there.examples}
    found.strange = sorted(listed - own - set(files))
    return found


def _says(path: Path, source: bytes) -> bool:
    try:
        return read_plain(str(path), len(source)) == source
    except Unreadable:
        return False


def write(
    root: Path, files: dict[str, bytes], changes: Changes, *, seen: Callable[[int], object] = lambda number: None
) -> None:
    """Make the changes below `root`. Raises BadInput where the system refuses; each file is whole, or as it was."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        for folder in sorted({path.partition("/")[0] for path in files if "/" in path}):
            (root / folder).mkdir(exist_ok=True)
        check_target(root)
        for path in [*changes.new, *changes.changed]:
            _put(root / path, files[path])
            seen(1)
        for path in changes.gone:
            (root / path).unlink(missing_ok=True)
            seen(1)
    except OSError as error:
        raise BadInput(f"{error.filename or root}: {error.strerror}.") from error


def put(path: Path, source: bytes, *, below: Path | None = None) -> None:
    """Write one file: beside its place, then moved there, so that nobody sees a half, and no link is followed.

    `below` is the tree that it is in. Raises BadInput where the system refuses, or a folder of the tree is none.
    """
    try:
        if below is not None:
            check_target(below)
            path.parent.mkdir(exist_ok=True)
        _put(path, source)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}.") from error


def _put(path: Path, source: bytes) -> None:
    """Write a file beside its place, then move it there: nobody sees a half, and no link is followed."""
    beside = path.with_name(f".{path.name[:60]}.{os.getpid()}.new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o644)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(source)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
