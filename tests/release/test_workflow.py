""".github/workflows/release.yml: what it may do, when, and that its commands work, each as it is written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.release.world import GH006, PEOPLE, ROOT

PATH = ROOT / ".github/workflows/release.yml"
SCRIPT = ROOT / ".github/workflows/scripts/update-version.sh"
TEXT = PATH.read_text()
WORKFLOW = yaml.load(TEXT, yaml.BaseLoader)  # `on` stays a word
(JOB,) = WORKFLOW["jobs"].values()
RUNS = [step["run"] for step in JOB["steps"] if "run" in step]
# What a condition means, by the event that started it.
CONDITIONS = {
    "": lambda event: True,
    "github.event_name == 'workflow_dispatch'": lambda event: event == "workflow_dispatch",
    "github.event_name != 'workflow_dispatch'": lambda event: event != "workflow_dispatch",
    "github.event_name == 'schedule'": lambda event: event == "schedule",
    "${{ !cancelled() }}": lambda event: True,
    "${{ !cancelled() && github.event_name == 'schedule' }}": lambda event: event == "schedule",
}


def test_it_runs_when_asked_when_a_release_was_merged_and_every_day():
    """S2-23, S2-27, S2-42, S2-44."""
    assert set(WORKFLOW["on"]) == {"workflow_dispatch", "push", "schedule"}
    assert WORKFLOW["on"]["push"] == {"branches": ["main"], "paths": ["pyproject.toml", "promptledger/__init__.py"]}
    minute, hour, *rest = WORKFLOW["on"]["schedule"][0]["cron"].split()
    assert (minute.isdigit(), hour.isdigit(), rest) == (True, True, ["*", "*", "*"])


def test_one_after_the_other_within_five_minutes():
    """S2-13, S2-28."""
    assert WORKFLOW["concurrency"] == {"group": "release", "cancel-in-progress": "false"}
    assert JOB["timeout-minutes"] == "5"


def test_it_may_do_no_more_than_it_must():
    """S2-30, S2-41: the token of the run, two rights, no secret, and nothing of the checkout keeps it."""
    assert WORKFLOW["permissions"] == {}
    assert JOB["permissions"] == {"contents": "write", "pull-requests": "write"}
    assert "secrets." not in TEXT
    (checkout,) = [step for step in JOB["steps"] if "uses" in step]
    assert re.search(r"uses: actions/checkout@[0-9a-f]{40} # v\d", TEXT)
    assert checkout["with"] == {"ref": "main", "fetch-depth": "0", "persist-credentials": "false"}
    assert JOB["env"]["GH_TOKEN"] == "${{ github.token }}"


def test_a_step_that_fails_fails_the_run():
    """S2-29: nothing goes on in silence."""
    assert "continue-on-error" not in TEXT
    for words in [*RUNS, SCRIPT.read_text()]:
        assert "|| true" not in words


def test_no_tag_is_pushed_that_is_not_named():
    """S2-2, S2-18: --tags and --follow-tags push what a broken run left behind."""
    told = [PATH, SCRIPT, *(ROOT / "tools").glob("release*.py")]
    assert len(told) == 4
    for path in told:
        assert not re.search(r"--tags|--follow-tags|--mirror|--force(?!-with-lease)\b", path.read_text()), path.name
    assert '"--atomic"' in (ROOT / "tools/release_git.py").read_text()


def test_no_script_has_words_of_strangers_in_it():
    """An expression inside `run:` is text before it is a value; inputs come by the environment."""
    for words in RUNS:
        assert "${{" not in words


def test_every_script_is_one_that_a_shell_can_read():
    shellcheck = Path(sys.executable).with_name("shellcheck")
    for words, shell in [*((words, "bash") for words in RUNS), (SCRIPT.read_text(), "sh")]:
        subprocess.run([shell, "-n"], input=words, text=True, check=True)
        subprocess.run([shellcheck, f"--shell={shell}", "-"], input=words, text=True, check=True)
    assert SCRIPT.stat().st_mode & 0o111
    assert (ROOT / "tools/release.py").stat().st_mode & 0o111


@pytest.fixture
def checkout(world):
    """A clone that has the tools and the workflow, as a checkout has."""
    for name in ("tools", ".github"):
        (world.clone / name).symlink_to(ROOT / name)
    return world


def start(world, event, **inputs):
    """Run the workflow's steps in their order, as GitHub does. Returns what they said; a step that fails raises."""
    values = {f"${{{{ inputs.{name} }}}}": text for name, text in {"bump": "patch", "version": "", **inputs}.items()}
    environ = {**PEOPLE, "PATH": f"{world.folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"}
    said = ""
    for step in JOB["steps"]:
        if "run" in step and CONDITIONS[step.get("if", "")](event):
            own = {name: values[text] for name, text in step.get("env", {}).items()}
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=world.clone,
                env={**environ, **own, "GH_TOKEN": "token-of-this-run"}, capture_output=True, text=True,
            )  # fmt: skip
            assert done.returncode == 0, (step["name"], done.stdout, done.stderr)
            said += done.stdout + done.stderr
    assert "token-of-this-run" not in said
    return said


def test_a_release_as_it_is_asked_for(checkout):
    """S2-38."""
    assert "Released 0.1.1" in start(checkout, "workflow_dispatch")
    assert "Released 0.2.0" in start(checkout, "workflow_dispatch", bump="minor")
    assert "Released 1.2.3" in start(checkout, "workflow_dispatch", bump="minor", version="v1.2.3")
    checkout.agrees("1.2.3")


def test_a_release_by_a_pull_request(checkout):
    """S2-10, S2-39: asked for, merged by a person, and the push of that merge ends it."""
    checkout.rule("main", GH006)
    assert "waits for https://github.example/acme/promptledger/pull/1" in start(checkout, "workflow_dispatch")
    checkout.merge(delete=False)
    assert "Tagged v0.1.1" in start(checkout, "push")
    checkout.agrees("0.1.1")


def test_every_day(checkout):
    """S2-5, S2-23, S2-42: what was left behind goes, and all is looked at."""
    checkout.release("prepare", "--bump", "patch")
    checkout.write_main({"x": "y"}, onto="chore/version-bump-0.0.9", date="@1700000000 +0000")
    checkout.write_main({"x": "y"}, onto="chore/version-bump-9.9.9", date="@1700000000 +0000")
    said = start(checkout, "schedule")
    assert "Removed the branch chore/version-bump-9.9.9." in said
    assert said.count("All agree: main says 0.1.1, 1 tags.") == 2
    checkout.agrees("0.1.1")


@pytest.mark.parametrize("version", ["$(touch hacked)", "; touch hacked", "--bump=major", "-h", "a b"])
def test_what_is_typed_into_the_form_is_a_version_or_nothing(checkout, version):
    before = checkout.everything()
    with pytest.raises(AssertionError, match="is no version"):
        start(checkout, "workflow_dispatch", version=version)
    assert checkout.everything() == before
    assert not (checkout.clone / "hacked").exists()
