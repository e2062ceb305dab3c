"""The shell scripts that need an engine or AWS, with programs that stand in for those: what they ask for, and their ends."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.live import ROOT

SHA = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/promptledger"
DIGEST = f"sha256:{'d' * 64}"
# Writes its name and words down; what it does besides is in $DOES, a folder of shell scripts.
STAND_IN = """#!/bin/sh
printf '%s\\n' "$(basename "$0") $*" >> "$ASKED"
[ ! -f "$DOES/$(basename "$0")" ] || . "$DOES/$(basename "$0")"
"""


class Stage:
    """A PATH on which docker, aws and curl stand in."""

    def __init__(self, home: Path) -> None:
        self.home, self.asked = home, home / "asked"
        (home / "bin").mkdir()
        (home / "does").mkdir()
        for name in ("docker", "aws", "curl"):
            (home / "bin" / name).write_text(STAND_IN)
            (home / "bin" / name).chmod(0o755)

    def does(self, name: str, script: str) -> None:
        (self.home / "does" / name).write_text(script)

    def run(self, script: str, **environ: str) -> tuple[int, str]:
        given = {
            "PATH": f"{self.home}/bin:{os.environ['PATH']}", "ASKED": str(self.asked), "DOES": str(self.home / "does"),
            "HOME": str(self.home), "TMPDIR": str(self.home), **environ,
        }  # fmt: skip
        done = subprocess.run([ROOT / script], env=given, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def lines(self, name: str = "") -> list[str]:
        lines = self.asked.read_text().splitlines() if self.asked.exists() else []
        return [line for line in lines if line.startswith(name)]


@pytest.fixture
def stage(tmp_path) -> Stage:
    return Stage(tmp_path)


def push(stage: Stage, **environ: str) -> tuple[int, str]:
    output = str(stage.home / "output")
    return stage.run(
        "deploy/aws/push", **{"REPOSITORY": REPOSITORY, "GITHUB_SHA": SHA, "GITHUB_OUTPUT": output, **environ}
    )


ECR = f"""
case "$*" in
    *get-login-password*) echo password-of-an-hour ;;
    *) if grep -q 'docker push' "$ASKED"; then echo {DIGEST}; else echo None; fi ;;
esac
"""


def test_an_image_is_pushed_once_under_version_and_commit(stage):
    """S3-14, S3-19: the tag is made of the two, and what goes on is the digest."""
    from promptledger import __version__

    stage.does("aws", ECR)
    stage.does("docker", 'case "$*" in *password-stdin*) cat > "$HOME/given" ;; esac')
    code, said = push(stage)
    assert code == 0, said
    tag = f"{REPOSITORY}:{__version__}-{SHA[:12]}"
    assert stage.lines("docker") == [
        f"docker login --username AWS --password-stdin {REPOSITORY.partition('/')[0]}",
        f"docker tag promptledger:local {tag}",
        f"docker push --quiet {tag}",
    ]
    assert (stage.home / "given").read_text() == "password-of-an-hour\n"
    assert "password" not in said  # nor in its own command line, which everybody on the machine could read
    assert (stage.home / "output").read_text() == f"image={REPOSITORY}@{DIGEST}\n"


def test_a_commit_that_was_pushed_is_not_pushed_again(stage):
    stage.does("aws", f"echo {DIGEST}")
    assert push(stage)[0] == 0
    assert stage.lines("docker") == []
    assert (stage.home / "output").read_text() == f"image={REPOSITORY}@{DIGEST}\n"


@pytest.mark.parametrize(
    ("aws", "docker"),
    [
        ("exit 254", ""),  # AWS refuses
        (ECR, 'case "$*" in push*) exit 1 ;; esac'),  # the push is refused
        ('case "$*" in *password*) echo p ;; *) echo None ;; esac', ""),  # it is not there afterwards
    ],
)
def test_a_push_that_fails_says_no_image(stage, aws, docker):
    stage.does("aws", aws)
    stage.does("docker", docker)
    code, said = push(stage)
    assert code != 0, said
    assert not (stage.home / "output").exists()


@pytest.mark.parametrize("missing", ["REPOSITORY", "GITHUB_SHA", "GITHUB_OUTPUT"])
def test_a_push_without_its_settings_asks_nobody(stage, missing):
    code, said = push(stage, **{missing: ""})
    assert code != 0
    assert missing in said
    assert stage.lines() == []


TRIED = """case "$*" in
    *exec*id\\ -u*) echo 10001 ;;
    *compose*up*) env | grep -E '^(VERSION|COMMIT|PORT)=' > "$HOME/seen"; cat "$(ls -d "$TMPDIR"/tmp.*/env)" >> "$HOME/seen" ;;
esac
"""


def trying(stage: Stage, status: str = "401", docker: str = TRIED) -> tuple[int, str]:
    stage.does("docker", docker)
    stage.does("curl", f'case "$*" in *http_code*) printf {status} ;; *) echo ok ;; esac')
    return stage.run("deploy/image/try", GITHUB_SHA=SHA)


def test_trying_builds_starts_asks_and_takes_it_all_away(stage):
    """S3-12, S3-18."""
    code, said = trying(stage)
    assert code == 0, said
    words = [line.split(" env ", 1)[-1].split("/env ", 1)[-1] for line in stage.lines("docker")]
    assert words == [
        "build", "up --detach --wait --wait-timeout 180 db web worker", "exec -T web id -u", "down --volumes --timeout 20",
    ]  # fmt: skip
    assert any("/health/ready" in line for line in stage.lines("curl"))
    seen = dict(line.split("=", 1) for line in (stage.home / "seen").read_text().splitlines())
    assert seen["COMMIT"] == SHA
    compose = {
        "SECRET_KEY",
        "PROMPTLEDGER_ENCRYPTION_KEY",
        "POSTGRES_PASSWORD",
        "OWNER_PASSWORD",
        "APP_PASSWORD",
        "ALLOWED_HOSTS",
    }
    assert compose <= set(seen)
    secrets = [seen[name] for name in compose - {"ALLOWED_HOSTS"}]
    assert len(set(secrets)) == 5
    assert all(len(secret) == 96 for secret in secrets)
    assert not list(stage.home.glob("tmp.*"))


@pytest.mark.parametrize(
    ("status", "docker", "why"),
    [
        ("200", TRIED, "somebody without a key is let in"),
        ("401", TRIED.replace("10001", "0"), "it is root"),
        ("401", 'case "$*" in *compose*up*) exit 1 ;; esac', "it does not become healthy"),
        ("401", 'case "$*" in *build*) exit 1 ;; esac', "it cannot be built"),
    ],
)
def test_trying_fails_when(stage, status, docker, why):
    assert trying(stage, status, docker)[0] != 0, why
    assert stage.lines("docker")[-1].endswith("down --volumes --timeout 20")
    assert any(" logs " in line for line in stage.lines("docker"))


def test_the_variables_of_the_environment_example_are_those_of_the_trial(stage):
    names = [line.partition("=")[0] for line in (ROOT / "deploy/env.example").read_text().splitlines() if "=" in line]
    trying(stage)
    assert set(names) <= {line.split("=", 1)[0] for line in (stage.home / "seen").read_text().splitlines()}
