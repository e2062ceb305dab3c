"""The command line `promptledger`, in this process: `cli("status")` gives its exit code and what it said."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import live
from tests.client.test_live import database

SOURCE = live.ROOT / "clients" / "python" / "src"


@dataclass
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capfd, monkeypatch, tmp_path) -> Any:
    """The command line in an empty folder, without settings of the environment."""
    from promptledger_client.cli import main

    for name in ("PROMPTLEDGER_URL", "PROMPTLEDGER_API_KEY", "PROMPTLEDGER_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> Said:
        capfd.readouterr()
        code = main(list(arguments))
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Said(code, out, err)

    return command


class Ledger:
    """A real PromptLedger, as a test looks at it beside the command line."""

    def __init__(self, url: str, data_dir: Path, environ: dict[str, str]) -> None:
        self.url, self.data_dir, self.environ = url, data_dir, environ

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a call; of a refusal, too."""
        data = None if body is None else json.dumps(body).encode()
        head = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/v1{path}", data, head, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            return json.loads(error.read())

    def state(self) -> tuple[int, int]:
        """How many prompts and how many events there are: what no refusal changes."""
        return self("GET", "/prompts?page_size=1")["count"], self("GET", "/events?page_size=1")["count"]

    def key(self, scopes: str) -> str:
        """A new API key of the local engineer, with these scopes."""
        told = [sys.executable, "manage.py", "create_api_key", "engineer", "--scopes", scopes]
        environ = live.environment(self.data_dir, PROMPTLEDGER_LOCAL="1", **self.environ)
        done = subprocess.run(told, cwd=live.ROOT, env=environ, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def full(self, name: str, *texts: str, **fields: Any) -> None:
        """A full-mode prompt whose texts went live one after the other."""
        self("POST", "/prompts", {"name": name, "template_source": texts[0], **fields})
        for number, text in enumerate(texts, 1):
            if number > 1:
                self("POST", f"/prompts/{name}/versions", {"from": f"v1.{number - 2}", "template_source": text})
            for stage in ("TST", "PRD"):
                self("POST", f"/prompts/{name}/versions/v1.{number - 1}/promote", {"to": stage, "reason": "test"})


@pytest.fixture(scope="session")
def ledger(tmp_path_factory) -> Iterator[Ledger]:
    """A real PromptLedger, empty at first, shared by the tests of this process: each uses names of its own."""
    data_dir = tmp_path_factory.mktemp("ledger")
    with database() as environ, live.running(data_dir, "--no-demo", **environ) as url:
        found = Ledger(url, data_dir, environ)
        found.state()  # the first call makes the local engineer
        yield found


@pytest.fixture
def agent(request) -> str:
    """A name for an agent that no other test has."""
    return f"Agent-{abs(hash(request.node.nodeid)):x}"


@pytest.fixture
def cli(run, ledger, monkeypatch) -> Any:
    """The command line beside a real PromptLedger."""
    monkeypatch.setenv("PROMPTLEDGER_URL", ledger.url)
    return run


@pytest.fixture
def write(tmp_path) -> Any:
    """Write a file of the source tree: `write("a/b.py", "…")`."""

    def written(name: str, text: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written
