"""The files of a source tree in which prompts are looked for."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

PYTHON = (".py",)
PROMPT_FILES = (".prompt.yaml", ".prompt.yml", ".prompt.json")
WANTED = ", ".join(f"*{ending}" for ending in PYTHON + PROMPT_FILES)
NEVER = {"__pycache__", "node_modules", "site-packages"}


def is_source(name: str) -> bool:
    """Whether prompts are looked for in a file of this name."""
    return name.endswith(PYTHON + PROMPT_FILES)


def files_in(root: Path, exclude: list[str], trouble: Callable[[Path, str], None]) -> Iterator[Path]:
    """Yield the source files below a folder, in order of their paths.

    Left out: hidden folders, virtual environments, __pycache__, node_modules, site-packages, links to folders (so that
    no loop is walked), everything that is no plain file, and what matches a pattern of `exclude`, by name or by path
    from `root`. `trouble` is told of folders that cannot be read.
    """
    waiting = [(root, "")]
    while waiting:
        folder, below = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            trouble(folder, f"cannot be read: {error.strerror}")
            continue
        folders = []
        for entry in listed:
            path = f"{below}{entry.name}"
            if any(fnmatch.fnmatchcase(path, one) or fnmatch.fnmatchcase(entry.name, one) for one in exclude):
                continue
            if entry.is_dir(follow_symlinks=False):
                if is_walked(entry):
                    folders.append((folder / entry.name, f"{path}/"))
            elif is_source(entry.name) and is_plain(entry):
                yield folder / entry.name
        waiting.extend(reversed(folders))


def is_walked(entry: os.DirEntry[str]) -> bool:
    """Whether a folder is looked into."""
    if entry.name.startswith(".") or entry.name in NEVER:
        return False
    return not os.path.lexists(os.path.join(entry.path, "pyvenv.cfg"))  # noqa: PTH118  a Path each is slow


def is_plain(entry: os.DirEntry[str]) -> bool:
    """Whether it is a plain file, also by a link; a pipe would wait for ever."""
    try:
        return stat.S_ISREG(entry.stat().st_mode)
    except OSError:
        return False
