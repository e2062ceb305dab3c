"""`promptledger register` against a real PromptLedger."""

import subprocess

import pytest
from promptledger_client.cli import registering

HEAD = "from promptledger_client import prompt\n"


def git(*arguments: str) -> str:
    told = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(told, capture_output=True, text=True, check=True).stdout.strip()


def commit(at: str) -> str:
    """Commit everything at a time; return the commit."""
    git("add", ".")
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "x", "--date", at],
        env={"GIT_COMMITTER_DATE": at, "PATH": "/usr/bin:/bin:/usr/local/bin"}, check=True,
    )  # fmt: skip
    return git("rev-parse", "HEAD")


def test_new_unchanged_changed_and_restored_each_in_a_line(cli, ledger, write, agent):
    write("a.py", HEAD + f"A = prompt('Hello {{{{ name }}}}', agent={agent!r})")
    write("b.prompt.yaml", f"name: {agent}-mail\ntemplate: |\n  Dear {{{{ name }}}}\n")
    width = len(f"{agent}.default")
    first = cli("register")
    assert (first.code, first.err) == (0, "")
    assert first.out.splitlines() == [
        f"new        {agent}.default  v1",
        f"new        {f'{agent}-mail':<{width}}  v1",
        "2 prompts: 2 new",
    ]
    assert cli("register").out.splitlines()[-1] == "2 prompts: 2 unchanged"
    write("a.py", HEAD + f"A = prompt('Hi {{{{ name }}}}', agent={agent!r})")
    assert cli("register").out.splitlines() == [
        f"changed    {agent}.default  v1 → v2",
        f"unchanged  {f'{agent}-mail':<{width}}  v1",
        "2 prompts: 1 changed, 1 unchanged",
    ]
    write("a.py", HEAD + f"A = prompt('Hello {{{{ name }}}}', agent={agent!r})")
    assert cli("register").out.splitlines()[0] == f"restored   {agent}.default  v2 → v3, the text of v1 again"
    served = ledger("GET", f"/agents/{agent}/prompt")
    assert (served["template_source"], served["version"]) == ("Hello {{ name }}", 3)
    assert ledger("GET", f"/prompts/{agent}-mail/active")["template_source"] == "Dear {{ name }}\n"


def test_a_dry_run_says_the_same_and_changes_nothing(cli, ledger, write, agent):
    write("a.py", HEAD + f"A = prompt('x', agent={agent!r})")
    before = ledger.state()
    said = cli("register", "--dry-run")
    assert said.out.splitlines() == [
        f"new        {agent}.default  v1",
        "Dry run, nothing was written: 1 prompt: 1 new",
    ]
    assert ledger.state() == before


def test_json_names_file_line_and_outcome(cli, write, agent):
    write("a.py", HEAD + f"A = prompt('x', agent={agent!r}, status_key='K')")
    data = cli("register", "--json").json
    (one,) = data["registered"]
    assert (one["name"], one["outcome"], one["file"], one["line"]) == (f"{agent}.K", "new", "a.py", 2)
    assert (data["dry_run"], data["summary"]) == (False, {"prompts": 1, "new": 1})


def test_everything_that_the_source_says_reaches_the_ledger(cli, ledger, write, agent):
    write(
        "a.prompt.yaml",
        f"name: {agent}-chat\nagent: {agent}\nstatus_key: K\ntitle: A title\nconfig:\n  model: m\nis_primary_default: true\n"
        "messages:\n- role: system\n  content: Grüße {{ name }}\n- type: placeholder\n  name: history\n",
    )
    assert cli("register").code == 0
    assert ledger("GET", f"/agents/{agent}")["primary_status_key"] == "K"
    served = ledger("GET", f"/agents/{agent}/prompt?status_key=K")
    assert (served["type"], served["config"], served["variables"]) == ("chat", {"model": "m"}, ["name", "history"])
    assert served["messages"][0] == {"role": "system", "content": "Grüße {{ name }}"}
    assert ledger("GET", f"/prompts/{agent}-chat")["title"] == "A title"


def test_one_bad_prompt_and_nothing_is_sent(cli, ledger, write, agent):
    write("a.py", HEAD + f"A = prompt('x', agent={agent!r})\nB = prompt(f'{{x}}')\n")
    write("b.prompt.yaml", "nam: x\ntemplate: y")
    before = ledger.state()
    said = cli("register")
    assert said.code == 2
    assert [line.split(": ")[0] for line in said.err.splitlines()] == ["a.py:3", "b.prompt.yaml:1", "promptledger"]
    assert said.err.splitlines()[-1] == "promptledger: 2 problems: nothing was sent."
    assert ledger.state() == before
    assert cli("register", "--json").json["error"]["problems"][0]["line"] == 3


def test_what_the_ledger_refuses_is_said_with_file_and_line(cli, ledger, write, agent):
    ledger.full(f"{agent}-full", "text")
    write("a.py", HEAD + f"A = prompt('x', name='{agent}-a')\nB = prompt('x', name='{agent}-full')\n")
    before = ledger.state()
    said = cli("register")
    text = f"Prompt '{agent}-full' is in full mode. Use PUT /v1/prompts/{agent}-full instead."
    assert (said.code, said.out, said.err) == (1, "", f"promptledger: a.py:3: {text}\n")
    assert ledger.state() == before


