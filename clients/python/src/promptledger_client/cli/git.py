"""What git says of the code: its commit, when that was made, and whether the files are as committed."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

SECONDS = 30


@dataclass(frozen=True)
class Commit:
    """What is checked out: the commit, its time (ISO 8601), the changed files below the path that was asked for."""

    sha: str
    at: str
    dirty: tuple[str, ...] = ()


def commit_of(path: Path) -> tuple[Commit | None, str]:
    """Return the commit of the work tree around `path`, or None and why git does not say it ("": no work tree)."""
    folder = path if path.is_dir() else path.parent
    inside = _git(folder, "rev-parse", "--is-inside-work-tree")
    if inside is None:
        return None, ""
    if inside[0] or inside[1].strip() != "true":
        said = inside[2].strip().splitlines()
        return None, "" if not said or "not a git repository" in said[0] else said[0]
    shown = _git(folder, "show", "--no-patch", "--format=%H %cI", "HEAD")
    if shown is None or shown[0]:
        return None, "the work tree has no commit yet"
    sha, _, at = shown[1].strip().partition(" ")
    changed = _git(folder, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--", str(path.resolve()))
    lines = changed[1].split("\0") if changed and not changed[0] else []
    return Commit(sha, at, tuple(line[3:] for line in lines if len(line) > 3)), ""


def _git(folder: Path, *arguments: str) -> tuple[int, str, str] | None:
    """Run git in a folder. Returns its exit code and what it says; None where there is no git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],  # noqa: S607
            capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode, done.stdout, done.stderr
