"""The client and the example agents against a real PromptLedger: S4 from end to end, also after the server was killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import psycopg
import pytest
from django.conf import settings
from django.db import connection
from promptledger_client import (
    AsyncPromptLedger,
    BadTemplate,
    CodePrompts,
    MissingVariables,
    NotFound,
    PromptLedger,
    Refused,
    Unavailable,
    jinja,
)  # fmt: skip

from tests import live
from tests.client.test_forks import end, program

pytestmark = pytest.mark.slow
EXAMPLES = live.ROOT / "clients/python/examples"
KEYS = ["APPROVED", "NOT_REGISTERED", "PENDING_APPROVAL", "REGISTERED", "REJECTED"]


class Live:
    """A PromptLedger in a process of its own, that can be killed and started again."""

    def __init__(self, data_dir: Path, **environ: str) -> None:
        self.environ = live.environment(data_dir, PROMPTLEDGER_LOCAL="1", PROMPTLEDGER_DEMO="0", **environ)
        self.port = live.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        self.process = live.start("--port", str(self.port), **self.environ)
        live.until_it_answers(self.process, self.url)

    def kill(self) -> None:
        live.stop(self.process, signal.SIGTERM)

    def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        reply = httpx2.request(method, f"{self.url}/v1{path}", json=body, timeout=20)
        assert reply.status_code == status, reply.text
        return reply.json()

    def make(self, name: str, text: str, **more: Any) -> None:
        """A prompt in full mode whose first version is in production."""
        self.call("POST", "/prompts", {"name": name, "template_source": text, **more}, 201)
        self.promote(name, 1)

    def promote(self, name: str, version: int) -> None:
        for stage in ("TST", "PRD"):
            self.call("POST", f"/prompts/{name}/versions/{version}/promote", {"to": stage})

    def change(self, name: str, text: str) -> int:
        """The next version, taken to production."""
        made = self.call("PUT", f"/prompts/{name}", {"template_source": text})["version"]["version_number"]
        self.promote(name, made)
        return int(made)


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """The kind of database that the suite runs on: a new SQLite file, or a new database of the PostgreSQL at hand."""
    if connection.vendor != "postgresql":
        yield {}
        return
    said = {**settings.DATABASES["default"], "NAME": f"test_client_{os.getpid()}_{live.free_port()}"}
    at = {"host": said["HOST"], "port": said["PORT"], "user": said["USER"], "password": said["PASSWORD"] or None}
    with psycopg.connect(dbname="postgres", autocommit=True, **at) as server:
        server.execute(f'CREATE DATABASE "{said["NAME"]}"'.encode())
        who = quote(said["USER"]) + (f":{quote(said['PASSWORD'])}" if said["PASSWORD"] else "")
        yield {"DATABASE_URL": f"postgresql://{who}@{said['HOST']}:{said['PORT'] or 5432}/{said['NAME']}"}
        server.execute(f'DROP DATABASE "{said["NAME"]}" WITH (FORCE)'.encode())


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with database() as environ:
        made = Live(tmp_path_factory.mktemp("ledger"), **environ)
        yield made
        if made.process.poll() is None:
            made.kill()


def test_the_server_runs_on_the_database_that_the_suite_runs_on(ledger: Live):
    asked = ["manage.py", "shell", "--verbosity", "0", "-c", "from django.db import connection as c; print(c.vendor)"]
    done = subprocess.run(
        [sys.executable, *asked], cwd=live.ROOT, env=ledger.environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == connection.vendor


def example(ledger: Live, script: str, *arguments: str, cache: Path) -> tuple[str, str]:
    """Run an example as its README says: what it prints, and what it says of the source."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / script), *arguments], capture_output=True, text=True, timeout=60, check=True,
        env={
            **os.environ, "PYTHONPATH": str(live.ROOT / "clients/python/src"), "PROMPTLEDGER_URL": ledger.url,
            "PROMPTLEDGER_CACHE_DIR": str(cache),
        },
    )  # fmt: skip
    return done.stdout.strip(), done.stderr.strip().splitlines()[-1]


