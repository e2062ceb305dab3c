"""The image as it is written: what gets into it, who it runs as, and where its packages come from (S3-18)."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.deploy import dockerfile

ROOT = dockerfile.ROOT
FIRST, (BUILD, FINAL) = dockerfile.read((ROOT / "Dockerfile").read_text())
CONTEXT = dockerfile.context()
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]


def test_it_has_what_runs():
    for package in [*PACKAGES, "templates", "static"]:
        tracked = subprocess.run(["git", "ls-files", package], cwd=ROOT, capture_output=True, text=True, check=True)
        wanted = {name for name in tracked.stdout.splitlines() if (ROOT / name).is_file()}
        assert wanted - set(CONTEXT) == set(), package
    for name in (
        "manage.py",
        "requirements/base.lock",
        "deploy/image/start.py",
        "deploy/image/healthcheck.py",
        "LICENSE",
    ):
        assert name in CONTEXT


def test_and_nothing_else():
    tops = {name.split("/")[0] for name in CONTEXT}
    assert tops <= {*PACKAGES, "manage.py", "templates", "static", "requirements", "prompts", "deploy", "LICENSE"}
    assert not [name for name in CONTEXT if name.startswith(("deploy/aws", "requirements/dev"))]


@pytest.mark.parametrize(
    "path",
    [".git/config", ".env", "var/promptledger.sqlite3", "var/secret_key", ".venv/bin/python", "tests/conftest.py", "node_modules/x",
     "promptledger/__pycache__/x.pyc", "static/.secret", "prompts/.git/config", "deploy/aws/rollout.py", "compose.yaml"],
)  # fmt: skip
def test_what_must_not_get_in_is_kept_out(path):
    assert dockerfile.ignored(path, dockerfile.patterns())


def test_it_has_two_stages_and_the_second_only_copies_from_the_first():
    assert FIRST == ["PYTHON_IMAGE=python:3.13-slim-bookworm"]
    assert [BUILD.base, FINAL.base] == ["${PYTHON_IMAGE}"] * 2
    assert all(copy.startswith("--from=build ") for copy in FINAL.all("COPY"))
    assert not [word for stage in (BUILD, FINAL) for word, _ in stage.steps if word == "ADD"]


def test_packages_come_from_locks_with_hashes_as_wheels():
    installs = [run for run in BUILD.all("RUN") + FINAL.all("RUN") if "pip install" in run]
    assert len(installs) == 1
    assert "--require-hashes --only-binary :all: -r" in installs[0]
    assert "apt-get" not in " ".join(BUILD.all("RUN") + FINAL.all("RUN"))


def test_it_runs_as_nobody_in_particular():
    """By number, so that Kubernetes can see that it is not root; and no file is its own."""
    assert FINAL.all("USER") == ["10001:10001"]
    order = [word for word, _ in FINAL.steps]
    assert order.index("USER") > max(place for place, word in enumerate(order) if word in ("COPY", "RUN"))
    assert "--chown" not in "".join(FINAL.all("COPY"))


def test_it_says_which_commit_it_is_and_whether_it_is_well():
    (labels,) = FINAL.all("LABEL")
    assert 'image.version="${VERSION}"' in labels
    assert 'image.revision="${COMMIT}"' in labels
    assert dockerfile.health(FINAL) == ["python", "deploy/image/healthcheck.py"]
    assert dockerfile.exec_form(FINAL, "ENTRYPOINT") == ["python", "deploy/image/start.py"]
    assert dockerfile.exec_form(FINAL, "CMD") == ["web"]


def test_it_holds_no_secret():
    known = {**dockerfile.variables(BUILD), **dockerfile.variables(FINAL)}
    args = [rest for stage in (BUILD, FINAL) for rest in stage.all("ARG")]
    for name in [*known, *args]:
        assert not re.search("KEY|SECRET|PASSWORD|TOKEN|DATABASE", name), name


def test_hadolint_has_nothing_to_say():
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint comes as a wheel for Linux on x86-64 only")
    done = subprocess.run([hadolint, "--no-color", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "")
