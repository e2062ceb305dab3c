"""`promptledger pull` and `push`: prompt files from and to a real PromptLedger."""

import json
from pathlib import Path

import pytest
from promptledger_client import PromptLedger, Unavailable


@pytest.fixture
def live_prompts(ledger, agent):
    """A text and a chat of an agent, both live, and a draft that is not."""
    ledger("POST", "/agents", {"name": agent, "primary_status_key": "K"})
    ledger.full(f"{agent}-text", "Hello {{ name }}\n", agent=agent, status_key="K", title="T", config={"model": "m"})
    messages = [{"role": "user", "content": "Grüße {{ x }}"}, {"type": "placeholder", "name": "history"}]
    ledger("POST", "/prompts", {"name": f"{agent}-chat", "agent": agent, "messages": messages})
    for stage in ("TST", "PRD"):
        ledger("POST", f"/prompts/{agent}-chat/versions/1/promote", {"to": stage, "reason": "test"})
    ledger("POST", "/prompts", {"name": f"{agent}-draft", "agent": agent, "status_key": "D", "template_source": "x"})


def test_every_live_prompt_of_an_agent_becomes_a_file(cli, live_prompts, agent):
    said = cli("pull", "--agent", agent, "--to", "prompts")
    assert said.code == 0
    assert said.out.splitlines() == [
        f"written    prompts/{agent}-chat.prompt.yaml  {agent}-chat",
        f"written    prompts/{agent}-text.prompt.yaml  {agent}-text",
        "2 prompts: 2 written, 0 unchanged",
    ]
    assert Path(f"prompts/{agent}-text.prompt.yaml").read_text() == (
        f"# v1.0 (PRD), by promptledger pull\nname: {agent}-text\nagent: {agent}\ntitle: T\nstatus_key: K\n"
        "config:\n  model: m\ntemplate: |\n  Hello {{ name }}\n"
    )
    assert Path(f"prompts/{agent}-chat.prompt.yaml").read_text() == (
        f"# v1.0 (PRD), by promptledger pull\nname: {agent}-chat\nagent: {agent}\nstatus_key: default\ntype: chat\n"
        "messages:\n- role: user\n  content: Grüße {{ x }}\n- type: placeholder\n  name: history\n"
    )
    again = cli("pull", "--agent", agent, "--to", "prompts", "--json").json
    assert [one["written"] for one in again["files"]] == [False, False]
    assert cli("diff", f"prompts/{agent}-chat.prompt.yaml", "--exit-code").code == 0


def test_a_file_that_says_something_else_is_not_lost(cli, live_prompts, agent):
    path = Path(f"{agent}-text.prompt.yaml")
    path.write_text("my work")
    said = cli("pull", f"{agent}-text", f"{agent}-chat")
    assert said.code == 1
    assert said.err.splitlines() == [
        f"{path}: says something else than the ledger",
        "promptledger: 1 file would be replaced: nothing was written. --force replaces.",
    ]
    assert [one.name for one in Path().iterdir()] == [path.name]
    assert path.read_text() == "my work"
    assert cli("pull", f"{agent}-text", "--force").code == 0
    assert "Hello {{ name }}" in path.read_text()


def test_one_prompt_into_one_file(cli, live_prompts, agent):
    assert cli("pull", f"{agent}-text", "--to", "deep/er/hello.prompt.json").code == 0
    assert json.loads(Path("deep/er/hello.prompt.json").read_text()) == {
        "name": f"{agent}-text", "agent": agent, "title": "T", "status_key": "K", "config": {"model": "m"},
        "template": "Hello {{ name }}\n",
    }  # fmt: skip
    several = cli("pull", "--agent", agent, "--to", "x.prompt.json")
    assert (several.code, several.err) == (
        2, "promptledger: 2 prompts do not go into one file: --to a folder, or --bundle FILE.\n"
    )  # fmt: skip
    assert cli("pull", f"{agent}-text", "--to", "hello.yaml").code == 2


def test_a_bundle_is_what_the_client_reads(cli, live_prompts, ledger, agent):
    said = cli("pull", "--agent", agent, "--bundle", "out/bundle.json")
    assert (said.code, said.out) == (0, "out/bundle.json: 2 prompts\n")
    served = ledger("GET", f"/agents/{agent}/prompt?status_key=UNKNOWN")
    assert served["served_status_key"] == "K"
    gone = PromptLedger("http://127.0.0.1:1", cache_dir=False, bundle="out/bundle.json")
    text = gone.prompt(agent, status_key="UNKNOWN")
    assert (text.render(name="Bo"), text.label) == ("Hello Bo\n", "v1.0")
    chat = gone.prompt(name=f"{agent}-chat")
    assert chat.render(x="y", history=[]) == [{"role": "user", "content": "Grüße y"}]
    with pytest.raises(Unavailable):
        gone.prompt(name=f"{agent}-draft")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["NOTHING"], 1, "Prompt 'NOTHING' not found"),
        (["--agent", "Nobody"], 1, "No prompt is live for agent 'Nobody'."),
        (["{agent}-draft"], 1, "Prompt '{agent}-draft' has no version in PRD"),
        (["{agent}-text", "--agent", "Other"], 1, "Not of agent 'Other': {agent}-text."),
    ],
)
def test_what_is_not_live_is_refused_and_nothing_is_written(cli, live_prompts, agent, arguments, code, said):
    ended = cli("pull", *(one.format(agent=agent) for one in arguments))
    assert (ended.code, ended.err) == (code, f"promptledger: {said.format(agent=agent)}\n")
    assert list(Path().iterdir()) == []


