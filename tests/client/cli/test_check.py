"""`promptledger check`: drift between code and ledger as an exit code."""

import pytest

HEAD = "from promptledger_client import prompt\n"


@pytest.fixture
def registered(cli, write, agent):
    """Two prompts of an agent that the ledger has as the code has them."""
    write(
        "a.py",
        HEAD + f"A = prompt('one\\ntwo {{{{ x }}}}\\nthree', agent={agent!r})\nB = prompt('b', name='{agent}-b')",
    )
    assert cli("register").code == 0


def test_no_drift_is_0_and_changes_nothing(cli, registered, ledger):
    before = ledger.state()
    said = cli("check")
    assert (said.code, said.out, said.err) == (0, "2 prompts: the code and the ledger agree\n", "")
    assert cli("check", "--json").json == {"prompts": 2, "drift": []}
    assert ledger.state() == before


def test_another_text_is_shown_with_what_differs(cli, registered, ledger, write, agent):
    write(
        "a.py", HEAD + f"A = prompt('one\\n2 {{{{ x }}}}\\nthree', agent={agent!r})\nB = prompt('b', name='{agent}-b')"
    )
    before = ledger.state()
    said = cli("check")
    assert said.code == 1
    assert said.out.splitlines() == [
        f"a.py:2: {agent}.default differs from the ledger",
        "    --- ledger v1.0",
        "    +++ code",
        "    @@ -1,3 +1,3 @@",
        "     one",
        "    -two {{ x }}",
        "    +2 {{ x }}",
        "     three",
        "2 prompts: 1 difference between code and ledger",
    ]
    assert ledger.state() == before


def test_a_missing_prompt_is_drift(cli, registered, write, agent):
    write("c.prompt.yaml", f"name: {agent}-c\ntemplate: x\n")
    said = cli("check")
    assert said.code == 1
    assert said.out.splitlines()[0] == f"c.prompt.yaml:2: {agent}-c is not in the ledger"
    (drift,) = cli("check", "--json").json["drift"]
    assert drift == {"name": f"{agent}-c", "kind": "missing", "file": "c.prompt.yaml", "line": 2, "diff": []}


def test_another_config_is_drift(cli, write, agent):
    write("c.prompt.yaml", f"name: {agent}-c\ntemplate: x\nconfig:\n  model: a\n  same: 1\n")
    assert cli("register").code == 0
    write("c.prompt.yaml", f"name: {agent}-c\ntemplate: x\nconfig:\n  model: b\n  same: 1\n")
    said = cli("check")
    assert said.code == 1
    assert said.out.splitlines()[:3] == [
        f"c.prompt.yaml:2: {agent}-c differs from the ledger",
        '    -config.model: "a"',
        '    +config.model: "b"',
    ]


def test_what_only_the_ledger_has_is_drift_with_strict(cli, registered, ledger, write, agent):
    write("z.py", HEAD + f"Z = prompt('z', agent={agent!r}, status_key='GONE')")
    assert cli("register").code == 0
    write("a.py", HEAD + f"A = prompt('one\\ntwo {{{{ x }}}}\\nthree', agent={agent!r})")
    write("z.py", "").unlink()
    assert cli("check").code == 0
    said = cli("check", "--strict", "--agent", agent)
    assert said.code == 1
    assert said.out.splitlines()[0] == f"{agent}.GONE is in the ledger, but not in the code"
    ledger.full(f"{agent}-full", "a full-mode prompt is no drift")
    assert cli("check", "--strict", "--agent", agent, "--json").json["drift"] == [
        {"name": f"{agent}.GONE", "kind": "extra", "file": None, "line": None, "diff": []}
    ]


def test_annotations_for_github(cli, registered, write, agent):
    write("src/100% a,b:c.py", HEAD + f"A = prompt('new\\ntext', agent={agent!r})")
    write("a.py", "").unlink()
    said = cli("check", "--format", "github")
    assert said.code == 1
    assert said.out.splitlines()[0] == (
        f"::error file=src/100%25 a%2Cb%3Ac.py,line=2,title=Prompt drift::{agent}.default differs from the ledger"
        "%0A--- ledger v1.0%0A+++ code%0A@@ -1,3 +1,2 @@%0A-one%0A-two {{ x }}%0A-three%0A+new%0A+text"
    )


def test_problems_of_the_source_are_annotations_too(cli, write):
    write("a.py", HEAD + "\nA = prompt(f'{x}')")
    said = cli("check", "--format", "github")
    assert said.code == 2
    assert said.out.startswith("::error file=a.py,line=3,title=Prompt::a prompt's text is a fixed text here")


def test_a_long_difference_is_cut(cli, write, agent):
    write("a.py", HEAD + f"A = prompt('x', agent={agent!r})")
    assert cli("register").code == 0
    text = "\n".join(map(str, range(100)))
    write("a.py", HEAD + f"A = prompt({text!r}, agent={agent!r})")
    said = cli("check")
    assert len(said.out.splitlines()) == 23
    assert said.out.splitlines()[-2] == "    … 84 lines more: promptledger diff FILE"


def test_a_key_that_may_only_read_is_enough(cli, registered, ledger, write, agent, monkeypatch):
    monkeypatch.setenv("PROMPTLEDGER_API_KEY", ledger.key("read"))
    note = "The key may not register: the texts are compared one by one.\n"
    said = cli("check")
    assert (said.code, said.out, said.err) == (0, "2 prompts: the code and the ledger agree\n", note)
    write("a.py", HEAD + f"A = prompt('other', agent={agent!r})\nC = prompt('c', name='{agent}-c')")
    said = cli("check")
    assert (said.code, said.err) == (1, note)
    assert said.out.splitlines()[0] == f"a.py:2: {agent}.default differs from the ledger"
    assert said.out.splitlines()[-2:] == [
        f"a.py:3: {agent}-c is not in the ledger",
        "2 prompts: 2 differences between code and ledger",
    ]
    assert cli("register").code == 1


def test_a_full_mode_prompt_in_code_is_refused(cli, ledger, write, agent):
    ledger.full(f"{agent}-full", "text")
    write("a.py", HEAD + f"A = prompt('text', name='{agent}-full')")
    said = cli("check")
    assert said.code == 1
    assert f"a.py:2: Prompt '{agent}-full' is in full mode." in said.err
