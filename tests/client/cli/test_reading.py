"""`promptledger get`, `render`, `status` and `diff` against a real PromptLedger."""

import json
import subprocess
import sys

import pytest

from tests.client.cli.conftest import SOURCE


@pytest.fixture
def three(ledger, agent):
    """A prompt with a retired version, a live one and a draft, and the agent that is served it."""
    ledger("POST", "/agents", {"name": agent})
    ledger.full(f"{agent}-p", "Hello {{ name }},\r\nfine\n", "Hi {{ name }},\r\nfine\n", agent=agent, config={"n": 1})
    body = {"from": "v1.1", "template_source": "Draft {{ name }}", "config": {"n": 2}}
    ledger("POST", f"/prompts/{agent}-p/versions", body)


def test_get_prints_the_text_byte_by_byte(cli, three, ledger, agent):
    told = [sys.executable, "-m", "promptledger_client.cli", "get", f"{agent}-p", "--url", ledger.url]
    done = subprocess.run(told, env={"PYTHONPATH": str(SOURCE)}, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"Hi {{ name }},\r\nfine\n", b"")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["{agent}-p"], "Hi {{ name }},\r\nfine\n"),
        (["{agent}-p", "--version", "v1.0"], "Hello {{ name }},\r\nfine\n"),
        (["{agent}-p", "--version", "1"], "Hello {{ name }},\r\nfine\n"),
        (["{agent}-p", "--stage", "dev"], "Draft {{ name }}"),
        (["--agent", "{agent}"], "Hi {{ name }},\r\nfine\n"),
        (["--agent", "{agent}", "--status-key", "UNKNOWN"], "Hi {{ name }},\r\nfine\n"),
        (["--agent", "{agent}", "--status-key", "default", "--stage", "DEV"], "Draft {{ name }}"),
    ],
)
def test_get_takes_a_name_or_an_agent_and_a_version_or_a_stage(cli, three, agent, arguments, text):
    said = cli("get", *(one.format(agent=agent) for one in arguments))
    assert (said.code, said.out, said.err) == (0, text, "")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{agent}-x"], 1, "Prompt '{agent}-x' not found"),
        (["{agent}-p", "--stage", "TST"], 1, "Prompt '{agent}-p' has no version in TST"),
        (["{agent}-p", "--version", "v9.9"], 1, "Prompt '{agent}-p' has no version 'v9.9'"),
        (
            ["--agent", "{agent}", "--status-key", "K", "--version", "1"],
            1,
            "Agent '{agent}' has no prompt for status key 'K'.",
        ),
        ([], 2, "Give NAME, or --agent with --status-key: one of them."),
        (["{agent}-p", "--agent", "{agent}"], 2, "Give NAME, or --agent with --status-key: one of them."),
        (["{agent}-p", "--status-key", "K"], 2, "--status-key and --strict go with --agent."),
        (["{agent}-p", "--version", "1", "--stage", "DEV"], 2, "--version or --stage, not both."),
    ],
)
def test_get_says_why_there_is_nothing(cli, three, agent, arguments, code, said):
    ended = cli("get", *(one.format(agent=agent) for one in arguments))
    assert (ended.code, ended.out, ended.err) == (code, "", f"promptledger: {said.format(agent=agent)}\n")


def test_strict_turns_the_fallback_off(cli, three, agent):
    assert cli("get", "--agent", agent, "--status-key", "K", "--strict").code == 1
    assert cli("render", "--agent", agent, "--status-key", "K", "--strict", "--var", "name=x").code == 1


def test_get_as_json_is_what_is_served(cli, three, ledger, agent):
    assert cli("get", f"{agent}-p", "--json").json == ledger("GET", f"/prompts/{agent}-p/active")


def test_render_fills_in_from_the_command_line_and_from_files(cli, three, write, agent):
    assert cli("render", f"{agent}-p", "--var", "name=Bo=1 {{ x }}").out == "Hi Bo=1 {{ x }},\r\nfine\n"
    write("vars.json", '{"name": [1, "ü"]}')
    assert cli("render", f"{agent}-p", "--vars-file", "vars.json").out == 'Hi [1,"ü"],\r\nfine\n'
    assert cli("render", "--agent", agent, "--vars-file", "vars.json", "--var", "name=Bo").out == "Hi Bo,\r\nfine\n"
    write("vars.yaml", "name: Bo\n")
    assert cli("render", f"{agent}-p", "--stage", "DEV", "--vars-file", "vars.yaml").out == "Draft Bo"
    data = cli("render", f"{agent}-p", "--var", "name=Bo", "--json").json
    assert (data["text"], data["label"]) == ("Hi Bo,\r\nfine\n", "v1.1")


def test_render_of_a_chat_prints_messages(cli, ledger, agent):
    ledger("POST", "/prompts", {"name": f"{agent}-c", "messages": [{"role": "user", "content": "{{ x }}"}]})
    said = cli("render", f"{agent}-c", "--stage", "DEV", "--var", "x=Grüße")
    assert json.loads(said.out) == [{"role": "user", "content": "Grüße"}]
    assert "Grüße" in said.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing variables: name."),
        (["--var", "name"], "--var takes NAME=VALUE, and this is 'name'."),
        (["--var", "=x"], "--var takes NAME=VALUE, and this is '=x'."),
        (["--var", "a=1", "--var", "a=2"], "--var a is given twice."),
        (["--vars-file", "nowhere.json"], "nowhere.json cannot be read: No such file or directory."),
        (["--vars-file", "list.json"], "list.json must hold an object: the variables by their names."),
        (["--vars-file", "twice.json"], "twice.json:1: key 'a' is given twice"),
    ],
)
def test_variables_that_cannot_be_used_are_bad_input(cli, three, write, agent, arguments, said):
    write("list.json", "[]")
    write("twice.json", '{"a": 1, "a": 2}')
    ended = cli("render", f"{agent}-p", *arguments)
    assert (ended.code, ended.out, ended.err) == (2, "", f"promptledger: {said}\n")


