"""Finding prompts in a tree: which files, links and loops, modules that are imported, and everything wrong at once."""

import os
import time
from pathlib import Path

import pytest
from promptledger_client.cli.finding import find

HEAD = "from promptledger_client import prompt\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def names(*targets: str, **options) -> list[str]:
    findings = find(list(targets) or ["."], **options)
    assert findings.problems == []
    return [one.name for one in findings.prompts]


def problems(*targets: str, **options) -> list[str]:
    return [str(one) for one in find(list(targets) or ["."], **options).problems]


def test_all_forms_in_nested_packages_in_the_order_of_their_paths(write):
    write("app/__init__.py", "")
    write("app/deep/er/prompts.py", HEAD + "B = prompt('b')\nA = prompt('a')")
    write("app/deep/x.prompt.yaml", "name: X\ntemplate: x")
    write("app/y.prompt.yml", "name: Y\ntemplate: y")
    write("app/z.prompt.json", '{"name": "Z", "template": "z"}')
    write("app/other.yaml", "name: [not ours")
    write("app/notes.txt", "prompt")
    assert names() == ["Y", "Z", "X", "B", "A"]


@pytest.mark.parametrize("folder", [".git", ".hidden", "__pycache__", "node_modules", "lib/site-packages", "a/.tox/b"])
def test_folders_that_are_never_looked_into(write, folder):
    write(f"{folder}/a.prompt.yaml", "name: A\ntemplate: x")
    write("b.prompt.yaml", "name: B\ntemplate: x")
    assert names() == ["B"]


def test_virtual_environments_are_left_out_whatever_they_are_called(write):
    write("env/pyvenv.cfg", "")
    write("env/a.prompt.yaml", "name: A\ntemplate: x")
    write("build/b.prompt.yaml", "name: B\ntemplate: x")
    assert names() == ["B"]


@pytest.mark.parametrize("pattern", ["tests", "tests/*", "*/a.prompt.yaml", "tests/inner"])
def test_exclude_takes_names_and_paths(write, pattern):
    write("tests/inner/a.prompt.yaml", "name: A\ntemplate: x")
    write("src/b.prompt.yaml", "name: B\ntemplate: x")
    assert names(exclude=[pattern]) == ["B"]


def test_loops_of_links_end_and_a_file_with_two_names_counts_once(write, tmp_path):
    write("a/a.prompt.yaml", "name: A\ntemplate: x")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "a" / "same.prompt.yaml").symlink_to(tmp_path / "a" / "a.prompt.yaml")
    (tmp_path / "a" / "nowhere.prompt.yaml").symlink_to(tmp_path / "gone")
    (tmp_path / "a" / "self.prompt.yaml").symlink_to(tmp_path / "a" / "self.prompt.yaml")
    findings = find(["."])
    assert (findings.problems, [one.name for one in findings.prompts], findings.files) == ([], ["A"], 1)


def test_a_pipe_is_not_waited_for(write, tmp_path):
    write("a.prompt.yaml", "name: A\ntemplate: x")
    os.mkfifo(tmp_path / "b.prompt.yaml")
    assert names() == ["A"]
    assert problems("b.prompt.yaml") == ["b.prompt.yaml: is no plain file"]


def test_a_path_given_twice_or_within_another_counts_once(write):
    write("a/a.prompt.yaml", "name: A\ntemplate: x")
    assert names(".", "a", "a/a.prompt.yaml") == ["A"]


def test_every_problem_is_told_with_file_and_line_all_at_once(write):
    write("a.py", HEAD + "A = prompt(f'{x}')")
    write("b.py", "import promptledger_client\n(")
    write("c.prompt.yaml", "name: C\nfoo: 1\ntemplate: x")
    write("d.prompt.json", "{")
    write("e.py", HEAD + "E = prompt(' ')")
    write("f.py", HEAD + "F = prompt('x', name='a/b')")
    write("g.py", HEAD + "\nX = prompt('x', name='G')\nY = prompt('y', name='G')")
    write("fine.py", HEAD + "FINE = prompt('x')")
    told = problems(".", "nowhere.py", "notes.txt", "a:b:c")
    assert [one.split(": ")[0] for one in told] == [
        "a.py:2", "a:b:c", "b.py:2", "c.prompt.yaml:2", "d.prompt.json:1", "e.py:2", "f.py:2", "g.py:4",
        "notes.txt", "nowhere.py",
    ]  # fmt: skip
    assert "e.py:2: Prompt text cannot be empty." in told
    assert 'f.py:2: name: cannot contain "/"' in told
    assert "g.py:4: 'G' is already at g.py:3, with another text or other fields" in told


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("name=3", "name: must be text, and this is int (3)"),
        ("name=''", "name: is empty"),
        ("name='x' * 2", "name must be written out here"),
        ("name=' x'", "name: cannot be dots, nor begin or end with a space"),
        ("name='..'", "name: cannot be dots"),
        ("name='a\\nb'", "name: cannot contain control characters"),
        ("name='\\u202e'", "name: cannot contain control characters"),
        (f"name='{'x' * 256}'", "name: is 256 characters long; the limit is 255"),
        ("name='register-code'", "name: 'register-code' is a word of the API"),
        ("agent='a/b'", 'agent: cannot contain "/"'),
        ("type='chats'", "type: must be text or chat"),
        ("type='chat'", "a chat prompt is a list of messages"),
        ("template_format='mustache'", "template_format: must be simple or jinja2"),
        ("config=[1]", "config: must be a mapping"),
        ("config={'x': {1}}", "config: is not plain JSON"),
        ("config={1: 'x'}", "config: is not plain JSON: keys are texts"),
        ("config={'x': (1, 2)}", "config: is not plain JSON: keys are texts, and sequences are lists"),
        ("config={'x': 1e999}", "config: is not plain JSON"),
        ("is_primary_default='yes'", "is_primary_default: must be true or false"),
    ],
)
def test_fields_that_the_ledger_would_refuse(write, said, complaint):
    write("a.py", HEAD + f"A = prompt('x', {said})")
    (told,) = problems()
    assert told.startswith(f"a.py:2: {complaint}")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("'\\0'", "the text contains a NUL character"),
        ("'\\ud800'", "the text contains half a surrogate pair"),
        (f"'{'x' * (200 * 1024 + 1)}'", "the text is 204,801 bytes; the limit is 204,800"),
        ("[]", "a chat prompt is a list of messages"),
        ("[{'role': 'boss', 'content': 'x'}]", "message 1 has no role out of system, developer"),
        ("[{'role': 'user'}]", "message 1 has no text as content"),
        ("[{'role': 'user', 'content': 'x', 'z': 'y'}]", "message 1 has keys that mean nothing here: z"),
        ("[{'type': 'placeholder', 'name': 'a b'}]", "message 1 is a placeholder without a name"),
        ("[{'role': 'user', 'content': ' '}]", "Prompt text cannot be empty."),
    ],
)
def test_texts_that_the_ledger_would_refuse(write, text, complaint):
    write("a.py", HEAD + f"A = prompt({text})")
    (told,) = problems()
    assert told.startswith(f"a.py:2: {complaint}")


