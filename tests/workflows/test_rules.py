"""What every workflow keeps to (S3-33, S2-30; RELIABILITY 4.8 and figure 25)."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflows import workflows
from tests.workflows.workflows import JOBS, NAMES, ROOT, load, text

BIN = Path(sys.executable).parent
# Looked up in the repositories themselves: the commit that the tag stands on. Any other commit fails here.
PINS = {
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/setup-python": ("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "actions/upload-artifact": ("bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"),
    "actions/download-artifact": ("3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "aws-actions/configure-aws-credentials": ("e6de054238d6b7531b4efff3b6587d9aade6a06c", "v6.2.3"),
    "github/codeql-action/upload-sarif": ("8aad20d150bbac5944a9f9d289da16a4b0d87c1e", "v4.36.2"),
}
WRITES = {
    "release.yml:release": {"contents", "pull-requests"},
    "promote.yml:record": {"contents", "pull-requests"},
    "prompts.yml:code-scanning": {"security-events"},
    "image.yml:push": {"id-token"},
    "image.yml:deploy": {"id-token"},
    "deploy.yml:deploy": {"id-token"},
}
every_job = pytest.mark.parametrize("job", JOBS, ids=lambda job: job.id)
every_workflow = pytest.mark.parametrize("name", NAMES)


def said(*command: object, **more: object) -> str:
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, capture_output=True, text=True, timeout=150, **more
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_there_is_one_for_each_row_of_s3():
    assert {"ci.yml", "prompts.yml", "promote.yml", "image.yml", "deploy.yml", "release.yml"} == set(NAMES)


# Programs that read them


def test_zizmor_finds_nothing():
    assert said(BIN / "zizmor", "--offline", "--quiet", "--persona", "pedantic", "--no-config", workflows.FOLDER) == ""


def test_zizmor_would_find_something(tmp_path):
    bad = text("ci.yml").replace(PINS["actions/checkout"][0], "v7").replace("persist-credentials: false", "clean: true")
    (tmp_path / "bad.yml").write_text(bad)
    found = said(BIN / "zizmor", "--offline", "--quiet", "--no-config", tmp_path / "bad.yml")
    assert "unpinned-uses" in found
    assert "artipacked" in found


def test_they_are_what_the_schema_says():
    files = [workflows.FOLDER / name for name in NAMES]
    assert said(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files) == ""


SCRIPTS = [
    pytest.param(run, id=f"{job.id}:{place}") for job in JOBS for place, run in enumerate(job.runs)
]  # fmt: skip


@pytest.mark.parametrize("run", SCRIPTS)
def test_what_they_run_is_bash(run):
    assert said("bash", "-n", input=run) == ""


def test_shellcheck_finds_nothing(tmp_path):
    """All scripts at once: as GitHub runs them, `bash -e`."""
    for job in JOBS:
        for place, run in enumerate(job.runs):
            (tmp_path / f"{job.workflow}-{job.name}-{place}.sh").write_text(f"#!/bin/bash -e\n{run}")
    ours = [
        ROOT / name
        for name in ("deploy/image/try", "deploy/aws/push", "deploy/prompts/offer", "deploy/postgresql/roles.sh")
    ]
    assert said(BIN / "shellcheck", *sorted(tmp_path.iterdir())) == ""
    assert said(BIN / "shellcheck", *ours, *workflows.FOLDER.glob("scripts/*.sh")) == ""


# Rules that no program knows, or that must not depend on one


@every_workflow
def test_rights_are_given_by_the_job_and_nothing_is_given_to_all(name):
    assert load(name)["permissions"] == {}


@every_job
def test_a_job_may_write_what_it_must_and_nothing_else(job):
    rights = job.body["permissions"]
    assert {right for right, how in rights.items() if how == "write"} == WRITES.get(job.id, set())
    assert set(rights.values()) <= {"read", "write"}


@every_job
def test_tokens_for_the_cloud_are_made_in_production_only(job):
    if job.body["permissions"].get("id-token") != "write":
        return
    if "uses" in job.body:  # what it calls says so itself
        called = Path(job.body["uses"]).name
        assert all(one.body["environment"] == "production" for one in JOBS if one.workflow == called)
    else:
        assert job.body["environment"] == "production"


@every_job
def test_secrets_are_known_in_production_only(job):
    assert "secrets: inherit" not in text(job.workflow)
    if any(re.search(r"\bsecrets\.", one) for one in workflows.expressions(job)):
        called = [one for one in JOBS if "uses" in job.body and one.workflow == Path(job.body["uses"]).name]
        assert {one.body["environment"] for one in called or [job]} == {"production"}


def test_a_called_workflow_is_handed_the_secrets_that_it_speaks_of():
    """One of the environment, too, is empty in a called workflow unless whoever calls names it (actions/runner#1490)."""
    for job in JOBS:
        if "uses" in job.body:
            called = Path(job.body["uses"]).name
            spoken_of = set(re.findall(r"\bsecrets\.(\w+)", text(called)))
            assert set(load(called)["on"]["workflow_call"]["secrets"]) == spoken_of
            assert job.body["secrets"] == {name: f"${{{{ secrets.{name} }}}}" for name in spoken_of}


@every_workflow
def test_no_secret_of_a_cloud_is_stored(name):
    """S3-33: AWS is reached by OIDC. The one secret there is, is a key of the ledger itself."""
    assert not re.search(r"secrets\.AWS_|aws-access-key-id|aws-secret-access-key|AKIA", text(name))
    assert set(re.findall(r"secrets\.(\w+)", text(name))) <= {"PROMPTLEDGER_API_KEY"}


@every_workflow
def test_what_is_called_is_pinned_to_a_commit_that_was_looked_up(name):
    for line in text(name).splitlines():
        if not (found := re.search(r"\buses:\s*(\S+)(.*)", line)):
            continue
        what, comment = found[1], found[2]
        if what.startswith("./"):
            assert (ROOT / what).is_file()
            continue
        action, _, commit = what.partition("@")
        assert re.fullmatch(r"[0-9a-f]{40}", commit)
        assert (commit, comment.strip().removeprefix("# ")) == PINS[action]


@every_workflow
def test_nothing_of_strangers_is_run_with_our_rights(name):
    assert not set(load(name)["on"]) & {"pull_request_target", "workflow_run", "issue_comment", "issues"}


@every_job
def test_no_expression_is_put_into_a_script(job):
    """It would be put in as text: a title of a pull request would be a command. Values come by the environment."""
    assert not [run for run in job.runs if "${{" in run]


@every_job
def test_every_variable_of_a_script_is_given_to_it(job):
    above = {**load(job.workflow).get("env", {}), **job.body.get("env", {})}
    for step in job.steps:
        used = set(re.findall(r"\$\{?([A-Z][A-Z_]+)", step.get("run", "")))
        assert {name for name in used if not name.startswith("GITHUB_")} <= {*above, *step.get("env", {})}


@every_job
def test_a_job_ends_by_itself_and_its_machine_is_named(job):
    if "uses" in job.body:
        return
    assert 0 < job.body["timeout-minutes"] <= 120
    assert job.body["runs-on"] == "ubuntu-24.04"


@every_job
def test_a_checkout_leaves_no_token_behind(job):
    for step in job.steps:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@every_workflow
def test_a_tag_is_never_pushed_with_everything_else(name):
    assert "--tags" not in text(name)
    assert "--follow-tags" not in text(name)


@every_workflow
def test_runs_of_one_kind_wait_for_each_other(name):
    """What changes something is never ended half-way by the next."""
    concurrency = load(name)["concurrency"]
    assert concurrency["group"]
    ends = concurrency["cancel-in-progress"]
    assert ends is False or "pull_request" in ends


@every_job
def test_nothing_fails_in_silence(job):
    assert "continue-on-error" not in json.dumps(job.body)


# Expressions


@every_job
def test_expressions_speak_of_what_is_there(job):
    siblings = {one.name: one for one in JOBS if one.workflow == job.workflow}
    assert set(job.needs) <= set(siblings)
    ids = {step["id"] for step in job.steps if "id" in step}
    events = [event for event in load(job.workflow)["on"].values() if isinstance(event, dict)]
    inputs = {key for event in events for key in event.get("inputs", {})}
    for one in workflows.expressions(job):
        bare = re.sub(r"'[^']*'", "''", one)
        assert set(re.findall(r"\bsteps\.(\w+)", bare)) <= ids, one
        assert set(re.findall(r"\binputs\.(\w+)", bare)) <= inputs, one
        for needed, output in re.findall(r"\bneeds\.([\w-]+)\.outputs\.(\w+)", bare):
            assert needed in job.needs
            assert output in siblings[needed].body["outputs"]
        names = set(re.findall(r"(?<![\w.])([a-z]\w*)\s*\.", bare))
        assert names <= {"github", "vars", "secrets", "inputs", "steps", "needs", "matrix"}, one


def test_what_is_fetched_was_kept():
    for name in NAMES:
        steps = [step for job in JOBS if job.workflow == name for step in job.steps]
        kept = {step["with"]["name"] for step in steps if "upload-artifact" in step.get("uses", "")}
        fetched = {step["with"]["name"] for step in steps if "download-artifact" in step.get("uses", "")}
        assert fetched <= kept


def test_what_a_called_workflow_needs_is_given():
    for job in JOBS:
        if "uses" in job.body:
            wanted = load(Path(job.body["uses"]).name)["on"]["workflow_call"]["inputs"]
            assert set(job.body["with"]) == {name for name, one in wanted.items() if one.get("required")}


@every_workflow
def test_every_variable_is_described(name):
    page = (ROOT / "docs/automation.md").read_text()
    for variable in set(re.findall(r"\b(?:vars|secrets)\.(\w+)", text(name))):
        assert f"`{variable}`" in page, variable
