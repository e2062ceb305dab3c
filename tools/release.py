#!/usr/bin/env python3
"""PromptLedger's own releases: the version in the files is the latest tag (docs/releasing.md, docs/adr/0022; S2).

    tools/release.py prepare --bump patch    the next release: files, commit, tag; on a protected main a pull request
    tools/release.py finalize                puts right what is missing: tags, releases, branches; may always be run
    tools/release.py prune --days 7          removes version-bump branches without an open pull request
    tools/release.py check [--settings]      whether files, tags and main agree; and the repository's settings

Needs Python and git; `gh` for pull requests and releases. Nothing in the working tree is read or written, and no local
branch or tag is made: commits are built beside it and pushed by their hash, so whatever a crash leaves behind is on the
server, where `finalize` sees it. Ends with 0, or with 1 and an `::error::` that says what to do.
"""

import argparse
import random
import re
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from release_git import (
    BRANCH,
    BUMPS,
    FILES,
    MAIN,
    TAG,
    Server,
    Stop,
    Version,
    after,
    carried,
    following,
    gh,
    gh_json,
    git,
    in_files,
    known,
    look,
    open_pulls,
    parse,
    push,
    releases_in,
    run,
    said,
    tell,
    texts,
)

CHANGELOG = "CHANGELOG.md"
UNRELEASED = re.compile(r"^## \[Unreleased\][ \t]*(\r?)$", re.MULTILINE)
TRIES = 30
# The longest wait between two tries, in seconds.
PAUSE = 2.0


# A release


def prepare(bump: str, wanted: str | None) -> None:
    """Make the next release, or the version that is wanted: on main with its tag, or as a pull request (S2-43).

    Others may release meanwhile: then it begins anew, from what they made.
    """
    exact = parse(wanted) if wanted is not None else None
    for attempt in range(TRIES):
        server = look()
        version = next_version(server, bump, exact)
        tree = tree_with(server.main, version)
        commit = commit_of(server.main, tree, version, " [skip ci]")
        refused, complaint = push(f"{commit}:{MAIN}", f"{commit}:{TAG}{said(version)}")
        if refused and look().tags.get(version) == commit:
            refused = ""  # it came through, only the answer was lost
        if not refused:
            print(f"Released {said(version)}: commit and tag {commit[:12]}.", flush=True)
            return finalize()
        if refused == MAIN:
            if by_pull_request(server, version, tree):
                return None
        elif refused != "moved":
            raise Stop(refusal(refused, version, complaint))
        time.sleep(random.uniform(0.2, 1) * min(PAUSE, 0.2 * 2**attempt))
    raise Stop(f"main moved {TRIES} times while this release was made. Run it again.")


def refusal(refused: str, version: Version, complaint: str) -> str:
    """What to do when the server took neither commit nor tag."""
    if refused.startswith(TAG):
        return (
            f"The server refuses the tag v{said(version)}, so main was not changed either: a rule of this repository "
            f"guards tags. Let this workflow create v* tags, then run it again. It said: {complaint}"
        )
    return f"The server took neither commit nor tag; nothing was changed. Run it again. It said: {complaint}"


def next_version(server: Server, bump: str, exact: Version | None) -> Version:
    """The next after the highest of files and tags. Raises Stop if the wanted one is no higher, or a file says none."""
    files = in_files([server.main])[0]
    numbers = {path: known(files.get(path)) for path in FILES}
    if unknown := [path for path, number in numbers.items() if number is None]:
        raise Stop(f"On main {', '.join(unknown)} does not say one version X.Y.Z: put that right first.")
    if len(set(numbers.values())) > 1:
        tell("warning", f"The files disagree, and will not after this release: {files}")
    highest = max(*numbers.values(), *server.tags)
    if exact and exact <= highest:
        raise Stop(f"{said(exact)} is not newer than {said(highest)}, which is in the files or tagged.")
    return exact or following(highest, bump)


