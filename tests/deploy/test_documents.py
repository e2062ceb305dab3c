"""docs/deploying.md and docs/automation.md: what they tell people to type works, and no line of S3's list is left out."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from deploy.aws.__main__ import main as aws
from deploy.image import start
from promptledger.management.commands.up import Command as Up
from tests.live import ROOT

DEPLOYING = (ROOT / "docs/deploying.md").read_text()
AUTOMATION = (ROOT / "docs/automation.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))


def lines_of(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


@pytest.mark.parametrize("number", [11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 30, 31, 33, 34, 35, 36, 37])
def test_every_row_of_the_plan_is_described(number):
    """One by one, or in a span: S3-34 to S3-37."""
    spans = [(int(first), int(last)) for first, last in re.findall(r"S3-(\d+) to S3-(\d+)", AUTOMATION)]
    assert re.search(rf"S3-{number}\b", AUTOMATION) or any(first <= number <= last for first, last in spans)


def test_the_commands_about_roles_work_as_they_are_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^python -m deploy\.aws (.*)$", AUTOMATION, re.MULTILINE)
    assert [line.split()[0] for line in commands] == ["policies", "check"]
    for line in commands:
        assert aws(shlex.split(line)) == 0
    made = {path.name for path in (tmp_path / "aws").iterdir()}
    assert made == set(re.findall(r"`([\w-]+\.json)`", DEPLOYING))


def test_every_word_of_the_image_is_described():
    for part in (*start.PARTS, "load"):
        assert f"`{part}`" in DEPLOYING


def test_arguments_of_the_image_are_described():
    arguments = set(re.findall(r"^ARG (\w+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    table = DEPLOYING.partition("| Argument | Is |")[2].partition("\n\n")[0]
    first_cells = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
    assert arguments == {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize("name", ["env.example", "systemd/environment.example"])
def test_settings_of_the_examples_are_those_of_the_program(name):
    own = {"POSTGRES_PASSWORD", "OWNER_PASSWORD", "APP_PASSWORD", "OWNER_DATABASE_URL"}  # compose's and the unit's
    for line in (ROOT / "deploy" / name).read_text().splitlines():
        if setting := re.match(r"#?([A-Z_]+)=(.*)", line):
            assert setting[1] in own or f"`{setting[1]}`" in OPERATIONS, setting[1]
            assert not re.search("KEY|PASSWORD", setting[1]) or setting[2] == "", "a secret has no example"


def test_services_run_commands_that_there_are():
    parser = Up().create_parser("manage.py", "up")
    (web,), (worker,) = (lines_of(ROOT / f"deploy/systemd/{name}.service", "ExecStart") for name in
                         ("promptledger", "promptledger-worker"))  # fmt: skip
    assert web.split()[1:3] == ["manage.py", "up"]
    assert parser.parse_args(web.split()[3:]).mode == "server"
    assert worker.split()[1:] == ["manage.py", "worker"]


@pytest.mark.parametrize("owner", ["", "postgresql://owner@h/d"])
def test_the_service_migrates_as_the_owner_where_there_is_one(tmp_path, owner):
    """The very line of the unit, with a Python that tells."""
    (unit,) = [unit for unit in UNITS if lines_of(unit, "ExecStartPre")]
    (line,) = lines_of(unit, "ExecStartPre")
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$DATABASE_URL" "$@"\n')
    python.chmod(0o755)
    environ = {"PATH": "/usr/bin:/bin", "DATABASE_URL": "postgresql://app@h/d", "OWNER_DATABASE_URL": owner}
    done = subprocess.run(shlex.split(line), cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [owner or "postgresql://app@h/d", "manage.py", "migrate", "--no-input"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_services_have_few_rights(unit):
    assert lines_of(unit, "User") == ["promptledger"]
    assert lines_of(unit, "NoNewPrivileges") == lines_of(unit, "PrivateTmp") == ["yes"]
    assert lines_of(unit, "ProtectSystem") == ["strict"]
    assert lines_of(unit, "CapabilityBoundingSet") == [""]
    assert lines_of(unit, "ReadWritePaths") == ["/var/lib/promptledger"]