def test_simple_agent_registers_its_default_and_speaks(ledger: Live, tmp_path: Path):
    said, source = example(ledger, "simple_agent.py", "Zoë", cache=tmp_path)
    assert said == "You are a helpful assistant. Greet Zoë and answer in one sentence."
    assert source == "-- SimpleAgent.default v1.0 (fresh)"
    (row,) = ledger.call("GET", "/prompts?agent=SimpleAgent")["results"]
    assert (row["name"], row["status_key"], row["title"], row["mode"]) == (
        "SimpleAgent.default", "default", "Default SimpleAgent Prompt", "tracking",
    )  # fmt: skip
    version = ledger.call("GET", "/prompts/SimpleAgent.default/versions/1")
    assert (version["stage"], version["is_default_from_code"], version["is_active"]) == ("PRD", True, True)
    agent = ledger.call("GET", "/agents/SimpleAgent")
    assert (agent["primary_status_key"], agent["active_default_prompt_id"]) == ("default", version["id"])
    # A second start with the same text makes nothing new.
    assert example(ledger, "simple_agent.py", cache=tmp_path)[1].startswith("-- SimpleAgent.default v1.0 (")
    assert ledger.call("GET", "/prompts/SimpleAgent.default/versions")["count"] == 1


def test_stan_agent_registers_a_prompt_for_each_file(ledger: Live, tmp_path: Path):
    said, source = example(ledger, "stan_agent/agent.py", "APPROVED", cache=tmp_path)
    assert said.startswith("You are Stan. Bo is approved")
    assert source == "-- APPROVED is served by APPROVED: StanAgent.APPROVED v1.0 (fresh)"
    rows = ledger.call("GET", "/prompts?agent=StanAgent")["results"]
    assert sorted((row["status_key"], row["title"]) for row in rows) == [
        ("APPROVED", "StanAgent Approved Prompt"),
        ("NOT_REGISTERED", "StanAgent Not Registered Prompt"),
        ("PENDING_APPROVAL", "StanAgent Pending Approval Prompt"),
        ("REGISTERED", "StanAgent Registered Prompt"),
        ("REJECTED", "StanAgent Rejected Prompt"),
    ]
    assert ledger.call("GET", "/agents/StanAgent")["primary_status_key"] == "NOT_REGISTERED"
    for key in KEYS:
        assert f"-- {key} is served by {key}: " in example(ledger, "stan_agent/agent.py", key, cache=tmp_path)[1]
    said, source = example(ledger, "stan_agent/agent.py", "BLOCKED", cache=tmp_path)
    assert said.startswith("You are Stan. Bo has no account yet.")
    assert "-- BLOCKED is served by NOT_REGISTERED: StanAgent.NOT_REGISTERED v1.0 (" in source


class Versioned(CodePrompts):
    agent_name = "VersionedAgent"


def test_a_changed_text_in_code_is_the_next_version(ledger: Live):
    made = Versioned(client=PromptLedger(ledger.url, ttl=3_600))
    first = made.register_code_defined_prompt("One {{ a }}", "default", "T", is_primary_default=True)
    made.load_active_prompt_template("default")
    second = made.register_code_defined_prompt("Two {{ b }}", "default", "T", is_primary_default=True)
    again = made.register_code_defined_prompt("Two {{ b }}", "default", "T", is_primary_default=True)
    assert first is not None
    assert second is not None
    assert again is not None
    assert [(one["version"], one["change_detected"], one["previous_version"]) for one in (first, second, again)] == [
        (1, False, None), (2, True, 1), (2, False, None),
    ]  # fmt: skip
    # Its own registration is seen at once, in spite of the ttl.
    assert made.load_active_prompt_template("default") is True
    assert (made.current_prompt_template, made.template_vars) == ("Two {{ b }}", ["b"])
    assert made.get_filled_system_prompt(b=2) == "Two 2"


def test_a_state_that_nobody_registered_and_an_agent_that_nobody_knows(ledger: Live):
    class Nobody(CodePrompts):
        pass

    made = Nobody(client=PromptLedger(ledger.url))
    assert made.load_active_prompt_template("default") is False
    client = PromptLedger(ledger.url, ttl=0)
    client.register([{"agent": "Strict", "status_key": "NOT_REGISTERED", "template_source": "x"}])
    assert client.prompt("Strict", status_key="OTHER").served_status_key == "NOT_REGISTERED"
    with pytest.raises(NotFound):
        client.prompt("Strict", status_key="OTHER", strict=True)
    assert client.prompt("Strict").served_status_key == "NOT_REGISTERED"