def tree_with(main: str, version: Version) -> str:
    """The tree of main with the version in its files and the changelog; read again before anyone sees it (S2-16)."""
    changed = {}
    for path, text in zip([*FILES, CHANGELOG], texts(f"{main}:{path}" for path in [*FILES, CHANGELOG]), strict=True):
        if path != CHANGELOG:
            changed[path] = FILES[path].sub(rf"\g<1>{said(version)}\g<3>", text or "")
        elif len(UNRELEASED.findall(text or "")) == 1:
            today = datetime.now(UTC).date().isoformat()
            headings = rf"## [Unreleased]\1\n\1\n## [{said(version)}] - {today}\1"
            changed[path] = UNRELEASED.sub(headings, text or "")
        else:
            raise Stop(f"{CHANGELOG} on main has not one heading `## [Unreleased]`: put that right first.")
    with tempfile.TemporaryDirectory() as scratch:
        written = [Path(scratch, str(number)) for number in range(len(changed))]
        for file, text in zip(written, changed.values(), strict=True):
            file.write_bytes(text.encode("utf-8", "surrogateescape"))
        blobs = git("hash-object", "-w", "--no-filters", *map(str, written)).split()
        entries = "".join(f"100644 {blob}\t{path}\n" for blob, path in zip(blobs, changed, strict=True))
        index = {"GIT_INDEX_FILE": f"{scratch}/index"}
        git("read-tree", main, **index)
        git("update-index", "--index-info", stdin=entries, **index)
        tree = git("write-tree", **index).strip()
    if carried(in_files([tree])[0]) != version:
        raise Stop(f"The files do not say {said(version)} after they were written: a defect of tools/release.py.")
    return tree


def commit_of(parent: str, tree: str, version: Version, mark: str) -> str:
    """A commit of its own: the trailer keeps two runs in one second from making the same one, and both succeeding."""
    message = f"chore: release {said(version)}{mark}\n\nRelease-Run: {uuid.uuid4()}\n"
    return git("commit-tree", tree, "-p", parent, stdin=message).strip()


# The pull request, where main is protected


def by_pull_request(server: Server, version: Version, tree: str) -> bool:
    """Ask for the release by a pull request (S2-24), without [skip ci]: its checks must run. False: try anew.

    One that waits for the same version is brought up to date. Raises Stop, and leaves no branch, when there is no way.
    """
    name = f"{BRANCH}{said(version)}"
    short = name.removeprefix("refs/heads/")
    waiting = open_pulls()
    if others := [url for ref, url in waiting.items() if ref != name]:
        raise Stop(f"Another release waits: merge or close {' and '.join(others)} first, then run this again.")
    commit = commit_of(server.main, tree, version, "")
    refused, complaint = push(f"{commit}:{name}", lease=f"{name}:{server.branches.get(name, '')}")
    if refused == "moved":
        return False
    if refused:
        raise Stop(f"main is protected, and the branch {short} is refused, too; nothing was changed: {complaint}")
    try:
        url = waiting.get(name) or created(short, version)
    except Stop as stop:
        raise Stop(f"{stop}\n{cleaned(name, commit)}\n{BY_HAND}") from None
    print(f"main is protected: release {said(version)} waits for {url}", flush=True)
    return True


BY_HAND = (
    "May GitHub Actions create pull requests here? Settings > Actions > General > Workflow permissions > "
    "Allow GitHub Actions to create and approve pull requests. Then run this again."
)
BODY = """Raises the version to {0} in every file that says it, and closes that section of the changelog.

Merge it in any way: the tag `v{0}` and the release are made from what is on main then (`tools/release.py finalize`).

If its checks do not begin by themselves: approve them below, or close and reopen this pull request. GitHub starts none
for what its own token has made.
"""


def created(branch: str, version: Version) -> str:
    """The address of a new pull request, or of the one that somebody else made just now."""
    title = f"chore: release {said(version)}"
    told = ("--base", "main", "--head", branch, "--title", title, "--body", BODY.format(said(version)))
    try:
        return gh("pr", "create", *told).strip()
    except Stop:
        if url := open_pulls().get(f"refs/heads/{branch}"):
            return url
        raise


