"""What the workflows run, run: the very lines of the files, in a clone with a remote, a ledger and an ECS (S3-12 to S3-22)."""

import json
import re
from pathlib import Path

import pytest

from deploy.prompts.ledger import Ledger
from repository.files.results import read_result
from tests import live
from tests.deploy import trees
from tests.deploy.ecs_server import serving
from tests.deploy.fake_ecs import NEW, OLD, FakeECS
from tests.workflows.clone import Clone
from tests.workflows.workflows import JOBS

# Steps that cannot run inside the suite, and what runs the same instead.
ELSEWHERE = {
    ("ci.yml:lint", "Lint"): "make lint: .ci/run",
    ("ci.yml:test", "Make the environment"): "make dev: .ci/run, tests/test_tooling.py",
    ("ci.yml:test", "Test"): "tools/test: .ci/run",
    ("ci.yml:test", "Fonts, and the PostgreSQL that the runner brings"): "a runner of GitHub: docs/automation.md",
    (
        "image.yml:build",
        "Build, start with PostgreSQL, ask for its health",
    ): "deploy/image/try: tests/deploy/test_scripts.py",
    ("image.yml:build", "Save"): "an engine: docs/automation.md",
    ("image.yml:push", "Load"): "an engine: docs/automation.md",
    ("image.yml:push", "Push"): "deploy/aws/push: tests/deploy/test_scripts.py",
    (
        "deploy.yml:deploy",
        "Install what talks to AWS",
    ): "requirements/aws.lock is part of dev.lock: tests/test_tooling.py",
    ("promote.yml:record", "Let git use the token of this run"): "gh: docs/automation.md",
}
HERE = {
    ("prompts.yml:validate", "Validate every file, with annotations on the pull request"),
    ("prompts.yml:validate", "The same as SARIF"),
    ("prompts.yml:evaluate", "Score what is to go live, with recorded answers, and compare with its threshold"),
    ("prompts.yml:evaluate", "Score drafts, to know"),
    ("promote.yml:promote", "Validate once more, as merged"),
    ("promote.yml:promote", "Ask for the promotions"),
    ("promote.yml:scores", "Evaluate what is live; the ledger rolls back what its policy says"),
    ("promote.yml:record", "Write what the ledger has now"),
    ("promote.yml:record", "Offer it as a pull request"),
    ("deploy.yml:deploy", "Roll out, and back when it does not run"),
    ("deploy.yml:deploy", "Scores of what is live"),
    ("deploy.yml:deploy", "Take the image out of service"),
}


def test_every_step_is_run_by_a_test_or_it_is_said_what_runs_it():
    """tools/setup has tests/test_tooling.py, the release has tests of its own."""
    steps = {
        (job.id, step["name"]) for job in JOBS for step in job.steps if "run" in step and job.workflow != "release.yml"
    }
    setups = {one for one in steps if one[1] == "Install"}
    assert all(step["run"] == "tools/setup base" for job in JOBS for step in job.steps if step["name"] == "Install")
    assert steps - setups == HERE | set(ELSEWHERE)
    called = set(re.findall(r'clone\.step\(\s*"([^"]+)",\s*"([^"]+)"', Path(__file__).read_text()))
    assert called == HERE


@pytest.fixture
def clone(tmp_path) -> Clone:
    return Clone(tmp_path)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with live.running(tmp_path_factory.mktemp("ledger"), "--no-demo") as address:
        yield address


@pytest.fixture
def connected(clone, url) -> Clone:
    clone.environ |= {"PROMPTLEDGER_URL": url, "PROMPTLEDGER_API_KEY": ""}
    return clone


def recorded(clone: Clone) -> None:
    """Keep answers, as docs/automation.md says."""
    import subprocess

    command = [".venv/bin/python", "manage.py", "eval_runner", "prompts", "--production"]
    more = ["--answers", "prompts/.answers.jsonl", "--record", "--provider", "offline", "--dry-run"]
    subprocess.run([*command, *more], cwd=clone.home, env=clone.environ, check=True, capture_output=True)


