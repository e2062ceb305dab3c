"""What tools/release.py knows of the server: versions, programs, refs, what the files of a commit say, and pushing.

Nothing in the working tree is read or written.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

MAIN = "refs/heads/main"
BRANCH = "refs/heads/chore/version-bump-"
TAG = "refs/tags/v"
# Where the version is said: once in each file, between the two groups.
FILES = {
    "pyproject.toml": re.compile(r'^(version = ")([^"\n]*)(")', re.MULTILINE),
    "promptledger/__init__.py": re.compile(r'^(__version__ = ")([^"\n]*)(")', re.MULTILINE),
    "clients/python/pyproject.toml": re.compile(r'^(version = ")([^"\n]*)(")', re.MULTILINE),
    "clients/python/src/promptledger_client/version.py": re.compile(r'^(VERSION = ")([^"\n]*)(")', re.MULTILINE),
}
SEMVER = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
BUMPS = ("major", "minor", "patch")
SECONDS = 100

# What a server says of a refused push: of a ref by its name, and of a ref's line in `git push --porcelain`.
NAMED = re.compile(r"GH0(?:06|13): .* for (refs/\S+?)\.?$", re.MULTILINE)
LINE = re.compile(r"^!\t[^\t:]*:(\S+)\t\[[^]]*\] \((.*)\)$", re.MULTILINE)
COLLATERAL = re.compile(r"atomic")
MOVED = re.compile(
    r"fetch first|non-fast-forward|stale info|already exists|failed to (update|lock)|cannot lock|unable to lock"
    r"|incorrect old value|needs force|is at .* but expected"
)
SECRET = re.compile(r"(?<=://)[^/@\s]+(?=@)|\b(?:gh[a-z]_|github_pat_)\w+")

Version = tuple[int, ...]


class Stop(Exception):
    """The end of a run, in words that say what to do."""


# Versions


def parse(text: str) -> Version:
    """X.Y.Z as numbers; a v before it and space around it do not count. Raises Stop for anything else (S2-19)."""
    found = SEMVER.fullmatch(text.strip().removeprefix("v"))
    if not found:
        raise Stop(f"{text!r} is no version: X.Y.Z, three numbers without leading zeros, as 0.2.335.")
    return tuple(int(part) for part in found.groups())


def known(text: str | None) -> Version | None:
    """The version that a file says, None where it says none; exactly X.Y.Z."""
    return parse(text) if text and SEMVER.fullmatch(text) else None


def said(version: Version) -> str:
    """The text of a version."""
    return ".".join(str(part) for part in version)


def following(highest: Version, bump: str) -> Version:
    """The version after this one."""
    place = BUMPS.index(bump)
    return (*highest[:place], highest[place] + 1, *(0 for _ in highest[place + 1 :]))


# Programs


def masked(text: str) -> str:
    """The text without tokens and without names and passwords in addresses (S2-31)."""
    for name in ("GH_TOKEN", "GITHUB_TOKEN"):
        if token := os.environ.get(name):
            text = text.replace(token, "***")
    return SECRET.sub("***", text)


def run(*command: str, stdin: str = "", **environ: str) -> tuple[int, str, str]:
    """The exit code, what a program wrote, and its complaints. Its bytes are kept as they are."""
    fixed = {"LC_ALL": "C.UTF-8", "GIT_TERMINAL_PROMPT": "0", "GH_PROMPT_DISABLED": "1"}
    try:
        done = subprocess.run(
            command, input=stdin.encode("utf-8", "surrogateescape"), capture_output=True, timeout=SECONDS, check=False,
            env={**os.environ, **fixed, **environ},
        )  # fmt: skip
    except FileNotFoundError as error:
        return 127, "", f"{command[0]} is not installed: {error}"
    except subprocess.TimeoutExpired:
        return 124, "", f"{command[0]} did not end within {SECONDS} s"
    out, complaints = (part.decode("utf-8", "surrogateescape") for part in (done.stdout, done.stderr))
    return done.returncode, out, complaints


def git(*words: str, stdin: str = "", **environ: str) -> str:
    """What a git command answers. Raises Stop when it fails."""
    code, out, complaints = run("git", *words, stdin=stdin, **environ)
    if code:
        raise Stop(f"git {words[0]} failed: {complaints.strip() or out.strip()}")
    return out


def gh(*words: str, stdin: str = "") -> str:
    """What GitHub's command answers. Raises Stop when it fails."""
    code, out, complaints = run("gh", *words, stdin=stdin)
    if code:
        raise Stop(f"gh {words[0]} {words[1]} failed: {complaints.strip() or out.strip()}")
    return out


def gh_json(*words: str) -> Any:
    """What GitHub's command answers, read as JSON. Raises Stop when it fails, or a proxy answers in its place."""
    text = gh(*words)
    try:
        return json.loads(text)
    except ValueError as error:
        raise Stop(f"gh {words[0]} {words[1]} did not answer in JSON: {text[:200]!r}") from error


