"""A warmed client is forked (gunicorn, Celery): every child has its own connections and sees a promotion."""

import functools
import importlib
import inspect
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import promptledger_client
import pytest
from promptledger_client import PromptLedger

from tests.client.ledgers import AGENT, KEY, StubLedger, served

ROOT = Path(__file__).resolve().parent.parent.parent


def program(url: str, children: int, ttl: float) -> "subprocess.Popen[str]":
    """Start forking.py and wait until all of its children are warm."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "clients/python/src"), "PYTHONWARNINGS": "ignore"}
    started = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/client/forking.py"), url, str(children), str(ttl)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ,
    )  # fmt: skip
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def end(started: "subprocess.Popen[str]") -> Any:
    """Tell it that the promotion was made; what its children saw."""
    said, _ = started.communicate("promoted\n", timeout=60)
    return json.loads(said)


def test_every_one_of_eight_children_sees_the_promotion(stub: StubLedger):
    started = program(stub.url, 8, 0.2)
    stub.prompts = [served("New", version=4, label="v4.0")]
    said = end(started)
    assert said["codes"] == [0] * 8
    # Before: it asks for itself, as the parent's knowledge is not its own; after: the new text.
    assert said["seen"] == [["revalidated", 3, "fresh", 4]] * 8
    assert len({one.peer for one in stub.asked}) >= 9  # the parent's connection, and one of each child
    assert said["parent"] == 4


def test_a_child_trusts_no_copy_before_it_has_asked(stub: StubLedger):
    client = PromptLedger(stub.url, ttl=3_600)
    assert client.prompt(AGENT, status_key=KEY).source == "fresh"
    pool = client.transport
    client.after_fork()
    assert client.transport is not pool
    assert [client.prompt(AGENT, status_key=KEY).source for _ in range(2)] == ["revalidated", "memory"]


@pytest.mark.parametrize("fault", ["refused", "time-out"])
def test_a_child_of_a_warm_parent_outlives_the_server(fault: str, stub: StubLedger):
    client = PromptLedger(stub.url, ttl=3_600, cache_dir=False, revalidate_timeout=0.2)
    client.prompt(AGENT, status_key=KEY)
    stub.misbehave(fault)
    client.after_fork()
    assert client.prompt(AGENT, status_key=KEY).source == "stale"


def test_no_property_has_a_lock_that_a_thread_could_hold_while_another_forks():
    # On Python 3.10 and 3.11 functools.cached_property has one for all instances: children of a program with threads hung.
    package = promptledger_client
    names = [found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    classes = {one for module in modules for _, one in inspect.getmembers(module, inspect.isclass)}
    ours = [one for one in classes if one.__module__.startswith(package.__name__)]
    assert len(ours) > 20
    locked = [(one, name) for one in ours for name, member in vars(one).items()
              if isinstance(member, functools.cached_property)]  # fmt: skip
    assert locked == []
