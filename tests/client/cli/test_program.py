"""The program itself: exit codes, no tracebacks, keys that stay secret, closed pipes, Ctrl-C, servers that are none."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from promptledger_client.cli import program, terminal

from tests import live
from tests.client.cli.conftest import SOURCE

COMMANDS = list(program.COMMANDS)
CALLS = {
    "register": ["register"], "check": ["check"], "pull": ["pull"], "push": ["push", "a.prompt.yaml"], "diff": ["diff", "A"],
    "status": ["status"], "get": ["get", "A"], "render": ["render", "A"],
}  # fmt: skip
ANYTHING = re.compile(".*")
ENVIRON = {"PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"]}


def start(*arguments: str, **options) -> subprocess.Popen:
    told = [sys.executable, "-m", "promptledger_client.cli", *arguments]
    return subprocess.Popen(told, **{"env": ENVIRON, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options})


@pytest.mark.parametrize("command", COMMANDS)
def test_no_server_is_3_in_one_line(run, write, command):
    write("a.prompt.yaml", "name: A\ntemplate: x\n")
    url = f"http://127.0.0.1:{live.free_port()}"
    said = run(*CALLS[command], "--url", url)
    assert (said.code, said.out) == (3, "")
    assert said.err.startswith(f"promptledger: No PromptLedger to work with at {url}: no connection")
    assert said.err.count("\n") == 1
    data = run(*CALLS[command], "--url", url, "--json").json
    assert data["error"]["exit_code"] == 3


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, "<html>hello</html>", "gave no JSON object"),
        (200, "[1, 2]", "gave no JSON object"),
        (404, "not here", "but not as a PromptLedger does"),
        (302, "", "but not as a PromptLedger does"),
        (500, '{"detail": "boom", "code": "server_error"}', "it answered 500: boom"),
        (503, '{"detail": "no database", "code": "unavailable"}', "it answered 503: no database"),
    ],
)
def test_what_answers_and_is_no_working_ledger_is_3(run, write, httpserver, command, status, body, said):
    write("a.prompt.yaml", "name: A\ntemplate: x\n")
    httpserver.expect_request(ANYTHING).respond_with_data(body, status=status)
    ended = run(*CALLS[command], "--url", httpserver.url_for("").rstrip("/"))
    assert ended.code == 3
    assert said in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_json_of_another_program_is_3(run, write, httpserver, command):
    write("a.prompt.yaml", "name: A\ntemplate: x\n")
    httpserver.expect_request(ANYTHING).respond_with_json({"hello": "world"})
    ended = run(*CALLS[command], "--url", httpserver.url_for("").rstrip("/"))
    assert ended.code == 3
    assert "is no PromptLedger" in ended.err


@pytest.mark.parametrize(
    "arguments", [[], ["nothing"], ["get", "--nothing"], ["register", "--environment", "x"], ["push"]]
)
def test_a_usage_error_is_2(run, arguments):
    said = run(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("usage: promptledger")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([command, "--help"] for command in COMMANDS)])
def test_help_is_0_and_says_the_exit_codes(run, arguments):
    said = run(*arguments)
    assert (said.code, said.err) == (0, "")
    assert arguments == ["--version"] or "exit codes: 0 well" in said.out


@pytest.mark.parametrize("url", ["x", "ftp://x", "http://", "http://user:secret@127.0.0.1", "http://127.0.0.1:99999"])
def test_an_address_that_is_none_is_2(run, url):
    said = run("status", "--url", url)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "secret" not in said.err


def test_no_key_is_ever_taken_from_the_command_line(run):
    for option in ("--key", "--api-key", "--k"):
        said = run("status", option, "pl_secret")
        assert said.code == 2
        assert "unrecognized arguments" in said.err


def test_a_key_comes_from_a_file_or_the_environment_and_is_not_said(cli, ledger, write, agent, monkeypatch):
    key = ledger.key("read")
    write("key", f"{key}\n")
    ledger("POST", "/prompts", {"name": f"{agent}-p"})
    write("a.prompt.yaml", f"name: {agent}-new\ntemplate: x\n")
    assert cli("status", f"{agent}-p", "--key-file", "key").code == 0
    refused = cli("push", "a.prompt.yaml", "--key-file", "key")
    assert refused.code == 1
    assert key not in refused.err
    monkeypatch.setenv("PROMPTLEDGER_API_KEY", key)
    assert cli("push", "a.prompt.yaml").code == 1
    monkeypatch.setenv("PROMPTLEDGER_API_KEY", "pl_live_wrong")
    wrong = cli("status")
    assert wrong.code == 1
    assert wrong.err.endswith("A key is given by PROMPTLEDGER_API_KEY or --key-file.\n")
    assert "pl_live_wrong" not in wrong.err


@pytest.mark.parametrize("content", [b"", b"two words", b"\xff\xfe", b"a\nb\n", "schlüssel".encode()])
def test_a_key_file_without_a_key_is_2_and_is_not_repeated(run, write, content):
    write("key", content)
    said = run("status", "--key-file", "key")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "words" not in said.err and "schl" not in said.err
    assert run("status", "--key-file", "nowhere").code == 2


def test_a_closed_pipe_is_quiet(cli, ledger, agent):
    for n in range(3):
        ledger("POST", "/prompts", {"name": f"{agent}-{n}"})
    read, wrote = os.pipe()
    os.close(read)
    process = start("status", "--url", ledger.url, stdout=wrote)
    os.close(wrote)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (141, b"")


@pytest.mark.parametrize("arguments", [["--help"], ["get", "NOTHING", "--json"]])
def test_a_closed_pipe_is_quiet_for_help_and_errors_too(ledger, arguments):
    read, wrote = os.pipe()
    os.close(read)
    more = ["--url", ledger.url] if arguments[0] == "get" else []
    process = start(*arguments, *more, stdout=wrote)
    os.close(wrote)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 141
    assert b"Traceback" not in err and b"BrokenPipe" not in err


def test_ctrl_c_is_130_without_a_traceback(httpserver):
    asked, over = threading.Event(), threading.Event()

    def slow(request):
        asked.set()
        over.wait(60)
        return ""

    httpserver.expect_request("/v1/prompts").respond_with_handler(slow)
    heeded = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}  # also where the suite ignores it
    url = httpserver.url_for("").rstrip("/")
    process = start("status", "--url", url, stdout=subprocess.PIPE, **heeded)
    assert asked.wait(60)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    over.set()
    assert (process.returncode, out, err) == (130, b"", b"\nInterrupted.\n")


def test_progress_is_for_terminals_only_and_is_taken_away(write, tmp_path):
    for n in range(30):
        write(f"f{n}.py", f"from promptledger_client import prompt\nP = prompt('x', name='{n}')")
    own, theirs = pty.openpty()
    process = start("register", "--url", "http://127.0.0.1:1", stderr=theirs, stdout=subprocess.PIPE, cwd=tmp_path)
    process.communicate(timeout=30)
    os.close(theirs)
    said = b""
    while True:
        try:
            piece = os.read(own, 65536)
        except OSError:
            break
        if not piece:
            break
        said += piece
    assert b"Looking for prompts: files" in said
    assert b"\r\x1b[K" in said
    assert process.returncode == 3


def test_colours_are_for_terminals_and_not_with_no_color(monkeypatch):
    class Screen:
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    shown = terminal.Terminal(out=Screen(), err=Screen())
    assert shown.painted("+a", "green") == "\x1b[32m+a\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "")
    assert terminal.Terminal(out=Screen(), err=Screen()).painted("+a", "green") == "+a"


def test_control_characters_of_the_ledger_move_no_cursor(cli, ledger, agent):
    ledger("POST", "/prompts", {"name": f"{agent}-p", "template_source": "a\x1b[2Jb\u202ec"})
    ledger("POST", f"/prompts/{agent}-p/versions", {"from": "v1.0", "template_source": "d"})
    said = cli("diff", f"{agent}-p", "1", "2")
    assert "-a\\x1b[2Jb\\u202ec" in said.out
    assert "\x1b" not in said.out


def test_the_command_line_is_quick_to_start():
    process = start("--version", stdout=subprocess.PIPE)
    process.communicate(timeout=60)
    assert process.returncode == 0
    told = "import sys; import promptledger_client.cli; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", f"import json; {told}"], env=ENVIRON, capture_output=True, check=True)
    loaded = json.loads(done.stdout)
    assert not {"httpx2", "yaml"} & set(loaded)


def test_the_entry_point_is_main():
    text = (live.ROOT / "clients" / "python" / "pyproject.toml").read_text()
    assert 'promptledger = "promptledger_client.cli:main"' in text
    assert Path(program.__file__).is_relative_to(SOURCE)