def cleaned(name: str, commit: str) -> str:
    """Delete the branch of a pull request that could not be made (S2-22, S2-25). Returns what became of it."""
    short = name.removeprefix("refs/heads/")
    refused, complaint = push(f":{name}", lease=f"{name}:{commit}")
    if not refused:
        return f"The branch {short} was removed; nothing is left of this release."
    return f"The branch {short} could not be removed. Do it by hand: git push origin --delete {short}\n{complaint}"


# What comes after, and whenever something went wrong


def finalize() -> None:
    """Bring tags, releases and branches to what main says. What one step cannot do does not keep the next from it.

    Each version that main was raised to gets its tag, on the first commit on main that carries it, and its release
    (S2-43); branches of versions that main has reached are removed.
    """
    server = look()
    raised = releases_in(server.main)
    untagged = {version: commit for version, commit in raised.items() if version not in server.tags}
    wrong = []
    for version, commit in untagged.items():
        refused, complaint = push(f"{commit}:{TAG}{said(version)}")
        if refused and look().tags.get(version) != commit:
            wrong.append(f"The tag v{said(version)} could not be made on {commit}: {complaint}")
        else:
            print(f"Tagged v{said(version)}: {commit[:12]}.", flush=True)
    server = look() if untagged else server
    for step in (publish, tidy):
        try:
            step(server, raised)
        except Stop as stop:
            wrong.append(str(stop))
    if wrong:
        raise Stop("\n".join([*wrong, "Put that right, then run `tools/release.py finalize`: it goes on from here."]))


def publish(server: Server, raised: dict[Version, str]) -> None:
    """Make the releases that are missing, with their section of the changelog as notes."""
    there = published()
    for version in sorted(set(raised) & set(server.tags)):
        tag = f"v{said(version)}"
        if tag in there:
            continue
        notes = notes_of(version, server.tags[version])
        told = ("--verify-tag", "--title", tag, *(("--notes-file", "-") if notes else ("--generate-notes",)))
        older = () if version == server.latest else ("--latest=false",)
        try:
            gh("release", "create", tag, *told, *older, stdin=notes)
        except Stop:
            if tag not in published():
                raise
        print(f"Release {tag} is there.", flush=True)


def published() -> set[str]:
    """The tags that have a release."""
    return set(gh("api", "--paginate", "repos/{owner}/{repo}/releases", "--jq", ".[].tag_name").split())


