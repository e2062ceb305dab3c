"""`manage.py up`, started as people start it (SPEC 10 and 11)."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests import live

DEAD_POSTGRESQL = "postgresql://somebody:swordfish@127.0.0.1:1/nothing"


def answer(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=20) as response:
        return json.load(response)


def refusal(*arguments: str, **environ: str) -> str:
    """What `up` says when it does not start; it must end with 1 and without a traceback."""
    process = live.start(*arguments, **environ)
    said, _ = process.communicate(timeout=live.SECONDS)
    assert process.returncode == 1, said
    assert "Traceback" not in said
    return said


def prompts_in(data_dir: Path) -> int:
    with sqlite3.connect(data_dir / "promptledger.sqlite3") as database:
        return database.execute("SELECT count(*) FROM prompts").fetchone()[0]


def test_the_first_start_prepares_everything_and_the_second_nothing(tmp_path):
    port = str(live.free_port())
    url = f"http://127.0.0.1:{port}"
    first = live.start(PORT=port, **live.environment(tmp_path))
    live.until_it_answers(first, url)
    assert answer(f"{url}/health/ready")["status"] == "ok"
    assert answer(f"{url}/v1/prompts")["count"] == 8
    code, said = live.stop(first, signal.SIGINT)
    assert code == 0
    assert "migrations to apply" in said
    assert "Loaded 8 demo prompts" in said
    assert f"PromptLedger is at {url}" in said
    assert said.endswith("Stopped.\n")
    assert "Traceback" not in said

    second = live.start(PORT=port, **live.environment(tmp_path))
    live.until_it_answers(second, url)
    code, said = live.stop(second, signal.SIGTERM)
    assert (code, said) == (0, f"\n  PromptLedger is at {url}\n  Ctrl-C ends it.\n\nStopped.\n")
    assert prompts_in(tmp_path) == 8


@pytest.mark.parametrize("said_by_terminal", [signal.SIGINT, signal.SIGHUP], ids=["Ctrl-C", "closed"])
def test_the_terminal_ends_it_in_order(tmp_path, said_by_terminal):
    """The terminal tells everyone in the foreground: the workers must not be told twice."""
    port = live.free_port()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--port", str(port)],
        cwd=live.ROOT, env=live.environment(tmp_path), process_group=0,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    live.until_it_answers(process, f"http://127.0.0.1:{port}")
    os.killpg(process.pid, said_by_terminal)
    said, _ = process.communicate(timeout=live.SECONDS)
    assert process.returncode == 0
    assert said.endswith("Ctrl-C ends it.\n\nStopped.\n")


@pytest.mark.parametrize(("arguments", "environ"), [(["--no-demo"], {}), ([], {"PROMPTLEDGER_DEMO": "0"})])
def test_it_begins_empty_when_asked_to(tmp_path, arguments, environ):
    with live.running(tmp_path, *arguments, **environ) as url:
        assert answer(f"{url}/v1/prompts")["count"] == 0


def test_a_port_that_is_taken_is_not_shared(tmp_path):
    with live.running(tmp_path, "--no-demo") as url:
        port = url.rsplit(":")[-1]
        said = refusal("--port", port, **live.environment(tmp_path))
    assert said.startswith(f"CommandError: Cannot listen on 127.0.0.1:{port}: Address already in use.")


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", "²", "9" * 5_000])
def test_a_port_that_is_none_is_named(tmp_path, port):
    assert f"'{port}' is not a port" in refusal(PORT=port, **live.environment(tmp_path))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])
def test_local_mode_listens_on_this_machine_only(tmp_path, host):
    assert "only listens on this machine" in refusal("--host", host, **live.environment(tmp_path))
    assert not (tmp_path / "promptledger.sqlite3").exists()


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path):
    said = refusal("--port", str(live.free_port()), **live.environment(tmp_path, DATABASE_URL=DEAD_POSTGRESQL))
    assert "The database nothing on 127.0.0.1:1 does not answer" in said
    assert "swordfish" not in said


def test_a_server_does_not_start_before_its_migrations(tmp_path):
    said = refusal("--mode", "server", "--port", str(live.free_port()), **live.environment(tmp_path))
    assert "migrations are not applied" in said


def test_a_server_takes_no_wildcard_for_its_name(tmp_path):
    assert "has a '*'" in refusal("--mode", "server", **live.environment(tmp_path, ALLOWED_HOSTS="*"))


def test_a_server_is_closed_even_where_local_mode_was_asked_for(tmp_path):
    environ = {"PROMPTLEDGER_LOCAL": "1", "PROMPTLEDGER_SSL_REDIRECT": "0"}
    migrated = live.environment(tmp_path, **environ)
    migrate = [sys.executable, "manage.py", "migrate", "-v0"]
    done = subprocess.run(migrate, cwd=live.ROOT, env=migrated, check=True, capture_output=True, text=True)
    assert done.stdout + done.stderr == ""  # no warning of guards that the migrations are just about to bring
    with live.running(tmp_path, "--mode", "server", **environ) as url:
        with pytest.raises(urllib.error.HTTPError) as refused:
            answer(f"{url}/v1/prompts")
        assert refused.value.code == 401
        with urllib.request.urlopen(f"{url}/", timeout=20) as page:
            assert page.url == f"{url}/login/?next=%2F"
    assert prompts_in(tmp_path) == 0