def tell(kind: str, text: str) -> None:
    """Print a line that GitHub shows as an error, a warning or a notice; what a server said cannot become another."""
    text = masked(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    print(f"::{kind}::{text}", flush=True)


# What is on the server, and in its commits


@dataclass(frozen=True)
class Server:
    """What the server has: hashes of commits, or of tags on them."""

    main: str
    tags: dict[Version, str]
    branches: dict[str, str]

    @property
    def latest(self) -> Version | None:
        """The highest tag."""
        return max(self.tags, default=None)


def look() -> Server:
    """Ask the server for its refs, and fetch the commits that are not here."""
    if git("rev-parse", "--is-shallow-repository").strip() == "true":
        raise Stop("This clone is shallow: the history is needed. Run `git fetch --unshallow` (fetch-depth: 0).")
    refs = dict(reversed(line.split("\t")) for line in git("ls-remote", "origin").splitlines())
    if MAIN not in refs:
        raise Stop("The server has no branch main.")
    tags = {version: commit for name, commit in refs.items() if (version := after(TAG, name))}
    branches = {name: commit for name, commit in refs.items() if name.startswith(BRANCH)}
    wanted = {refs[MAIN], *tags.values(), *branches.values()}
    listed = git("cat-file", "--batch-check", stdin="\n".join(wanted)).splitlines()
    if missing := [line.split()[0] for line in listed if line.endswith(" missing")]:
        git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "origin", *missing)
    return Server(refs[MAIN], tags, branches)


def after(prefix: str, name: str) -> Version | None:
    """The version that a ref's name ends with, None if it is another ref."""
    return known(name[len(prefix) :]) if name.startswith(prefix) else None


def texts(names: Iterable[str]) -> list[str | None]:
    """The files of `commit:path` names, None where there is none; in one question, however many."""
    names = list(names)
    said = git("cat-file", "--batch", stdin="".join(f"{name}\n" for name in names))
    answer = BytesIO(said.encode("utf-8", "surrogateescape"))
    found: list[str | None] = []
    for _ in names:
        head = answer.readline().split()
        if head[-1] == b"missing":
            found.append(None)
        else:
            found.append(answer.read(int(head[2])).decode("utf-8", "surrogateescape"))
            answer.readline()
    return found


def in_files(commits: list[str]) -> list[dict[str, str | None]]:
    """For each commit what each of its files says; None where a file says no version, or several."""
    read = iter(texts(f"{commit}:{path}" for commit in commits for path in FILES))
    return [
        {path: once(pattern, text) for path, pattern in FILES.items() if (text := next(read)) is not None}
        for _ in commits
    ]


def once(pattern: re.Pattern[str], text: str) -> str | None:
    """What the pattern finds, if it finds it once."""
    found = pattern.findall(text)
    return found[0][1] if len(found) == 1 else None


def carried(files: dict[str, str | None]) -> Version | None:
    """The version that all the files say; None when they disagree, or are not there."""
    said_by = set(files.values())
    return known(said_by.pop()) if len(said_by) == 1 and next(iter(FILES)) in files else None


def releases_in(main: str) -> dict[Version, str]:
    """Each version that main was raised to, with the first commit on main that carries it (S2-18).

    What the project began with was not raised to, and what is lower than one before it is no release.
    """
    # From the top: wherever in the clone this runs, these are the paths of the whole tree.
    places = [f":(top,literal){path}" for path in FILES]
    commits = git("rev-list", "--first-parent", "--reverse", main, "--", *places).split()
    found: dict[Version, str] = {}
    for commit, files in zip(commits, in_files(commits), strict=True):
        version = carried(files)
        if version and version > max(found, default=()):
            found[version] = commit
    return dict(list(found.items())[1:])


def push(*refs: str, lease: str = "") -> tuple[str, str]:
    """Push all or nothing. Returns ("", "") or why not, and what was said: "moved" where trying anew may help,
    the ref that the server guards, or "failed".
    """
    # --no-follow-tags: what somebody's own configuration adds is no part of a release.
    options = ["--no-follow-tags", *([f"--force-with-lease={lease}"] if lease else [])]
    code, out, complaints = run("git", "push", "--porcelain", "--atomic", *options, "origin", *refs)
    if not code:
        return "", ""
    own = {ref: why for ref, why in LINE.findall(out) if not COLLATERAL.search(why)}
    guarded = NAMED.findall(complaints) or [ref for ref, why in own.items() if not MOVED.search(why)]
    complaint = f"{complaints.strip()}\n{out.strip()}"
    if guarded:
        return (MAIN if MAIN in guarded else guarded[0]), complaint
    return ("moved" if own or MOVED.search(complaint) else "failed"), complaint


def open_pulls() -> dict[str, str]:
    """The addresses of open pull requests from version-bump branches of this repository, by ref."""
    asked = ("--state", "open", "--limit", "1000", "--json", "headRefName,url,isCrossRepository")
    pulls = gh_json("pr", "list", *asked)
    ours = {f"refs/heads/{pull['headRefName']}": pull["url"] for pull in pulls if not pull["isCrossRepository"]}
    return {name: url for name, url in ours.items() if name.startswith(BRANCH)}