def test_status_is_a_table_with_the_live_version_and_the_drafts(cli, three, ledger, agent):
    ledger("POST", f"/prompts/{agent}-p/versions/3/promote", {"to": "TST"})
    ledger("POST", f"/prompts/{agent}-p/versions", {"from": "v1.2"})
    ledger("POST", "/prompts", {"name": f"{agent}-q"})
    head, row = cli("status", "--agent", agent).out.splitlines()
    assert head.split("  ")[0] == "PROMPT" and "PRODUCTION" in head
    assert row.split() == [f"{agent}-p", agent, "default", "full", "v1.1", "v1.3", "DEV,", "v1.2", "TST"]
    data = cli("status", f"{agent}-q", f"{agent}-p", "--json").json
    assert [(one["name"], one["production"], one["drafts"]) for one in data["prompts"]] == [
        (f"{agent}-q", None, []),
        (f"{agent}-p", "v1.1", [{"label": "v1.3", "stage": "DEV"}, {"label": "v1.2", "stage": "TST"}]),
    ]
    assert cli("status", "--agent", "Nobody").out == "No prompts.\n"
    assert cli("status", "NOTHING").code == 1


def test_status_reads_page_by_page(cli, ledger, agent, monkeypatch):
    from promptledger_client.cli import ledger as calls

    monkeypatch.setattr(calls, "PAGE", 2)
    ledger("POST", "/agents", {"name": agent})
    for n in range(5):
        ledger("POST", "/prompts", {"name": f"{agent}-{n}", "agent": agent, "status_key": str(n)})
    assert len(cli("status", "--agent", agent).out.splitlines()) == 6


def test_diff_between_versions(cli, three, agent):
    said = cli("diff", f"{agent}-p", "v1.0", "v1.1")
    assert (said.code, said.out.splitlines()) == (0, [
        f"--- {agent}-p v1.0", f"+++ {agent}-p v1.1", "@@ -1,3 +1,3 @@",
        "-Hello {{ name }},\\r", "+Hi {{ name }},\\r", " fine", " ",
    ])  # fmt: skip
    assert cli("diff", f"{agent}-p", "v1.0", "v1.1", "--exit-code").code == 1
    same = cli("diff", f"{agent}-p", "v1.0", "v1.0", "--exit-code")
    assert (same.code, same.out) == (0, f"{agent}-p: v1.0 and v1.0 say the same.\n")


def test_diff_goes_from_what_is_live_to_the_newest(cli, three, agent):
    lines = cli("diff", f"{agent}-p").out.splitlines()
    assert lines[:2] == [f"--- {agent}-p v1.1", f"+++ {agent}-p v1.2"]
    assert lines[-2:] == ["-config.n: 1", "+config.n: 2"]
    data = cli("diff", f"{agent}-p", "--json").json
    assert (data["from"], data["to"], data["identical"]) == ("v1.1", "v1.2", False)


def test_diff_of_a_live_newest_version_is_with_the_one_before(cli, ledger, agent):
    ledger.full(f"{agent}-p", "a", "b")
    assert cli("diff", f"{agent}-p").out.splitlines()[:2] == [f"--- {agent}-p v1.0", f"+++ {agent}-p v1.1"]


def test_diff_of_a_file_with_the_ledger(cli, three, write, agent):
    write("a.prompt.yaml", f"name: {agent}-p\ntemplate: |\n  Hi {{{{ name }}}},\n  fine\n")
    said = cli("diff", "a.prompt.yaml", "--exit-code")
    assert said.code == 1
    assert said.out.splitlines()[:2] == ["--- ledger v1.1", "+++ code"]
    assert cli("diff", "a.prompt.yaml", "v1.0").out.splitlines()[0] == "--- ledger v1.0"
    write("a.prompt.yaml", f'name: {agent}-p\ntemplate: "Hi {{{{ name }}}},\\r\\nfine\\n"\n')
    same = cli("diff", "a.prompt.yaml", "--exit-code")
    assert (same.code, same.out) == (0, f"{agent}-p: the file and v1.1 say the same.\n")
    write("b.prompt.yaml", f"name: {agent}-new\ntemplate: x\n")
    assert cli("diff", "b.prompt.yaml").out == f"{agent}-new: the ledger has no such version.\n"


def test_diff_of_a_chat_is_by_messages(cli, ledger, agent):
    for text in ("one", "two"):
        ledger("PUT", f"/prompts/{agent}-c", {"messages": [{"role": "user", "content": text}], "type": "chat"})
        ledger("POST", f"/prompts/{agent}-c/versions", {"from": "v1.0"})
    ledger("PUT", f"/prompts/{agent}-c", {"messages": [{"role": "user", "content": "two"}], "type": "chat"})
    lines = cli("diff", f"{agent}-c", "1", "2").out.splitlines()
    assert lines[2:] == ["@@ -1,2 +1,2 @@", " [user]", "-one", "+two"]


def test_diff_of_what_is_not_there(cli, ledger, agent):
    assert cli("diff", f"{agent}-p").code == 1
    ledger("POST", "/prompts", {"name": f"{agent}-p"})
    said = cli("diff", f"{agent}-p")
    assert (said.code, said.err) == (1, f"promptledger: Prompt '{agent}-p' has no version.\n")
