"""docs/agents.md: its calls work as they stand, in their order; its names are in the code."""

import json
import re
import shutil
import subprocess

import pytest

from agents.models import Agent
from tests import live
from versions.actions import ACTIONS
from versions.models import Prompt, PromptVersion

PAGE = (live.ROOT / "docs" / "agents.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

# What each call answers, in its order.
ANSWERS = [
    ("POST", 201, {"name": "StanAgent", "primary_status_key": "NOT_REGISTERED", "active_default_prompt_id": None}),
    ("POST", 201, {"name": "StanAgent.NOT_REGISTERED", "title": "StanAgent Not Registered Prompt", "mode": "full"}),
    ("POST", 200, {"stage": "TST"}),
    ("POST", 200, {"stage": "PRD"}),
    ("GET", 200, {"served_status_key": "NOT_REGISTERED", "label": "v1.0"}),
    ("POST", 200, {}),
    ("GET", 200, {"template_source": "Answer {{ question }} in one sentence.", "served_status_key": "default"}),
    ("POST", 201, {"name": "StanAgent.APPROVED", "production": None}),
    ("GET", 200, {"status_key": "APPROVED", "served_status_key": "NOT_REGISTERED"}),
    ("POST", 200, {"stage": "TST"}),
    ("POST", 200, {"stage": "PRD", "is_active": True}),
]


def calls() -> list[str]:
    """The page's curl commands, each on one line."""
    text = "\n".join(BLOCKS).replace("\\\n", " ")
    return re.findall(r"^curl .*?(?<=['\"])$|^curl [^'\n]*$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with live.running(tmp_path_factory.mktemp("agents"), "--no-demo") as url:
        yield url


def test_every_call_works_as_written(address):
    curl = shutil.which("curl")
    assert curl, "curl is not installed"
    head = "".join(line + "\n" for line in "".join(BLOCKS).splitlines() if re.match(r"[A-Z]+=", line))
    head = head.replace("http://127.0.0.1:8000", address)
    found = calls()
    assert len(found) == len(ANSWERS) == PAGE.count("\ncurl ")
    for call, (method, status, expected) in zip(found, ANSWERS, strict=True):
        told = f'{head}{call} -w "\\n%{{http_code}} %{{method}}"'
        said = subprocess.run(["bash", "-c", told], capture_output=True, text=True, check=True).stdout
        body, _, written = said.rpartition("\n")
        assert written == f"{status} {method}", (call, said)
        answered = json.loads(body)
        assert {key: answered[key] for key in expected} == expected, call


def test_every_field_that_the_page_names_is_there():
    tables = dict(zip(("agents", "prompts", "prompt_versions"), (Agent, Prompt, PromptVersion), strict=True))
    for table, model in tables.items():
        assert model._meta.db_table == table
        rows = PAGE.partition(f"**`{table}`**")[2].partition("\n\n**")[0].partition("\n## ")[0]
        named = [
            name for row in re.findall(r"^\| (`.*?) \|", rows, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
        ]
        assert len(named) > 5
        for name in named:
            assert hasattr(model, name), f"{table}.{name}"


def test_every_function_that_the_page_names_is_there():
    table = PAGE.partition("## Functions of older programs")[2]
    for name in re.findall(r"\.(\w+)\(", table):
        owners = (Prompt, PromptVersion, PromptVersion.objects, PromptVersion.objects.all())
        assert any(hasattr(owner, name) for owner in owners) or name == "perform", name
    assert "set_active" in ACTIONS


def test_the_page_is_linked():
    assert "(docs/agents.md)" in (live.ROOT / "README.md").read_text()
    assert "(agents.md)" in (live.ROOT / "docs" / "glossary.md").read_text()
