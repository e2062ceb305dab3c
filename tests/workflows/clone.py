"""A clone of this repository as a runner has it: our programs, somebody's prompts, a remote, and programs that stand in."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.deploy import trees
from tests.workflows.workflows import JOBS, ROOT

OURS = ("manage.py", "pyproject.toml", "requirements", "promptledger", "repository", "evaluations", "executions", "versions",
        "agents", "accounts", "ledger", "common", "templates", "static", "deploy")  # fmt: skip
GH = """#!/usr/bin/env python3
# Stands in for gh: keeps what it was asked in $GH_ASKED; one pull request can be open.
import json, os, sys
from pathlib import Path

asked = Path(os.environ["GH_ASKED"])
before = [json.loads(line) for line in asked.read_text().splitlines()] if asked.exists() else []
with asked.open("a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1:3] == ["pr", "list"]:
    print(sum(line[:2] == ["pr", "create"] for line in before))
"""


class Clone:
    """Runs the steps of workflows, word for word."""

    def __init__(self, home: Path, **environ: str) -> None:
        self.home, self.bin = home / "clone", home / "bin"
        self.bin.mkdir(parents=True)
        self.remote = home / "remote.git"
        self.asked = home / "asked"
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("PROMPTLEDGER", "GITHUB", "AWS_"))
        }
        self.environ = {
            **kept, "PATH": f"{self.bin}:{kept['PATH']}", "GH_ASKED": str(self.asked), "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(home / "output"), "PROMPTLEDGER_DATA_DIR": str(home / "data"), "HOME": str(home), **environ,
        }  # fmt: skip
        self.environ.pop("DJANGO_SETTINGS_MODULE", None)
        self.stand_in("gh", GH)
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.remote), cwd=home)
        self.git("clone", "--quiet", str(self.remote), str(self.home), cwd=home)
        for name in OURS:
            (self.home / name).symlink_to(ROOT / name)
        for venv in (".venv", ".aws"):
            (self.home / venv / "bin").mkdir(parents=True)
            python = self.home / venv / "bin/python"
            python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
            python.chmod(0o755)
        trees.write(self.home / "prompts")
        (self.home / ".gitignore").write_text(".venv\n.aws\n__pycache__\n")
        self.sha = self.commit("First")

    def stand_in(self, name: str, source: str) -> None:
        """A program of this name, before all others."""
        (self.bin / name).write_text(source)
        (self.bin / name).chmod(0o755)

    def git(self, *words: str, cwd: Path | None = None) -> str:
        who = {f"GIT_{role}_{what}": "a@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", *words],
            cwd=cwd or self.home,
            env={**self.environ, **who},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        """Commit the prompts and push them to main."""
        self.git("add", "prompts", ".gitignore")
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", "origin", "HEAD:main")
        self.sha = self.git("rev-parse", "HEAD")
        self.environ["GITHUB_SHA"] = self.sha
        return self.sha

    def asked_of_gh(self) -> list[list[str]]:
        lines = self.asked.read_text().splitlines() if self.asked.exists() else []
        return [json.loads(line) for line in lines]

    def output(self) -> dict[str, str]:
        """What the steps have put into $GITHUB_OUTPUT, each name as it was put last."""
        lines = Path(self.environ["GITHUB_OUTPUT"]).read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def step(self, job_id: str, name: str, **environ: str) -> tuple[int, str]:
        """Run one step by its job and name, in GitHub's shell, with the variables that the workflow names for it."""
        job = next(job for job in JOBS if job.id == job_id)
        step = next(step for step in job.steps if step["name"] == name)
        plain = {**job.body.get("env", {}), **step.get("env", {})}
        written = {key: str(value) for key, value in plain.items() if "${{" not in str(value)}
        for key in set(plain) - set(written):
            assert key in {**self.environ, **environ}, f"the test does not say what {key} is"
        ran.add((job_id, name))
        done = subprocess.run(
            [shutil.which("bash"), "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=self.home,
            env={**self.environ, **written, **environ}, capture_output=True, text=True, timeout=240,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def pushed(self, path: str, branch: str) -> Any:
        return self.git("show", f"{branch}:{path}", cwd=self.remote)


# Which steps a test has run, word for word.
ran: set[tuple[str, str]] = set()