def test_what_people_own_is_served_and_code_does_not_touch_it(ledger: Live):
    ledger.call("POST", "/agents", {"name": "Owned"}, 201)
    ledger.make("Owned.default", "Theirs", agent="Owned", status_key="default")
    made = CodePrompts(client=PromptLedger(ledger.url), agent_name="Owned")
    assert made.register_code_defined_prompt("Code", "default") is None
    assert made.load_active_prompt_template("default") is True
    assert made.get_filled_system_prompt() == "Theirs"
    with pytest.raises(Refused) as caught:
        made.client.register([{"name": "Owned.default", "template_source": "Code"}])
    assert caught.value.code == "wrong_mode"
    assert "Use PUT /v1/prompts/Owned.default instead." in caught.value.detail


def test_a_bad_key_is_refused_at_the_start_and_a_404_is_in_the_ledger_s_words(ledger: Live):
    with pytest.raises(Refused) as caught:
        PromptLedger(ledger.url, "pl_nobody").prompt(name="x", fallback="x")
    assert caught.value.status == 401
    with pytest.raises(NotFound) as caught:
        PromptLedger(ledger.url).prompt(name="nobody made this")
    assert (caught.value.status, caught.value.code) == (404, "not_found")


@pytest.mark.parametrize("ttl", [0, 0.3])
def test_a_promotion_is_seen_when_the_ttl_is_over(ttl: float, ledger: Live):
    name = f"promoted-{ttl}"
    ledger.make(name, "One {{ a }}")
    client = PromptLedger(ledger.url, ttl=ttl)
    first = client.prompt(name=name)
    version = ledger.change(name, "Two {{ a }}")
    time.sleep(ttl)
    second = client.prompt(name=name)
    assert [(one.version, one.render(a="x"), one.source) for one in (first, second)] == [
        (1, "One x", "fresh"), (version, "Two x", "fresh"),
    ]  # fmt: skip
    assert client.prompt(name=name, version=1).render(a="x") == "One x"
    assert (client.prompt(name=name, version="1.0").stage, client.prompt(name=name, stage="RET").version) == ("RET", 1)
    time.sleep(ttl)
    assert client.prompt(name=name).source == "revalidated"


def test_eight_forks_of_a_warm_client_see_a_promotion(ledger: Live):
    PromptLedger(ledger.url).register([{"agent": "StanAgent", "status_key": "APPROVED", "template_source": "Before"}])
    before = PromptLedger(ledger.url, cache_dir=False).prompt("StanAgent", status_key="APPROVED").version
    started = program(ledger.url, 8, 0.3)
    PromptLedger(ledger.url).register([{"agent": "StanAgent", "status_key": "APPROVED", "template_source": "After"}])
    said = end(started)
    assert said["codes"] == [0] * 8
    assert before is not None
    assert said["seen"] == [["revalidated", before, "fresh", before + 1]] * 8


def test_a_chat_comes_as_messages_with_its_history(ledger: Live):
    parts = [
        {"role": "system", "content": "Be kind to {{ name }}, in 京都"},
        {"type": "placeholder", "name": "history"},
        {"role": "user", "content": "{{ q }}"},
    ]
    client = PromptLedger(ledger.url)
    client.register([{"name": "chat", "type": "chat", "template_source": parts, "config": {"model": "m"}}])
    prompt = client.prompt(name="chat")
    assert (prompt.type, prompt.variables, prompt.config) == ("chat", ["name", "history", "q"], {"model": "m"})
    said = {"role": "assistant", "content": "{{ not }}"}
    assert prompt.render(name="Bo", history=[said], q="Why?") == [
        {"role": "system", "content": "Be kind to Bo, in 京都"}, said, {"role": "user", "content": "Why?"},
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["text", "chat"])
def test_a_jinja2_prompt_is_filled_here_and_on_the_server_alike(
    kind: str, ledger: Live, monkeypatch: pytest.MonkeyPatch
):
    text: Any = "{% for n in names %}{{ n|upper }} {% endfor %}"
    text = text if kind == "text" else [{"role": "user", "content": text}]
    client = PromptLedger(ledger.url)
    client.register([{"name": f"jinja-{kind}", "template_source": text, "type": kind, "template_format": "jinja2"}])
    prompt = client.prompt(name=f"jinja-{kind}")
    here = prompt.render(names=["a", "b"])
    for cached in (jinja.environment, jinja.variables, jinja.template):
        cached.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert (
        prompt.render(names=["a", "b"]) == here == ("A B " if kind == "text" else [{"role": "user", "content": "A B "}])
    )
    with pytest.raises(MissingVariables) as caught:
        prompt.render()
    assert caught.value.missing == ["names"]
    with pytest.raises((Refused, BadTemplate)):
        prompt.render(names=3)

    async def asynchronous() -> Any:
        async with AsyncPromptLedger(ledger.url) as other:
            return await other.render(await other.prompt(name=f"jinja-{kind}"), names=["a", "b"])

    import asyncio

    assert asyncio.run(asynchronous()) == here


