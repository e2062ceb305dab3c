"""CLI.md: every line of it works as written, in its order, against a real PromptLedger; it names every option."""

import re
import shlex

import pytest
from promptledger_client.cli import program

from tests import live
from tests.client.test_live import database

MANUAL = (live.ROOT / "clients" / "python" / "CLI.md").read_text()
FILES = re.findall(r"^`([\w/.]+)`[^\n]*:\n\n```\w+\n(.*?)^```$", MANUAL, re.MULTILINE | re.DOTALL)
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", MANUAL, re.MULTILINE | re.DOTALL)
LINES = [line for block in BLOCKS for line in block.splitlines()]


@pytest.fixture
def own_ledger(tmp_path_factory):
    """A PromptLedger with nothing in it but what the manual puts there: --strict looks at all of it."""
    with database() as environ, live.running(tmp_path_factory.mktemp("manual"), "--no-demo", **environ) as url:
        yield url


def test_the_manual_has_what_this_test_reads():
    assert [name for name, _ in FILES] == [
        "src/shop/prompts.py", "src/shop/order.prompt.yaml", "drafts/faq.prompt.yaml", "vars.json"
    ]  # fmt: skip
    assert len(LINES) == 31
    assert all(line.startswith("promptledger ") for line in LINES)


def test_every_line_of_the_manual_works_as_written(run, own_ledger, write, monkeypatch):
    monkeypatch.setenv("PROMPTLEDGER_URL", own_ledger)
    for name, text in FILES:
        write(name, text)
    write("src/shop/__init__.py", "")
    said = {}
    for line in LINES:
        said[line] = run(*shlex.split(line)[1:])
        assert said[line].code == 0, (line, said[line])
    assert said["promptledger register src"].out.splitlines()[-1] == "6 prompts: 6 new"
    assert said["promptledger check src --strict"].out == "6 prompts: the code and the ledger agree\n"
    assert said["promptledger get WELCOME"].out == "Welcome, {{ name }}!"
    assert said["promptledger render WELCOME --var name=Bo"].out == "Welcome, Bo!"
    answer = "Answer in one sentence: Where is my parcel?\n"
    assert said["promptledger render FAQ --stage DEV --vars-file vars.json"].out == answer


@pytest.mark.parametrize("command", program.COMMANDS)
def test_every_command_is_in_the_manual_with_its_options(run, command):
    assert f"\n## {command}\n" in MANUAL
    options = set(re.findall(r"--[a-z][a-z-]+", run(command, "--help").out)) - {"--help"}
    assert options
    assert {option for option in options if option not in MANUAL} == set()


def test_every_exit_code_is_in_the_manual():
    assert re.findall(r"^\| ([\d, ]+) \|", MANUAL, re.MULTILINE) == ["0", "1", "2", "3", "130, 141"]