def test_names_cannot_write_outside_the_folder(cli, ledger, agent):
    name = f"..\\..%2F{agent}:evil"
    ledger("POST", "/prompts", {"name": name, "agent": None, "template_source": "x"})
    quoted = name.replace("%", "%25").replace("\\", "%5C").replace(":", "%3A")
    for stage in ("TST", "PRD"):
        ledger("POST", f"/prompts/{quoted}/versions/1/promote", {"to": stage, "reason": "test"})
    assert cli("pull", name, "--to", "in").code == 0
    assert [one.name for one in Path().rglob("*.yaml")] == [f"%2E.%5C..%252F{agent}%3Aevil.prompt.yaml"]
    assert cli("register", "in", "--dry-run").code == 1  # it is a full-mode prompt: but the name came back whole
    assert f"Prompt '{name}' is in full mode." in cli("register", "in").err


def test_push_makes_a_draft_and_edits_it_and_makes_nothing_live(cli, ledger, write, agent):
    write("a.prompt.yaml", f"name: {agent}-a\ntemplate: Hello\nconfig:\n  model: m\ndescription: D\n")
    said = cli("push", "a.prompt.yaml", "-m", "first")
    assert (said.code, said.out) == (0, f"created      {agent}-a v1.0 (DEV)\n")
    write("a.prompt.yaml", f"name: {agent}-a\ntemplate: Hi\nconfig:\n  model: m\ndescription: D\n")
    assert cli("push", "a.prompt.yaml").out == f"updated      {agent}-a v1.0 (DEV)\n"
    assert cli("push", "a.prompt.yaml").out == f"unchanged    {agent}-a v1.0 (DEV)\n"
    version = ledger("GET", f"/prompts/{agent}-a/versions/1")
    assert (version["template_source"], version["stage"], version["config"]) == ("Hi", "DEV", {"model": "m"})
    assert version["commit_message"] == "first"
    prompt = ledger("GET", f"/prompts/{agent}-a")
    assert (prompt["mode"], prompt["production"], prompt["description"]) == ("full", None, "D")


def test_push_above_a_live_version_makes_the_next_draft(cli, live_prompts, ledger, write, agent):
    assert cli("pull", f"{agent}-text").code == 0
    path = Path(f"{agent}-text.prompt.yaml")
    assert cli("push", str(path)).out == f"unchanged    {agent}-text v1.0 (PRD)\n"
    path.write_text(path.read_text().replace("Hello", "Good day,").replace("title: T", "title: Other"))
    assert cli("push", str(path), "--json").json["pushed"][0]["change"] == "new_version"
    assert ledger("GET", f"/prompts/{agent}-text/active")["template_source"] == "Hello {{ name }}\n"
    assert ledger("GET", f"/prompts/{agent}-text/versions/2")["stage"] == "DEV"
    assert ledger("GET", f"/prompts/{agent}-text")["title"] == "Other"


def test_a_new_prompt_of_a_new_agent_is_made_with_all_that_the_file_says(cli, ledger, write, agent):
    write("a.prompt.json", json.dumps({
        "name": f"{agent}-a", "agent": agent, "status_key": "K", "title": "T", "template_format": "jinja2",
        "messages": [{"role": "user", "content": "{% if x %}x{% endif %}"}],
    }))  # fmt: skip
    assert cli("push", "a.prompt.json").out == f"created      {agent}-a v1.0 (DEV)\n"
    prompt = ledger("GET", f"/prompts/{agent}-a")
    assert [prompt[key] for key in ("agent", "status_key", "title", "type", "template_format", "mode")] == [
        agent, "K", "T", "chat", "jinja2", "full"
    ]  # fmt: skip


def test_a_tracking_prompt_is_refused_in_the_ledgers_words(cli, ledger, write, agent):
    write("a.prompt.yaml", f"name: {agent}-a\ntitle: T\ntemplate: x\n")
    assert cli("register").code == 0
    write("a.prompt.yaml", f"name: {agent}-a\ntitle: Other\ntemplate: y\n")
    before = ledger.state()
    said = cli("push", "a.prompt.yaml")
    text = f"Prompt '{agent}-a' is in tracking mode. Use code-based endpoints instead."
    assert (said.code, said.out, said.err) == (1, "", f"promptledger: a.prompt.yaml:3: {text}\n")
    assert ledger.state() == before
    assert ledger("GET", f"/prompts/{agent}-a")["title"] == "T"


def test_a_refusal_in_the_middle_says_what_was_pushed(cli, ledger, write, agent):
    write("b.prompt.yaml", f"name: {agent}-b\ntemplate: x\n")
    assert cli("register", "b.prompt.yaml").code == 0
    write("a.prompt.yaml", f"name: {agent}-a\ntemplate: x\n")
    said = cli("push", "a.prompt.yaml", "b.prompt.yaml")
    assert said.code == 1
    assert said.err.endswith(f"Pushed before it: {agent}-a.\n")


def test_push_takes_prompt_files_only_and_checks_all_before_the_first(cli, ledger, write, agent):
    write("a.prompt.yaml", f"name: {agent}-a\ntemplate: x\n")
    write("b.prompt.yaml", "foo: 1\n")
    before = ledger.state()
    assert (
        cli("push", "a.prompt.yaml", "c.py").err
        == "promptledger: No prompt files (*.prompt.yaml, *.prompt.json): c.py.\n"
    )
    said = cli("push", "a.prompt.yaml", "b.prompt.yaml")
    assert said.code == 2
    assert said.err.splitlines()[0].startswith("b.prompt.yaml:1: ")
    assert ledger.state() == before