def test_the_server_gone_and_back(ledger: Live, tmp_path: Path, short_waits: None):
    """Warm, cold from disk, cold with nothing but code; and once it is back, its text again."""
    for script, argument in (("simple_agent.py", "Bo"), ("stan_agent/agent.py", "APPROVED")):
        example(ledger, script, argument, cache=tmp_path)
    live_text = example(ledger, "stan_agent/agent.py", "APPROVED", cache=tmp_path)[0]
    client = PromptLedger(ledger.url, ttl=0, cache_dir=tmp_path)
    warm = client.prompt("StanAgent", status_key="APPROVED")
    ledger.kill()
    try:
        found = client.prompt("StanAgent", status_key="APPROVED")
        assert (found.source, found.version, found.checksum_hash) == ("stale", warm.version, warm.checksum_hash)
        said, source = example(ledger, "stan_agent/agent.py", "APPROVED", cache=tmp_path)
        assert (said, source.endswith("(disk)")) == (live_text, True)
        assert example(ledger, "simple_agent.py", "Zoë", cache=tmp_path)[1] == "-- SimpleAgent.default v1.0 (disk)"
        for script, argument in (("simple_agent.py", "Bo"), *(("stan_agent/agent.py", key) for key in KEYS)):
            said, source = example(ledger, script, argument, cache=tmp_path / "empty")
            assert "Bo" in said
            assert source.endswith("(fallback)")
        source = example(ledger, "stan_agent/agent.py", "BLOCKED", cache=tmp_path / "empty")[1]
        assert "-- BLOCKED is served by NOT_REGISTERED: the text in this folder" in source
        with pytest.raises(Unavailable, match="code: no fallback"):
            PromptLedger(ledger.url, cache_dir=False).prompt("StanAgent", status_key="APPROVED")

        cold = Versioned(client=PromptLedger(ledger.url, ttl=0, cache_dir=False))
        assert cold.register_code_defined_prompt("Three {{ c }}", "default") is None
        assert cold.load_active_prompt_template("default") is True
        assert cold.get_filled_system_prompt(c=3) == "Three 3"
    finally:
        ledger.start()
    time.sleep(0.06)
    assert client.prompt("StanAgent", status_key="APPROVED").source == "revalidated"
    assert cold.load_active_prompt_template("default") is True
    assert cold.current_prompt is not None
    assert (cold.current_prompt.source, cold.get_filled_system_prompt(c=3)) == ("fresh", "Three 3")


def test_a_bundle_of_what_is_live_stands_in_for_a_server(ledger: Live, tmp_path: Path):
    PromptLedger(ledger.url).register([
        {"agent": "Bundled", "status_key": "NOT_REGISTERED", "template_source": "Hi {{ a }}", "is_primary_default": True},
        {"name": "bundled-é", "type": "chat", "template_source": [{"role": "user", "content": "Ü {{ a }}"}]},
    ])  # fmt: skip
    path = tmp_path / "bundle.json"
    pull = ["-m", "promptledger_client.cli", "pull", "Bundled.NOT_REGISTERED", "bundled-é", "--bundle", str(path)]
    environ = {**os.environ, "PYTHONPATH": str(live.ROOT / "clients/python/src"), "PROMPTLEDGER_URL": ledger.url}
    subprocess.run([sys.executable, *pull], env=environ, check=True, capture_output=True)
    gone = PromptLedger(f"http://127.0.0.1:{live.free_port()}", cache_dir=False, bundle=path)
    found = gone.prompt("Bundled", status_key="BLOCKED")
    assert (found.source, found.served_status_key, found.render(a="x")) == ("bundled", "NOT_REGISTERED", "Hi x")
    assert gone.prompt("Bundled").version == 1
    assert gone.prompt(name="bundled-é").render(a="x") == [{"role": "user", "content": "Ü x"}]
    with pytest.raises(Unavailable, match="does not have it"):
        gone.prompt("Bundled", status_key="BLOCKED", strict=True)
    path.write_text(path.read_text().replace("Hi ", "Ho "))
    with pytest.raises(Unavailable, match="is damaged"):
        PromptLedger(f"http://127.0.0.1:{live.free_port()}", cache_dir=False, bundle=path).prompt("Bundled")
    assert json.loads(path.read_text())["format"] == "promptledger-bundle/1"
