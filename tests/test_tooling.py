"""What `make run` begins with: locks that hold everything, and a search for a Python that ends in words."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import promptledger

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)(.*(?:\n    \S.*)*)", re.MULTILINE)
LOCKS = ("bootstrap", "base", "dev")


def pins(name: str) -> dict[str, tuple[str, str]]:
    """What a lock names: its version, and what is said of it (marker and hashes)."""
    return {found[1]: (found[2], found[3]) for found in PIN.finditer((ROOT / f"requirements/{name}.lock").read_text())}


def wanted(name: str) -> set[str]:
    """What an .in file asks for."""
    lines = (ROOT / f"requirements/{name}.in").read_text().splitlines()
    return {re.split(r"[\[<>=; ]", line)[0].lower().replace("_", "-") for line in lines if line and line[0] not in "#-"}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_all_that_is_asked_for_each_with_hashes(name):
    locked = pins(name)
    assert wanted(name) - set(locked) == set()
    for package, (_, said) in locked.items():
        assert "--hash=sha256:" in said, package


def test_tests_run_on_what_the_product_runs_on():
    tested = pins("dev")
    for package, (version, _) in pins("base").items():
        assert tested[package][0] == version, package


def test_the_version_is_said_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == promptledger.__version__


@pytest.fixture
def bare(tmp_path):
    """A checkout with tools/setup and the locks, and a PATH without any Python."""
    home, tools = tmp_path / "with space", tmp_path / "bin"
    shutil.copytree(ROOT / "requirements", home / "requirements")
    (home / "tools").mkdir()
    shutil.copy(ROOT / "tools/setup", home / "tools/setup")
    tools.mkdir()
    for tool in ("sh", "cat", "cksum", "cut", "dirname", "rm", "sed"):
        (tools / tool).symlink_to(shutil.which(tool))
    return home, tools


def put(tools: Path, name: str, does: str) -> None:
    """A program of this name."""
    (tools / name).write_text(f"#!/bin/sh\n{does}\n")
    (tools / name).chmod(0o755)


def setup(bare: tuple[Path, Path], **environ: str) -> subprocess.CompletedProcess[str]:
    home, tools = bare
    return subprocess.run(
        [home / "tools/setup", "base"], env={"PATH": str(tools), **environ}, capture_output=True, text=True
    )


def test_without_a_python_it_says_what_is_needed(bare):
    done = setup(bare)
    assert done.returncode == 1
    assert done.stderr.startswith("PromptLedger needs Python 3.12 or newer, with venv and pip; none is on the PATH.\n")
    assert "make run PYTHON=" in done.stderr


def test_an_old_python_and_a_shim_that_fails_are_passed_over(bare):
    put(bare[1], "python3.13", "echo 'python3.13: command not found' >&2; exit 127")
    put(bare[1], "python3", '[ "$1" = --version ] && echo Python 3.11.2')
    done = setup(bare)
    assert done.returncode == 1
    assert "(python3 is Python 3.11.2.)" in done.stderr
    assert "command not found" not in done.stderr
    assert not (bare[0] / ".venv").exists()


def test_a_python_that_was_named_and_does_not_do_is_named_in_the_answer(bare):
    done = setup(bare, PYTHON="/no/such/python")
    assert done.returncode == 1
    assert done.stderr.startswith("/no/such/python is not a Python 3.12 or newer")


def test_the_first_that_serves_makes_the_environment(bare):
    put(bare[1], "python3.13", "exit 127")
    put(
        bare[1],
        "python3.12",
        'case "$*" in *venv\\ .venv) echo made >&2; exit 3;; --version) echo Python 3.12.1;; esac',
    )
    done = setup(bare)
    assert (done.returncode, done.stderr) == (3, "Making .venv with Python 3.12.1\nmade\n")
