"""A server with rules, a clone, and a `gh`: all of it in one folder, real git on real repositories."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools/release.py"
PLACES = (
    "pyproject.toml", "promptledger/__init__.py",
    "clients/python/pyproject.toml", "clients/python/src/promptledger_client/version.py",
)  # fmt: skip
SAYS = re.compile(r'^((?:version|__version__|VERSION) = ")([^"]*)(")', re.MULTILINE)
CHANGELOG = """# Changelog

## [Unreleased]

### Added

- A first thing.

## [0.0.1] - 2026-01-01

- Old.
"""
# For each ref, as GitHub does: a rule is a file in the server's folder `rules`, and what is in it is said.
HOOK = """#!/bin/sh
zeros=0000000000000000000000000000000000000000
refuse() { [ -e "rules/$1" ] && { sed "s|REF|$ref|" "rules/$1" >&2; exit 1; }; }
ref=$1
[ "$3" = $zeros ] && { refuse delete; exit 0; }
case $ref in
refs/heads/main) refuse main ;;
refs/tags/*) refuse tag ;;
*) refuse branch ;;
esac
exit 0
"""
GH006 = 'error: GH006: Protected branch update failed for REF.\n\n- Required status check "ci" is expected.\n'
GH013 = "error: GH013: Repository rule violations found for REF.\n\n- Changes must be made through a pull request.\n"
PEOPLE = {
    "GIT_AUTHOR_NAME": "Release test", "GIT_AUTHOR_EMAIL": "release@example.com",
    "GIT_COMMITTER_NAME": "Release test", "GIT_COMMITTER_EMAIL": "release@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
}  # fmt: skip
# Kills whoever called it at the n-th call of one command, before or after that has run.
SHIM = """#!/bin/sh
case " $* " in *"$KILL_AT "*) ;; *) exec "$KILL_REAL" "$@" ;; esac
n=$(($(cat "$KILL_COUNT" 2>/dev/null || echo 0) + 1))
echo $n >"$KILL_COUNT"
[ "$n" = "$KILL_NTH" ] || exec "$KILL_REAL" "$@"
[ "$KILL_WHEN" = before ] || "$KILL_REAL" "$@" >/dev/null 2>&1
kill -9 $PPID
"""


def git(folder, *words, stdin=None):
    """What git answers in this folder."""
    done = subprocess.run(
        ["git", *words], cwd=folder, input=stdin, capture_output=True, text=True, env={**os.environ, **PEOPLE}
    )
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout.strip()


def executable(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def begin(folder):
    """A server whose main has the real files, at version 0.1.0, and no tag; and a clone of it."""
    server, clone = folder / "server.git", folder / "clone"
    git(folder.parent, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", server)
    executable(server / "hooks/update", HOOK)
    (server / "rules").mkdir()
    git(folder, "clone", "--quiet", "--template=", server, clone)
    git(clone, "checkout", "--quiet", "-B", "main")
    for place in PLACES:
        (clone / place).parent.mkdir(parents=True, exist_ok=True)
        (clone / place).write_text(SAYS.sub(r"\g<1>0.1.0\3", (ROOT / place).read_text()))
    (clone / "CHANGELOG.md").write_text(CHANGELOG)
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "-m", "Begin")
    git(clone, "push", "--quiet", "origin", "main")


class World:
    """One repository on a server, with its clone."""

    def __init__(self, folder):
        self.folder, self.server, self.clone = folder, folder / "server.git", folder / "clone"
        git(self.clone, "remote", "set-url", "origin", self.server)
        gh = Path(__file__).with_name("gh.py")
        executable(folder / "bin/gh", f'#!/bin/sh\nexec {sys.executable} -I -S {gh} {folder} "$@"\n')
        settings = {
            "": {"delete_branch_on_merge": True}, "/actions/permissions/workflow": {"can_approve_pull_request_reviews": True},
        }  # fmt: skip
        self.write({"pulls": [], "releases": {}, "refuse": {}, "settings": settings})

    # The tool

    def start(self, *words, cwd=None, **environ):
        """tools/release.py, started."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GH_", "GITHUB_", "GIT_"))}
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.Popen(
            [sys.executable, "-S", TOOL, *words], cwd=cwd or self.clone, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env={**kept, **PEOPLE, "PATH": path, **environ},
        )  # fmt: skip

    def run(self, *words, **more):
        """Its exit code, and all that it said."""
        process = self.start(*words, **more)
        said, _ = process.communicate(timeout=120)
        return process.returncode, said

    def release(self, *words, **more):
        """Run it; it must succeed."""
        code, said = self.run(*words, **more)
        assert code == 0, said
        return said

    def refused(self, *words, **more):
        """Run it; it must fail with one error, which is returned, and change nothing but what the test expects."""
        code, said = self.run(*words, **more)
        errors = [line for line in said.splitlines() if line.startswith("::error::")]
        assert (code, len(errors)) == (1, 1), said
        assert "Traceback" not in said
        return errors[0].removeprefix("::error::").replace("%0A", "\n")

    def killed(self, at, nth, when, *words):
        """Run it with a `git` or `gh` that kills it at that point. Returns whether the point was reached."""
        program = at.split()[0]
        self.folder.joinpath("count").unlink(missing_ok=True)
        real = self.folder / "bin/gh" if program == "gh" else shutil.which("git")
        executable(self.folder / "shim" / program, SHIM)
        code, said = self.run(
            *words, PATH=f"{self.folder / 'shim'}:{self.folder / 'bin'}:{os.environ['PATH']}", KILL_REAL=str(real),
            KILL_AT=at.partition(" ")[2], KILL_NTH=str(nth), KILL_WHEN=when, KILL_COUNT=str(self.folder / "count"),
        )  # fmt: skip
        (self.folder / "shim" / program).unlink()
        assert code in (0, -9), said
        return code == -9

    # The server

    def rule(self, name, said=GH006):
        """Guard main, tag, branch (creating or updating others) or delete; said="" lifts it."""
        path = self.server / "rules" / name
        path.write_text(said) if said else path.unlink(missing_ok=True)

    def refs(self, prefix):
        """Names and hashes below a prefix, on the server."""
        lines = git(self.server, "for-each-ref", "--format=%(refname) %(objectname)", prefix).splitlines()
        return {name.removeprefix(prefix): commit for name, commit in (line.split() for line in lines)}

    @property
    def main(self):
        return self.refs("refs/heads/")["main"]

    @property
    def tags(self):
        return self.refs("refs/tags/")

    @property
    def branches(self):
        return set(self.refs("refs/heads/")) - {"main"}

    def everything(self):
        """All there is on the server and at GitHub, to see that nothing changed."""
        return self.refs("refs/"), {key: self.state[key] for key in ("pulls", "releases")}

    def says(self, *commits):
        """The versions in the files of these commits (of main), each once."""
        names = "".join(f"{commit}:{place}\n" for commit in commits or ["main"] for place in PLACES)
        return {found[2] for found in SAYS.finditer(git(self.server, "cat-file", "--batch", stdin=names))}

    def message(self, commit="main"):
        return git(self.server, "log", "-1", "--format=%B", commit)

    def write_main(self, changes, base="main", onto="main", message="Work", date=None):
        """A commit on a branch of the server by somebody else, past all rules: path to text."""
        index = {**os.environ, **PEOPLE, "GIT_INDEX_FILE": str(self.folder / "index")}
        if date:
            index |= {"GIT_COMMITTER_DATE": date}

        def told(*words, stdin=None):
            return subprocess.run(
                ["git", *words], cwd=self.server, env=index, input=stdin, capture_output=True, text=True, check=True
            ).stdout.strip()

        told("read-tree", base)
        for path, text in changes.items():
            blob = told("hash-object", "-w", "--stdin", stdin=text)
            told("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
        commit = told("commit-tree", told("write-tree"), "-p", base, "-m", message)
        told("update-ref", f"refs/heads/{onto}", commit)
        return commit

    # GitHub

    @property
    def state(self):
        return json.loads((self.folder / "github.json").read_text())

    def write(self, state):
        (self.folder / "github.json").write_text(json.dumps(state))

    def refuse(self, **why):
        """What `gh` refuses, and with what words: pr_create="…"; everything="…" when GitHub is down; none: nothing."""
        named = {"everything": "*"}
        state = self.state
        self.write({**state, "refuse": {named.get(name, name.replace("_", " ")): text for name, text in why.items()}})

    @property
    def pulls(self):
        return [pull for pull in self.state["pulls"] if pull["state"] == "open"]

    @property
    def releases(self):
        return self.state["releases"]

    def merge(self, how="squash", *, delete=True):
        """Merge the one open pull request as GitHub does, and delete its branch where that is set."""
        state = self.state
        pull = next(pull for pull in state["pulls"] if pull["state"] == "open")
        branch, old = pull["head"], self.main
        tree = git(self.server, "merge-tree", "--write-tree", "main", branch)
        if how == "rebase":
            message = self.message(branch)
        else:
            message = f"{pull['title']} (#1)" if how == "squash" else f"Merge pull request #1 from acme/{branch}"
        parents = ["-p", old, "-p", branch] if how == "merge" else ["-p", old]
        commit = git(self.server, "commit-tree", tree, *parents, "-m", message)
        git(self.server, "update-ref", "refs/heads/main", commit)
        if delete:
            git(self.server, "update-ref", "-d", f"refs/heads/{branch}")
        pull["state"] = "merged"
        self.write(state)
        return commit

    # What holds after every release

    def agrees(self, version):
        """Files, latest tag and release are this version; every tag's files say it; no branch is left (S2-4, 5, 34, 35)."""
        assert self.says() == {version}
        order = sorted(self.tags, key=lambda tag: [int(part) for part in tag[1:].split(".")])
        assert order[-1] == f"v{version}"
        on_main = set(git(self.server, "rev-list", "main").split())
        for tag, commit in self.tags.items():
            assert self.says(tag) == {tag[1:]}
            assert commit in on_main
        assert set(self.releases) == set(self.tags)
        assert self.branches == set()
        assert self.pulls == []
        assert "All agree" in self.release("check", "--settings")