def test_the_same_prompt_twice_is_one_and_two_of_a_slot_are_a_problem(write):
    write("a.py", HEAD + "A = prompt('x', agent='Stan', status_key='K', name='A')")
    write("b.py", HEAD + "A = prompt('x', agent='Stan', status_key='K', name='A')")
    assert names() == ["A"]
    write("c.py", HEAD + "B = prompt('x', agent='Stan', status_key='K', name='B')")
    assert problems() == [
        "c.py:2: agent 'Stan' with status_key 'K' already has a prompt, 'A' at a.py:2",
    ]


def test_two_primary_defaults_of_an_agent_are_a_problem(write):
    for key in "ab":
        write(f"{key}.py", HEAD + f"A = prompt('x', agent='Stan', status_key='{key}', is_primary_default=True)")
    assert problems() == ["b.py:2: agent 'Stan' already has a primary default at a.py:2"]


def test_the_agent_that_is_given_is_of_those_that_name_none(write):
    write("a.py", HEAD + "A = prompt('x', name='A', status_key='K')\nB = prompt('y', name='B', agent='Other')")
    found = find(["."], agent="Stan").prompts
    assert [(one.name, one.agent, one.item()["agent"]) for one in found] == [
        ("A", "Stan", "Stan"), ("B", "Other", "Other")
    ]  # fmt: skip


def test_a_file_without_a_name_needs_an_agent(write):
    write("a.prompt.yaml", "template: x")
    assert problems() == ["a.prompt.yaml:1: has no name: give name, or agent and status_key"]
    assert names(agent="Stan") == ["Stan.default"]


def test_a_module_is_imported_and_may_make_its_texts(write):
    write(
        "shop/prompts.py",
        HEAD
        + "import sys\nfrom typing import Annotated\n"
        + "print('noise')\n"
        + "A = prompt(f'Hello {1 + 1}', name='A')\n"
        + "B: Annotated[str, prompt(agent='Stan')] = 'b' * 2\n"
        + "class C:\n    D = prompt('d')\n    E: Annotated[str, prompt()] = 'e'\n"
        + "@prompt()\ndef f():\n    text = 'f'\n    return text\n"
        + "PLAIN = 'plain'\n",
    )
    found = {one.name: one for one in find(["shop.prompts"]).prompts}
    assert {name: (one.content, one.line) for name, one in found.items()} == {
        "A": ("Hello 2", 5), "Stan.default": ("bb", 6), "D": ("d", 8), "E": ("e", 9), "f": ("f", 11),
    }  # fmt: skip
    assert found["A"].path == Path("shop/prompts.py").resolve()
    assert names("shop.prompts:C") == ["D", "E"]
    assert names("shop.prompts:A") == ["A"]
    assert names("shop.prompts:C.E") == ["E"]
    assert names("shop.prompts:PLAIN") == ["PLAIN"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise SystemExit('no')", "cannot be imported: no"),
        ("1/0", "cannot be imported: ZeroDivisionError: division by zero"),
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        ("import os; os._exit(7)", "cannot be imported: the process ended with 7"),
        ("x = (", "cannot be imported: SyntaxError"),
        ("A = 'unmarked'", "has no prompts: mark them with prompt(…)"),
        ("from promptledger_client import prompt\n@prompt()\ndef A(): return 3", "A is int, and a prompt is a text"),
    ],
)
def test_a_module_that_cannot_be_imported_is_a_problem_without_a_traceback(write, source, said):
    write("bad.py", source)
    (told,) = problems("bad")
    assert said in told
    assert "Traceback" not in told


def test_ten_thousand_files_take_seconds(write, tmp_path):
    for folder in range(100):
        (tmp_path / f"f{folder}").mkdir()
        for file in range(100):
            text = HEAD + f"P = prompt('x', name='{folder}.{file}')\n" if file % 10 == 0 else "import os\n" * 50
            (tmp_path / f"f{folder}" / f"m{file}.py").write_text(text)
    began = time.process_time()  # not the time that other processes take
    findings = find(["."])
    took = time.process_time() - began
    assert (len(findings.prompts), findings.files, findings.problems) == (1_000, 10_000, [])
    assert took < 20, f"{took:.1f} s"
