"""README.md and DEPLOY.md of the client: every line of code in them runs, beside a real PromptLedger."""

import ast
import asyncio
import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from promptledger_client import PromptLedger
from promptledger_client.cli import main

from tests import live
from tests.client.test_live import database

pytestmark = pytest.mark.slow

FOLDER = live.ROOT / "clients" / "python"
README, DEPLOY = ((FOLDER / name).read_text() for name in ("README.md", "DEPLOY.md"))
BIN = Path(sys.executable).parent
TEXT = "Greet {{ name }}."
REGISTERED = [
    {"agent": "StanAgent", "status_key": "APPROVED", "template_source": TEXT},
    {"name": "WELCOME", "template_source": "Welcome, {{ name }}!"},
    {
        "name": "SUPPORT", "type": "chat",
        "template_source": [{"type": "placeholder", "name": "history"}, {"role": "user", "content": "{{ q }}"}],
    },
]  # fmt: skip
FORKS = """
import os
import web

def call():
    said = []
    body = b"".join(web.application({}, lambda status, headers: said.extend([status, dict(headers)["X-Prompt"]])))
    assert (body, said) == (b"Greet Bo.", ["200 OK", "v1.0"]), (body, said)

call()
children = []
for _ in range(4):
    child = os.fork()
    if not child:
        call()
        os._exit(0)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
"""
CONFIG = """
broker_url = "filesystem://"
broker_transport_options = {{"data_folder_in": {folder!r}, "data_folder_out": {folder!r}}}
result_backend = "file://" + {folder!r}
worker_hijack_root_logger = False
"""


def part(page: str, heading: str) -> str:
    """What stands below a heading."""
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def code(text: str, language: str = "python") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run(block: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run a block as a notebook runs a cell: it may await."""
    made = compile(block, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    found = eval(made, names)
    if inspect.isawaitable(found):
        asyncio.run(asyncio.wait_for(found, 60))  # type: ignore[arg-type]
    return names


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with database() as environ, live.running(tmp_path_factory.mktemp("pages"), "--no-demo", **environ) as url:
        PromptLedger(url, cache_dir=False).register(REGISTERED, timeout=60)
        yield url


@pytest.fixture(autouse=True)
def here(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A program's folder and environment."""
    monkeypatch.setenv("PROMPTLEDGER_URL", address)
    monkeypatch.chdir(tmp_path)


def program(*arguments: str) -> "subprocess.Popen[str]":
    """Start a program in this folder."""
    of_a_person = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    paths = os.pathsep.join([str(Path.cwd()), str(FOLDER / "src")])
    return live.Server(
        [str(argument) for argument in arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**of_a_person, "PYTHONPATH": paths},
    )  # fmt: skip


def ended(process: "subprocess.Popen[str]") -> str:
    said, _ = process.communicate(timeout=live.SECONDS)
    assert process.returncode == 0, said
    return said


def test_every_block_of_the_readme_runs_in_its_order():
    names: dict[str, Any] = {}
    blocks = code(README)
    assert len(blocks) == 4
    for block in blocks:
        run(block, names)
    assert names["prompt"].render(name="Bo") == "Greet Bo."
    assert names["agent"].get_filled_system_prompt(name="Bo") == "Greet Bo."


def test_every_block_of_the_page_is_run_here():
    assert len(code(DEPLOY)) == 5
    assert len(code(DEPLOY, "sh")) == 4


def test_gunicorn(tmp_path: Path):
    """The module, imported and warmed by a parent and used by its forks: what --preload does."""
    (block,) = code(part(DEPLOY, "gunicorn"))
    (tmp_path / "web.py").write_text(block)
    (line,) = code(part(DEPLOY, "gunicorn"), "sh")
    assert shlex.split(line)[-1] == "web:application"
    ended(program(sys.executable, "-W", "ignore", "-c", FORKS))


def test_celery(tmp_path: Path):
    (block,) = code(part(DEPLOY, "Celery"))
    (line,) = code(part(DEPLOY, "Celery"), "sh")
    (tmp_path / "tasks.py").write_text(block)
    (tmp_path / "queue").mkdir()
    (tmp_path / "celeryconfig.py").write_text(CONFIG.format(folder=str(tmp_path / "queue")))
    command, *arguments = shlex.split(line)
    worker = program(str(BIN / command), *arguments)
    try:
        asks = "from tasks import greet; print([greet.delay(name).get(timeout=60) for name in ('Bo', 'Zoë', 'Ann')])"
        said = ended(program(sys.executable, "-c", asks))
        assert said.splitlines()[-1] == "['Greet Bo.', 'Greet Zoë.', 'Greet Ann.']"
    finally:
        worker.terminate()
        worker.communicate(timeout=live.SECONDS)


def test_notebooks():
    (cell,) = code(part(DEPLOY, "Notebooks"))
    names = run(cell, {})
    assert (names["prompt"].source, names["prompt"].render(name="Bo")) == ("fresh", "Greet Bo.")


def test_ci(tmp_path: Path):
    (tmp_path / "src").mkdir()
    marked = f"from promptledger_client import prompt\nX = prompt({TEXT!r}, agent='StanAgent', status_key='APPROVED')\n"
    (tmp_path / "src" / "prompts.py").write_text(marked)
    lines = [line for block in code(part(DEPLOY, "CI"), "sh") for line in block.splitlines()]
    assert [shlex.split(line)[1] for line in lines] == ["check", "pull", "register"]
    for line in lines:
        assert main(shlex.split(line)[1:]) == 0, line
    (tmp_path / "src" / "prompts.py").write_text(marked.replace("Greet", "Meet"))
    assert main(shlex.split(lines[0])[1:]) == 1
    (block,) = code(part(DEPLOY, "CI"))
    run(block, {})["test_it_greets"]()


def test_from_a_column(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PROMPTLEDGER_TTL", "0")
    (block,) = code(part(DEPLOY, "From a column `system_prompt`"))
    names = run(block, {})
    row = {"name": "Old Agent", "system_prompt": "Of the column."}
    assert names["system_prompt"](row) == "Of the column."
    names["client"].register([{"agent": "Old Agent", "template_source": "Of the ledger."}])
    assert names["system_prompt"](row) == "Of the ledger."
