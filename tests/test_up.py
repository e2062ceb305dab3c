"""`manage.py up`, started as people start it (SPEC 10 and 11)."""

import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from promptledger.management.commands import up
from tests import live

DEAD_POSTGRESQL = "postgresql://somebody:swordfish@127.0.0.1:1/nothing"


def answer(url: str | urllib.request.Request) -> dict:
    with urllib.request.urlopen(url, timeout=20) as response:
        return json.load(response)


def post(url: str, **body: object) -> dict:
    """Send JSON, as a program in local mode does."""
    asked = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return answer(asked)


def run_in_background(url: str) -> dict[str, Any]:
    """Submit a run, and return it as it is once a worker has ended it."""
    row = post(f"{url}/v1/executions/submit", prompt="greeting", version=1, variables={"name": "Bo"})
    assert row["status"] == "queued"
    deadline = time.monotonic() + live.SECONDS
    while row["status"] in ("queued", "running"):
        assert time.monotonic() < deadline, row
        time.sleep(0.1)
        row = answer(f"{url}/v1/executions/{row['execution_id']}")
    return row


def pid_of_worker(row: dict[str, Any]) -> int:
    """The process that ran it."""
    return int(row["worker"].rpartition(":")[2])


def until_it_is_gone(pid: int) -> None:
    """Wait until no process has this number."""
    deadline = time.monotonic() + live.SECONDS
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"Process {pid} is still there."
        time.sleep(0.05)


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
    assert answer(f"{url}/v1/prompts")["count"] == 10
    code, said = live.stop(first, signal.SIGINT)
    assert code == 0
    assert "migrations to apply" in said
    assert "Loaded 10 demo prompts" in said
    assert f"PromptLedger is at {url}" in said
    assert said.endswith("Stopped.\n")
    assert "Traceback" not in said

    second = live.start(PORT=port, **live.environment(tmp_path))
    live.until_it_answers(second, url)
    code, said = live.stop(second, signal.SIGTERM)
    assert (code, said) == (0, f"\n  PromptLedger is at {url}\n  Ctrl-C ends it.\n\nStopped.\n")
    assert prompts_in(tmp_path) == 10


@pytest.mark.parametrize("said_by_terminal", [signal.SIGINT, signal.SIGHUP], ids=["Ctrl-C", "closed"])
def test_the_terminal_ends_it_in_order(tmp_path, said_by_terminal):
    """The terminal tells everyone in the foreground: the workers must not be told twice."""
    port = live.free_port()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--port", str(port)],
        cwd=live.ROOT, env=live.environment(tmp_path), process_group=0,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        # As in a terminal, also where the tests themselves run under nohup.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )  # fmt: skip
    live.until_it_answers(process, f"http://127.0.0.1:{port}")
    os.killpg(process.pid, said_by_terminal)
    said, _ = process.communicate(timeout=live.SECONDS)
    assert process.returncode == 0
    assert said.endswith("Ctrl-C ends it.\n\nStopped.\n")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc, which Linux has")
@pytest.mark.parametrize("last", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_worker_beside_runs_what_is_queued_is_replaced_when_it_dies_and_ends_with_the_server(tmp_path, last):
    port = live.free_port()
    url = f"http://127.0.0.1:{port}"
    process = live.start("--port", str(port), "--no-demo", **live.environment(tmp_path))
    live.until_it_answers(process, url)
    post(f"{url}/v1/prompts", name="greeting", template_source="Hello {{ name }}!")
    first = run_in_background(url)
    assert (first["status"], first["response_text"]) == ("succeeded", "Hello Bo!")
    os.kill(pid_of_worker(first), signal.SIGKILL)
    second = run_in_background(url)
    assert second["status"] == "succeeded"
    assert pid_of_worker(second) != pid_of_worker(first)
    process.send_signal(last)
    until_it_is_gone(pid_of_worker(second))
    said, _ = process.communicate(timeout=live.SECONDS)
    assert "The worker ended (code -9). Another one begins in 1 s." in said
    assert "Traceback" not in said
    if last != signal.SIGKILL:
        assert (process.returncode, said.endswith("Stopped.\n")) == (0, True)


def test_a_process_that_another_thread_saw_end_is_not_taken_for_alive():
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=[60])
    process.start()
    worker = SimpleNamespace(inner=process)
    assert up.is_alive(worker)
    process.kill()
    os.waitpid(process.pid, 0)  # what granian's other thread does
    assert process.is_alive(), "Python has mended it: is_alive can go"
    assert not up.is_alive(worker)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc, which Linux has")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_process_that_dies_is_replaced_and_what_was_acknowledged_is_there(tmp_path, workers):
    """Whoever kills it: an operator, or the machine when it has no memory left. So with one process, too."""
    port = live.free_port()
    url = f"http://127.0.0.1:{port}"
    arguments = "--port", str(port), "--no-demo", "--no-worker", "--workers", str(workers)
    process = live.start(*arguments, **live.environment(tmp_path))
    live.until_it_answers(process, url)
    post(f"{url}/v1/prompts", name="greeting", template_source="Hello {{ name }}!")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + live.SECONDS
    while len(before := children.read_text().split()) < workers:  # the first answers before the second is there
        assert time.monotonic() < deadline, before
        time.sleep(0.05)
    assert len(before) == workers
    os.kill(int(before[0]), signal.SIGKILL)
    until_it_is_gone(int(before[0]))
    deadline = time.monotonic() + live.SECONDS
    while len(children.read_text().split()) < workers:
        assert process.poll() is None and time.monotonic() < deadline, "Nothing took its place."
        time.sleep(0.05)
    live.until_it_answers(process, url)
    assert answer(f"{url}/v1/prompts/greeting/versions/v1.0")["template_source"] == "Hello {{ name }}!"
    code, said = live.stop(process)
    assert (code, said.endswith("Stopped.\n")) == (0, True)


def test_without_a_worker_what_is_queued_waits_for_one(tmp_path):
    with live.running(tmp_path, "--no-demo", "--no-worker") as url:
        post(f"{url}/v1/prompts", name="greeting", template_source="Hello {{ name }}!")
        row = post(f"{url}/v1/executions/submit", prompt="greeting", version=1, variables={"name": "Bo"})
        time.sleep(2)
        waiting = answer(f"{url}/v1/executions/{row['execution_id']}")
        assert (waiting["status"], waiting["attempts"]) == ("queued", 0)
        drain = [sys.executable, "manage.py", "worker", "--drain"]
        environ = live.environment(tmp_path, PROMPTLEDGER_LOCAL="1")
        subprocess.run(drain, cwd=live.ROOT, env=environ, check=True, capture_output=True)
        assert answer(f"{url}/v1/executions/{row['execution_id']}")["response_text"] == "Hello Bo!"


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


def settings_say(**environment: str) -> str:
    """What `manage.py check` says with these settings."""
    found = subprocess.run(
        [sys.executable, "manage.py", "check", "--database", "default"],
        cwd=live.ROOT, env=environment, capture_output=True, text=True, timeout=live.SECONDS,
    )  # fmt: skip
    return found.stdout + found.stderr


def test_an_empty_database_url_is_none(tmp_path):
    assert "no issues" in settings_say(**live.environment(tmp_path, DATABASE_URL=""))


def test_a_database_url_that_is_none_is_named_without_being_repeated(tmp_path):
    said = settings_say(**live.environment(tmp_path, DATABASE_URL="swordfish"))
    assert "DATABASE_URL is no address of a database" in said
    assert "swordfish" not in said.splitlines()[-1]
