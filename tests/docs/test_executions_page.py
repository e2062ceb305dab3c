"""docs/executions.md: its commands work as they stand, in their order; its names are in the code."""

import json
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from executions import words
from executions.limits import Busy
from executions.providers import answers as provider_words
from tests import live
from tests.executions.test_celery import BROKERS, answers
from tests.live_llm import KEY, ModelServer, serving

PAGE = (live.ROOT / "docs" / "executions.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SETUP, ROTATE, NOW, LATER, WORKER, DRAIN, CELERY = BLOCKS

# What each call answers, in its order.
CALLS = [
    (201, {"version_change": "created"}),
    (200, {"status": "succeeded", "mode": "sync", "provider": "compatible", "model_name": "echo", "label": "v1.0"}),
]
ENDED = {"succeeded", "failed"}


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    """The server that stands for the one on the page."""
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def environ(model: ModelServer, tmp_path_factory: Any) -> dict[str, str]:
    """The variables of the page's first block, with our server's port and model."""
    block = SETUP.replace("11434", str(model.port)).replace("llama3.2", "echo")
    *exports, run = block.splitlines()
    assert run == "make run"
    said = dict(re.fullmatch(r"export ([A-Z_]+)=(\S+)", line).groups() for line in exports)
    assert said == {key: value for key, value in model.environment().items() if value != KEY}
    return live.environment(tmp_path_factory.mktemp("runs"), **said)


@pytest.fixture(scope="module")
def address(environ: dict[str, str]) -> Iterator[str]:
    """What `make run` starts, with an empty database."""
    ours = {key: value for key, value in environ.items() if key.startswith("PROMPTLEDGER_")}
    folder = Path(ours.pop("PROMPTLEDGER_DATA_DIR"))
    with live.running(folder, "--no-demo", **ours) as url:
        yield url


def bash(text: str, environ: dict[str, str]) -> str:
    """What a block says, run as it stands with our Python and our port."""
    told = text.replace(".venv/bin/python", sys.executable)
    done = subprocess.run(["bash", "-euc", told], cwd=live.ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def loud(block: str, url: str) -> str:
    """A block whose calls say their status, too."""
    said = block.replace("http://127.0.0.1:8000", url)
    return re.sub(r"(?m)^curl ", "curl -s -w '\\\\n%{http_code}\\\\n' ", said)


def test_runs_now_and_later(address, environ):
    first = bash(loud(NOW, address), environ).splitlines()
    assert len(first) == 2 * len(CALLS)
    for (status, expected), body, code in zip(CALLS, first[::2], first[1::2], strict=True):
        assert int(code) == status, body
        assert json.loads(body).items() >= expected.items(), body
    assert json.loads(first[2])["rendered_prompt"] == "Say hello to Ada."
    later = f"URL={address}\n{loud(LATER, address)}\necho $RUN"
    *said, run = bash(later, environ).splitlines()
    bodies, codes = said[0::2], said[1::2]
    assert codes == ["200", "200", codes[2]]
    assert codes[2] in ("200", "409")  # canceled, unless the worker was quicker
    assert json.loads(bodies[0])["execution_id"] == run
    again = bash(f"URL={address}\n{LATER.partition('| sed')[0].replace('RUN=$(', '')}".rstrip().rstrip("\\"), environ)
    assert json.loads(again)["execution_id"] == run
    assert "succeeded" in bash(f"curl -s {address}/v1/executions/{run}", environ) or codes[2] == "200"


def test_a_worker_drains(address, environ):
    assert "ended:" in bash(DRAIN, environ)
    keys = {"PROMPTLEDGER_ENCRYPTION_KEY": f"{'n' * 40},{'o' * 40}"}
    assert bash(ROTATE, {**environ, **keys})


def until(condition: Callable[[], Any], why: Callable[[], str]) -> None:
    deadline = time.monotonic() + 3 * live.SECONDS
    while not condition():
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)


@contextmanager
def started(text: str, environ: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command that goes on until it is told to end; it does not outlive the test."""
    told = text.strip().replace(".venv/bin/python", sys.executable)
    told = re.sub(r"^((?:[A-Z_]+=\S+ )*)", r"exec env \1", told)
    process = subprocess.Popen(["bash", "-c", told], cwd=live.ROOT, env=environ, stdout=log.open("wb"), stderr=2)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_workers_of_several_processes_end_together(address, environ, tmp_path):
    log = tmp_path / "log"
    with started(WORKER, environ, log) as process:
        until(lambda: log.read_text().count("8 at once") == 2, log.read_text)
        process.send_signal(signal.SIGTERM)
        assert process.wait(live.SECONDS) == 0
    assert log.read_text().count("ended: nothing") == 2


def test_celery_takes_over_by_one_setting(environ, tmp_path):
    broker = BROKERS["redis"]
    if not answers(broker):
        pytest.skip(f"No Redis answers at {broker}")
    queue = {"PROMPTLEDGER_BROKER_QUEUE": f"docs-{uuid.uuid4().hex}"}
    ours = {key: value for key, value in environ.items() if key.startswith("PROMPTLEDGER_")} | queue
    ours["PROMPTLEDGER_DATA_DIR"] = str(tmp_path)
    assert CELERY.startswith("PROMPTLEDGER_BROKER=redis://127.0.0.1:6379/0 ")
    command = CELERY.replace("redis://127.0.0.1:6379/0", broker)
    folder = Path(ours.pop("PROMPTLEDGER_DATA_DIR"))
    with live.running(folder, "--no-demo", "--no-worker", **ours, PROMPTLEDGER_BROKER=broker) as url:
        bash(NOW.replace("http://127.0.0.1:8000", url), environ)
        submit = LATER.partition("curl $URL/v1/executions/$RUN")[0]
        run = bash(f"URL={url}\n{submit}\necho $RUN", environ).strip()
        assert '"queued"' in bash(f"curl -s {url}/v1/executions/{run}", environ)
        log = tmp_path / "log"
        with started(command, {**environ, **ours, "PROMPTLEDGER_DATA_DIR": str(tmp_path)}, log) as process:
            until(
                lambda: json.loads(bash(f"curl -s {url}/v1/executions/{run}", environ))["status"] in ENDED,
                log.read_text,
            )
            assert '"succeeded"' in bash(f"curl -s {url}/v1/executions/{run}", environ)
            process.send_signal(signal.SIGTERM)
            process.wait(live.SECONDS)


def table_of(head: str) -> dict[str, list[str]]:
    """A table of the page by its first column."""
    rows = PAGE.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    return {cell[0].strip("`| "): cell[1:] for cell in cells}


def test_its_tables_are_what_the_code_says():
    errors = table_of("`error_type`")
    assert errors.keys() == words.ERRORS.keys()
    again = {name for name, (*_, tried) in errors.items() if tried.strip(" |") == "yes"}
    assert again == provider_words.RETRYABLE
    adapters = table_of("Adapter")
    assert adapters.keys() <= settings.PROVIDERS.keys()
    assert adapters.keys() >= {"openai", "compatible", "anthropic", "offline"}
    assert Busy.status == 429
    for name in set(re.findall(r"\b(?:EXECUTION|WORKER|PROVIDER)_[A-Z]+(?:_[A-Z]+)*", PAGE)):
        assert hasattr(settings, name) or f"PROMPTLEDGER_{name}" in PAGE, name