def notes_of(version: Version, commit: str) -> str:
    """The version's section of the changelog in a commit, "" where it says nothing."""
    heading = re.compile(rf"^## \[{re.escape(said(version))}\][^\n]*\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    found = heading.search(texts([f"{commit}:{CHANGELOG}"])[0] or "")
    return found[1].strip() + "\n" if found and found[1].strip() else ""


def tidy(server: Server, raised: dict[Version, str]) -> None:
    """Remove the branches of versions that main has reached, if no pull request is open from them (S2-21)."""
    reached = max(raised, default=())
    remove({name for name in server.branches if (version := after(BRANCH, name)) and version <= reached}, server)


def prune(days: int) -> None:
    """Remove version-bump branches whose last commit is so many days old and that have no open pull request (S2-23)."""
    server = look()
    if days < 0:
        raise Stop("--days is how old the last commit is at least: 0 or more.")
    old = time.time() - days * 86400
    words = ("log", "-1", "--no-show-signature", "--format=%ct")
    dated = {name: int(git(*words, commit)) for name, commit in server.branches.items()}
    remove({name for name, when in dated.items() if when <= old}, server)


def remove(names: set[str], server: Server) -> None:
    """Delete these branches, as they were seen, unless a pull request is open from them."""
    wrong = []
    for name in sorted(names - set(open_pulls())) if names else []:
        short = name.removeprefix("refs/heads/")
        refused, complaint = push(f":{name}", lease=f"{name}:{server.branches[name]}")
        if refused and name in look().branches:
            wrong.append(f"The branch {short} could not be removed: git push origin --delete {short}\n{complaint}")
        else:
            print(f"Removed the branch {short}.", flush=True)
    if wrong:
        raise Stop("\n".join(wrong))


# Whether all is well


def check(*, settings: bool) -> None:
    """Raise Stop with all that is not as it should be: files, tags and main (S2-4), and the repository's settings."""
    server = look()
    files = in_files([server.main])[0]
    main, wrong = carried(files), []
    if main is None:
        wrong.append(f"The files on main disagree: {files}")
    tags = list(server.tags.items())
    for (version, commit), found in zip(tags, in_files([commit for _, commit in tags]), strict=True):
        if carried(found) != version:
            wrong.append(f"The tag v{said(version)} is on {commit}, whose files say {found}")
        if run("git", "merge-base", "--is-ancestor", commit, server.main)[0]:
            wrong.append(f"The tag v{said(version)} is not on main: {commit}")
    raised = releases_in(server.main)
    if missing := sorted(set(raised) - set(server.tags)):
        wrong.append(f"Not tagged: {', '.join(map(said, missing))}. Run `tools/release.py finalize`.")
    if main and server.latest and main != server.latest:
        wrong.append(f"main says {said(main)}, the latest tag {said(server.latest)}.")
    if settings:
        wrong += settings_wrong()
    if wrong:
        raise Stop("\n".join(wrong))
    print(f"All agree: main says {said(main or ())}, {len(tags)} tags.", flush=True)


# What only GitHub knows: where it says so, the field, what it is for, and how to set it.
SETTINGS = (
    (
        "repos/{owner}/{repo}", "delete_branch_on_merge", "branches are deleted when their pull request is merged",
        "gh api -X PATCH 'repos/{owner}/{repo}' -F delete_branch_on_merge=true",
    ),
    (
        "repos/{owner}/{repo}/actions/permissions/workflow", "can_approve_pull_request_reviews",
        "GitHub Actions may create pull requests",
        "gh api -X PUT 'repos/{owner}/{repo}/actions/permissions/workflow' -F can_approve_pull_request_reviews=true",
    ),
)  # fmt: skip


def settings_wrong() -> list[str]:
    """The settings that are off, with the command that puts each on; a warning for what this token may not see."""
    wrong = []
    for place, field, meaning, remedy in SETTINGS:
        try:
            answer = gh_json("api", place)
            value = answer.get(field) if isinstance(answer, dict) else None
        except Stop as stop:
            value = None
            tell("warning", str(stop))
        if value is False:
            wrong.append(f"It is not set that {meaning}. An administrator sets it: {remedy}")
        elif value is None:
            tell("warning", f"This token may not see whether {meaning}. An administrator runs: gh api '{place}'")
    return wrong


def main(words: list[str] | None = None) -> int:
    """Run one command. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools/release.py", description="PromptLedger's own releases.")
    commands = parser.add_subparsers(dest="command", required=True)
    preparing = commands.add_parser("prepare", help="the next release")
    which = preparing.add_mutually_exclusive_group(required=True)
    which.add_argument("--bump", choices=BUMPS)
    which.add_argument("--version", help="this version, X.Y.Z")
    commands.add_parser("finalize", help="put right what is missing: tags, releases, branches")
    pruning = commands.add_parser("prune", help="remove version-bump branches without an open pull request")
    pruning.add_argument("--days", type=int, default=7, help="whose last commit is so old (7)")
    checking = commands.add_parser("check", help="whether files, tags and main agree")
    checking.add_argument("--settings", action="store_true", help="and the repository's settings on GitHub")
    asked = parser.parse_args(words)
    does = {
        "prepare": lambda: prepare(asked.bump, asked.version),
        "finalize": finalize,
        "prune": lambda: prune(asked.days),
        "check": lambda: check(settings=asked.settings),
    }
    try:
        does[asked.command]()
    except Stop as stop:
        tell("error", str(stop))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
