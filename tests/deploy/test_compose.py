"""compose.yaml: by the schema of compose, with no secret of its own, and no part with more rights than it needs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deploy.image import start
from tests.deploy.dockerfile import ROOT

TEXT = (ROOT / "compose.yaml").read_text()
SERVICES = yaml.safe_load(TEXT)["services"]
OURS = {name: service for name, service in SERVICES.items() if name != "db"}
REQUIRED = set(re.findall(r"\$\{(\w+):\?", TEXT))
OPTIONAL = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT))
EXAMPLE = dict(
    line.split("=", 1) for line in (ROOT / "deploy/env.example").read_text().splitlines() if line and line[0] != "#"
)


def test_the_schema_of_compose_takes_it():
    command = [
        Path(sys.executable).with_name("check-jsonschema"),
        "--builtin-schema",
        "vendor.compose-spec",
        "compose.yaml",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


def test_no_secret_has_a_default():
    assert {"SECRET_KEY", "PROMPTLEDGER_ENCRYPTION_KEY", "POSTGRES_PASSWORD", "OWNER_PASSWORD", "APP_PASSWORD", "ALLOWED_HOSTS"} == REQUIRED  # fmt: skip
    assert not REQUIRED & set(OPTIONAL)
    assert not [name for name in OPTIONAL if re.search("KEY|PASSWORD|SECRET|TOKEN", name)]
    assert set(re.findall(r"\$\{(\w+)", TEXT)) == REQUIRED | set(OPTIONAL)


def test_the_example_of_an_environment_names_them_all_and_gives_none():
    assert dict.fromkeys(REQUIRED, "") == EXAMPLE


@pytest.mark.parametrize("name", OURS)
def test_each_part_is_one_that_the_image_knows(name):
    service = OURS[name]
    words = service["entrypoint"][2:] if service.get("entrypoint") else service["command"]
    assert words == [name]
    assert name in start.PARTS or name == "load"


@pytest.mark.parametrize("name", OURS)
def test_no_part_may_do_more_than_it_must(name):
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert not [volume for volume in service.get("volumes", []) if not volume.endswith(":ro")]


def test_only_the_migrations_own_the_tables():
    for name, service in OURS.items():
        role = re.match(r"postgresql://(\w+):", service["environment"]["DATABASE_URL"])[1]
        assert role == ("promptledger_owner" if name == "migrate" else "promptledger_app"), name


def test_nothing_serves_before_the_migrations_are_through():
    for name in ("web", "worker", "load"):
        assert OURS[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert OURS["migrate"]["depends_on"]["db"] == {"condition": "service_healthy"}
    assert OURS["migrate"]["restart"] == "no"


def test_only_the_web_is_reached_and_only_from_this_machine():
    assert {name for name, service in SERVICES.items() if service.get("ports")} == {"web"}
    assert OURS["web"]["ports"] == ["127.0.0.1:${PORT:-8000}:8000"]


def test_what_is_mounted_is_there():
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./") and source != "./prompts":
                assert (ROOT / source).is_file()


def test_the_web_answers_to_its_own_addresses_too(monkeypatch):
    """Load balancers know no name of it. Nothing else is let in besides."""
    became = []
    monkeypatch.setattr(start.os, "execv", lambda program, line: became.append(line))
    monkeypatch.setenv("ALLOWED_HOSTS", "prompts.example.com")
    monkeypatch.setattr(start, "own_addresses", lambda: ["10.0.0.7"])
    start.main([])
    assert start.os.environ["ALLOWED_HOSTS"] == "prompts.example.com,10.0.0.7"
    assert became[0][2:] == ["up", "--mode", "server", "--host", "0.0.0.0", "--no-worker"]


def test_a_tree_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PROMPTLEDGER_PROMPTS", str(tmp_path / "none"))
    with pytest.raises(SystemExit, match="PROMPTLEDGER_PROMPTS"):
        start.load()