def test_several_refusals_are_each_said_with_file_and_line(cli, ledger, write, agent):
    big = "'" + "x" * 70_000 + "'"
    write("a.py", HEAD + f"A = prompt('x', name='{agent}-a', config={{'k': {big}}})\nB = prompt('x', name='{agent}-b')\n"
          f"C = prompt('x', name='{agent}-c', config={{'k': {big}}})\n")  # fmt: skip
    before = ledger.state()
    said = cli("register")
    assert said.code == 2
    lines = said.err.splitlines()
    assert [line.split(": ")[0] for line in lines] == ["a.py:2", "a.py:4", "promptledger"]
    assert "config is 70,008 bytes; the limit is 65,536" in lines[0]
    assert ledger.state() == before


def test_no_prompts_is_bad_input(cli, write):
    write("a.py", "x = 1")
    said = cli("register")
    assert (said.code, said.err) == (2, "promptledger: No prompts in .: looked at 1 file. See CLI.md, register.\n")


def test_the_commit_and_its_time_come_from_git(cli, ledger, write, agent):
    git("init", "-q")
    write("a.py", HEAD + f"A = prompt('old', agent={agent!r})")
    sha = commit("2026-01-02T03:04:05+00:00")
    said = cli("register")
    assert (said.code, said.err) == (0, "")
    version = ledger("GET", f"/prompts/{agent}.default/versions/1")
    assert version["commit"] == sha
    assert version["committed_at"].startswith("2026-01-02T03:04:05")


def test_an_old_checkout_does_not_undo_a_deploy_and_check_says_it_is_behind(cli, ledger, write, agent):
    git("init", "-q")
    write("a.py", HEAD + f"A = prompt('old', agent={agent!r})")
    old = commit("2026-01-01T00:00:00+00:00")
    assert cli("register").code == 0
    write("a.py", HEAD + f"A = prompt('new', agent={agent!r})")
    commit("2026-01-02T00:00:00+00:00")
    assert cli("register").out.splitlines()[0] == f"changed    {agent}.default  v1 → v2"
    git("checkout", "-q", old)
    said = cli("register")
    assert said.code == 0
    assert said.out.splitlines()[0] == (f"stale      {agent}.default  v2 stays: this code is older than what is live")
    assert ledger("GET", f"/agents/{agent}/prompt")["template_source"] == "new"
    checked = cli("check")
    assert checked.code == 1
    assert checked.out.startswith(f"a.py:2: {agent}.default is older than what the ledger serves\n")


def test_a_dirty_tree_is_said(cli, ledger, write, agent):
    git("init", "-q")
    write("a.py", HEAD + f"A = prompt('x', agent={agent!r})")
    sha = commit("2026-01-02T03:04:05+00:00")
    write("a.py", HEAD + f"A = prompt('y', agent={agent!r})")
    said = cli("register", "a.py")
    assert (said.code, said.err) == (0, f"a.py: 1 file not as in commit {sha[:12]}: a.py\n")


def test_a_commit_that_is_given_goes_before_git(cli, ledger, write, agent):
    write("a.py", HEAD + f"A = prompt('x', agent={agent!r})")
    said = cli("register", "--commit", "abc123", "--committed-at", "2026-03-04T05:06:07Z")
    assert (said.code, said.err) == (0, "")
    assert ledger("GET", f"/prompts/{agent}.default/versions/1")["commit"] == "abc123"
    wrong = cli("register", "--committed-at", "yesterday")
    assert wrong.code == 2
    assert "a.py:2: committed_at must be a time with its zone" in wrong.err


def test_an_environment_is_a_stage(cli, ledger, write, agent):
    write("a.py", HEAD + f"A = prompt('x', agent={agent!r})")
    assert cli("register", "--environment", "dev").out.splitlines()[0] == f"new        {agent}.default  v1 (DEV)"
    assert ledger("GET", f"/agents/{agent}/prompt")["code"] == "nothing_live"
    assert cli("register").code == 0
    assert ledger("GET", f"/agents/{agent}/prompt")["version"] == 1


def test_more_than_a_call_takes_is_split_and_said_and_still_all_or_nothing(cli, ledger, write, agent, monkeypatch):
    monkeypatch.setattr(registering, "ITEMS_LIMIT", 2)
    write("a.py", HEAD + "".join(f"P{n} = prompt('x', name='{agent}-{n}')\n" for n in range(5)))
    said = cli("register")
    assert (said.code, said.out.splitlines()[-1]) == (0, "5 prompts: 5 new")
    assert said.err == "5 prompts are more than a call takes: 3 calls, tried without effect first.\n"
    ledger.full(f"{agent}-full", "text")
    write("b.py", HEAD + f"Z = prompt('x', name='{agent}-full')\n")
    write("a.py", HEAD + "".join(f"P{n} = prompt('y', name='{agent}-{n}')\n" for n in range(5)))
    before = ledger.state()
    refused = cli("register")
    assert refused.code == 1
    assert refused.err.splitlines()[-1].startswith(f"promptledger: b.py:2: Prompt '{agent}-full' is in full mode.")
    assert ledger.state() == before


def test_calls_are_split_by_size_too():
    items = [{"name": str(n), "template_source": "x" * 200_000} for n in range(200)]
    calls = list(registering.batches(items))
    assert [item for call in calls for item in call] == items
    assert len(calls) == 3


@pytest.mark.slow
def test_ten_thousand_prompts_in_one_call(cli, write, agent, monkeypatch):
    monkeypatch.setenv("PROMPTLEDGER_TIMEOUT", "150")  # a busy machine takes longer than the minute that people wait
    write("a.py", HEAD + "".join(f"P{n} = prompt('Text {n}', name='{agent}-{n}')\n" for n in range(10_000)))
    said = cli("register", "--dry-run", "--json")
    assert (said.code, said.err, said.json["summary"]) == (0, "", {"prompts": 10_000, "new": 10_000})