def test_validate(clone):
    """S3-15."""
    code, said = clone.step("prompts.yml:validate", "Validate every file, with annotations on the pull request")
    assert code == 0, said
    (clone.home / "prompts/02-production/greet.yaml").write_text("name: greet\nname: twice\n")
    code, said = clone.step("prompts.yml:validate", "Validate every file, with annotations on the pull request")
    assert code == 1
    assert re.search(r"^::error file=prompts/02-production/greet.yaml,line=2,", said, re.MULTILINE), said
    code, said = clone.step("prompts.yml:validate", "The same as SARIF")
    assert code == 0
    sarif = json.loads((clone.home / "reports/prompts.sarif").read_text())
    assert sarif["version"] == "2.1.0"
    assert sarif["runs"][0]["results"]
    code, _ = clone.step("promote.yml:promote", "Validate once more, as merged")
    assert code == 1


def test_evaluate_and_compare_with_the_threshold(clone):
    """S3-16, S3-17, S3-22: without a network, without a key."""
    recorded(clone)
    code, said = clone.step(
        "prompts.yml:evaluate", "Score what is to go live, with recorded answers, and compare with its threshold"
    )
    assert code == 0, said
    written = clone.home / "prompts/04-evals/greet.production.jsonl"
    result, wrong = read_result("04-evals/x.jsonl", written.read_bytes())
    assert (result.score, result.threshold, wrong) == (1.0, 0.9, [])

    trees.write(clone.home / "prompts", expects="Bye")
    code, said = clone.step(
        "prompts.yml:evaluate", "Score what is to go live, with recorded answers, and compare with its threshold"
    )
    assert (code, "greet" in said) == (1, True), said

    trees.write(clone.home / "prompts", template="Good day {{ name }}")  # nobody has recorded that
    code, said = clone.step(
        "prompts.yml:evaluate", "Score what is to go live, with recorded answers, and compare with its threshold"
    )
    assert code != 0, said
    code, said = clone.step("prompts.yml:evaluate", "Score drafts, to know")
    assert (code, "::warning::" in said) == (0, True), said


