"""A model server for tests, started as a process of its own: tests/providers/openai_server.py says what it can.

In a test module: `from tests.live_llm import llm, llm_settings, model_server  # noqa: F401`, then ask for the fixture `llm_settings`:
every environment is then set up to ask it as provider "compatible"; the model's name says how it answers (`flaky-2-500`).
"""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from common.secrets import Secret
from tests.live import ROOT, free_port

KEY = "sk-test-key-of-the-model-server"


class ModelServer:
    """The server, from outside."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.root = f"http://127.0.0.1:{port}"
        self.url = f"{self.root}/v1"

    def seen(self) -> list[dict[str, Any]]:
        """The requests it saw, in order: path, headers (lower case), body."""
        return self._ask("/_seen")["requests"]

    def asked(self, model: str) -> int:
        """How many times this model was asked."""
        return sum(request["body"]["model"] == model for request in self.seen())

    def most_at_once(self) -> int:
        """How many requests were in at the same moment, at most."""
        return self._ask("/_seen")["most"]

    def forget(self) -> None:
        """Begin anew."""
        self._ask("/_forget", b"{}")

    def _ask(self, path: str, data: bytes | None = None) -> Any:
        with urllib.request.urlopen(f"{self.root}{path}", data, timeout=30) as answer:
            return json.load(answer)

    def environment(self, model: str = "echo") -> dict[str, str]:
        """The environment variables that make a PromptLedger of another process ask it."""
        return {
            "PROMPTLEDGER_PROVIDER": "compatible",
            "PROMPTLEDGER_PROVIDER_BASE_URL": self.url,
            "PROMPTLEDGER_PROVIDER_API_KEY": KEY,
            "PROMPTLEDGER_PROVIDER_MODEL": model,
            "PROMPTLEDGER_INTERNAL_HOSTS": f"127.0.0.1:{self.port}",
        }


@contextmanager
def serving() -> Iterator[ModelServer]:
    """A model server that answers; ended afterwards."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.providers.openai_server", str(port)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout and process.stdout.readline() == "ready\n"
        yield ModelServer(port)
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="session")
def model_server() -> Iterator[ModelServer]:
    """One for all tests of a process."""
    with serving() as server:
        yield server


@pytest.fixture
def llm(model_server: ModelServer) -> ModelServer:
    """It, having seen nothing yet."""
    model_server.forget()
    return model_server


@pytest.fixture
def llm_settings(llm: ModelServer, settings: Any) -> ModelServer:
    """Every environment asks it, as provider "compatible", model "echo" unless another one is named."""
    settings.INTERNAL_HOSTS = frozenset({("127.0.0.1", llm.port)})
    said = {"name": "compatible", "model": "echo", "base_url": llm.url, "key": Secret(KEY), "params": {}}
    settings.PROVIDER_ENVIRONMENT = dict.fromkeys(("dev", "tst", "prd"), said)
    return llm