def test_a_merge_is_promoted_once_and_comes_back_as_a_pull_request(connected, url):
    """S3-11, S3-22, S3-30, S3-31, S3-34 to S3-37."""
    clone, ledger = connected, Ledger(url)
    assert clone.step("promote.yml:promote", "Validate once more, as merged")[0] == 0
    for _ in range(2):
        code, said = clone.step("promote.yml:promote", "Ask for the promotions")
        assert code == 0, said
    promoted = [one for one in ledger.all("prompts", "greet", "events", action="promoted") if one["to_stage"] == "PRD"]
    assert [one["reason"] for one in promoted] == [f"Commit {clone.sha}"]

    who = {f"GIT_{role}_{what}": "bot@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    clone.environ |= {"GH_TOKEN": "not-a-token", "GH_REPO": "acme/prompts", **who}
    code, said = clone.step("promote.yml:record", "Write what the ledger has now")
    assert code == 0, said
    code, said = clone.step("promote.yml:record", "Offer it as a pull request")
    assert code == 0, said
    assert "greet" in clone.pushed("prompts/prompt_registry.yaml", "chore/prompt-records")
    assert '"score": 1.0' in clone.pushed("prompts/04-evals/greet.v1.0.jsonl", "chore/prompt-records")
    assert [line[:2] for line in clone.asked_of_gh()] == [["pr", "list"], ["pr", "create"]]
    main = clone.git("rev-parse", "main", cwd=clone.remote)
    assert main == clone.sha  # nothing is pushed there

    code, said = clone.step("promote.yml:record", "Offer it as a pull request")
    assert (code, "The files say what the ledger says." in said) == (0, True)
    assert len(clone.asked_of_gh()) == 2
    # Of a fork's branch of that name nothing is heard.
    listed = "--head chore/prompt-records --state open --json isCrossRepository --jq map(select(.isCrossRepository|not))|length"
    assert " ".join(clone.asked_of_gh()[0][2:]) == listed

    # The next merge brings the same branch up to date; no second pull request.
    clone.git("reset", "--quiet", "--hard", clone.sha)
    trees.write(clone.home / "prompts", description="Greets by name.")
    clone.commit("Second")
    clone.step("promote.yml:promote", "Ask for the promotions")
    clone.step("promote.yml:record", "Write what the ledger has now")
    code, said = clone.step("promote.yml:record", "Offer it as a pull request")
    assert (code, "up to date" in said) == (0, True), said
    assert sum(line[:2] == ["pr", "create"] for line in clone.asked_of_gh()) == 1
    assert "Greets by name." in clone.pushed("prompts/prompt_registry.yaml", "chore/prompt-records")
    assert "not-a-token" not in said


def test_a_ledger_without_evaluations_is_offered_as_well(clone):
    """There is no 04-evals then, and nothing to add of it."""
    clone.environ |= {"GH_TOKEN": "x", "GH_REPO": "acme/prompts", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
                      "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com"}  # fmt: skip
    assert not (clone.home / "prompts/04-evals").exists()
    (clone.home / "prompts/prompt_registry.yaml").write_text("schema_version: 1\nagents: {}\nprompts: {}\n")
    code, said = clone.step("promote.yml:record", "Offer it as a pull request")
    assert code == 0, said
    assert clone.pushed("prompts/prompt_registry.yaml", "chore/prompt-records").startswith("schema_version")


def test_an_image_is_deployed_and_taken_out_again_when_scores_fall(connected, url):
    """S3-13, S3-14, S3-20, S3-21: the three steps of deploy.yml, one after the other, as its conditions have them."""
    clone, ledger = connected, Ledger(url)
    trees.write(clone.home / "prompts", "deployed")
    clone.commit("Prompts")
    clone.environ |= {"CLUSTER": "promptledger", "IMAGE": NEW, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
                      "AWS_DEFAULT_REGION": "eu-central-1"}  # fmt: skip
    assert clone.step("promote.yml:promote", "Ask for the promotions")[0] == 0
    ecs = FakeECS("promptledger-web", "promptledger-worker", takes=30)
    with serving(ecs) as endpoint:
        clone.environ["AWS_ENDPOINT_URL"] = endpoint
        code, said = clone.step("deploy.yml:deploy", "Roll out, and back when it does not run")
        assert code == 0, said
        assert len(ecs.made("run_task")) == 1
        assert {ecs.final(name) for name in ecs.services} == {NEW}
        code, said = clone.step("deploy.yml:deploy", "Scores of what is live")
        assert code == 0, said

        rows = [{"input": {"name": "Ada"}, "expected": "Bye Ada"}]
        ledger.send("PUT", "prompts", "deployed", "examples", examples=rows)
        code, said = clone.step("deploy.yml:deploy", "Scores of what is live")
        assert (code, "::error::deployed: v1.0 scores 0.0" in said) == (1, True), said
        assert clone.output() == {"code": "1"}
        code, said = clone.step(
            "promote.yml:scores", "Evaluate what is live; the ledger rolls back what its policy says"
        )
        assert code == 1
        code, said = clone.step("deploy.yml:deploy", "Take the image out of service")
        assert code == 0, said
        assert {ecs.final(name) for name in ecs.services} == {OLD}


def test_what_cannot_be_judged_takes_no_image_out_of_service(clone):
    """No ledger, or no key: the job is red, and the image, of which nothing is known, stays (RELIABILITY 4.2: hold)."""
    clone.environ |= {"CLUSTER": "promptledger", "IMAGE": NEW, "PROMPTLEDGER_API_KEY": "x"}
    for url, code in (("http://127.0.0.1:1", "3"), ("no address", "2")):
        assert clone.step("deploy.yml:deploy", "Scores of what is live", PROMPTLEDGER_URL=url)[0] == int(code)
        assert clone.output() == {"code": code}
    job = next(job for job in JOBS if job.id == "deploy.yml:deploy")
    (step,) = [step for step in job.steps if step["name"] == "Take the image out of service"]
    asked = "${{ !cancelled() && (inputs.command == 'rollback' || steps.scores.outputs.code == '1') }}"
    assert step["if"] == asked


def test_an_image_that_does_not_run_fails_the_job_and_the_old_one_stays(clone):
    clone.environ |= {"CLUSTER": "promptledger", "IMAGE": NEW, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
                      "AWS_DEFAULT_REGION": "eu-central-1"}  # fmt: skip
    ecs = FakeECS("promptledger-web", "promptledger-worker", takes=30, fates={NEW: "broken"})
    with serving(ecs) as endpoint:
        code, said = clone.step(
            "deploy.yml:deploy", "Roll out, and back when it does not run", AWS_ENDPOINT_URL=endpoint
        )
    assert (code, "circuit breaker" in said) == (1, True), said
    assert {ecs.final(name) for name in ecs.services} == {OLD}
