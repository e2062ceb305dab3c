"""Prompt files: read strictly, with the line of everything wrong; written so that they read back the same."""

import json
import sys
import time
from pathlib import Path

import pytest
import yaml
from promptledger_client.cli import prompt_files
from promptledger_client.cli.stops import BadInput

YAML, JSON = Path("a.prompt.yaml"), Path("a.prompt.json")

WHOLE = """\
name: StanAgent.APPROVED
agent: StanAgent
status_key: APPROVED
title: Approved
type: text
template_format: simple
config:
  model: gpt-4o-mini
  stop: ["."]
is_primary_default: true
description: What Stan says.
owner_team: sales
commit_message: Warmer
template: |
  Hello {{ name }},
    you are approved.
"""


def problem(path: Path, source: str | bytes) -> tuple[int, str]:
    found, problems = prompt_files.prompts_in(path, source if isinstance(source, bytes) else source.encode())
    assert (found, len(problems)) == ([], 1), problems
    return problems[0].line, problems[0].detail


def test_everything_that_a_file_may_say():
    (found,), problems = prompt_files.prompts_in(YAML, WHOLE.encode())
    assert problems == []
    assert found.content == "Hello {{ name }},\n  you are approved.\n"
    assert found.line == 14
    assert (found.name, found.agent, found.status_key, found.kind) == (
        "StanAgent.APPROVED", "StanAgent", "APPROVED", "text"
    )  # fmt: skip
    assert found.said["config"] == {"model": "gpt-4o-mini", "stop": ["."]}
    assert found.said["is_primary_default"] is True


def test_the_same_as_json():
    value = {"name": "A", "messages": [{"role": "user", "content": "Ünï"}], "config": {"n": 1}}
    (found,), problems = prompt_files.prompts_in(JSON, json.dumps(value, indent=1).encode())
    assert (problems, found.kind, found.line) == ([], "chat", 3)
    assert found.text == '[{"content":"Ünï","role":"user"}]'


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("name: A\ntemplate: x\nfoo: 1\n", 3, "unknown key 'foo'; known are name, agent"),
        ("name: A\ntemplate: x\nname: B\n", 3, "key 'name' is given twice"),
        ("name: A\ntemplate: x\nconfig:\n  a: 1\n  a: 2\n", 5, "key 'a' is given twice"),
        ("name: A\nmessages:\n- role: user\n  content: x\n  role: user\n", 5, "key 'role' is given twice"),
        ("name: A\n", 1, "needs template (a text) or messages (of a chat), one of them"),
        ("name: A\ntemplate: x\nmessages: []\n", 3, "one of them"),
        ("name: A\ntemplate: 3\n", 2, "template must be text, and this is int: put it in quotes"),
        ("name: A\ntemplate: yes\n", 2, "template must be text, and this is bool"),
        ("name: A\nmessages: x\n", 2, "messages is a list"),
        ("name: A\ntype: text\nmessages: []\n", 3, "messages is a list, of a prompt of type chat"),
        ("name: A\ndescription: 3\ntemplate: x\n", 2, "description must be text"),
        ("- name: A\n", 1, "must be a mapping"),
        ("", 1, "must be a mapping"),
        ("just words", 1, "must be a mapping"),
        ("name: [A\n", 2, "is not YAML that can be read"),
        ("name: A\n\ttemplate: x\n", 2, "is not YAML that can be read"),
        ("name: A\ntemplate: x\n---\nname: B\n", 3, "is not YAML that can be read: but found another document"),
        ("name: &a A\ntemplate: *a\n", 2, "an alias (*) is not read here"),
        ("name: !!python/object:os.system x\ntemplate: x\n", 1, "is not YAML that can be read"),
        ("? [a]\n: x\n", 1, "a key must be a plain word"),
        ("name: !!int ''\n", 1, "a value is not what its tag (!!…) says"),
        ("name: !!timestamp x\n", 1, "a value is not what its tag (!!…) says"),
        ("name: 2024-99-99\n", 1, "is not YAML that can be read: month must be in 1..12"),
        ("name: A\ntemplate: \x00\n", 2, "is not YAML that can be read"),
        (b"name: A\ntemplate: \xff\n", 2, "is not UTF-8: byte 0xff"),
        ("[" * 100_000, 1, "is nested over 64 levels"),
        ("a:\n" + "".join(" " * n + "-\n" for n in range(200)), 65, "is nested over 64 levels"),
        (b"x" * (4 * 1024 * 1024 + 1), 1, "is 4,194,305 bytes; the limit is 4,194,304"),
    ],
)
def test_what_is_wrong_in_yaml_is_said_with_its_line(source, line, said):
    number, detail = problem(YAML, source)
    assert said in detail
    assert number == line


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ('{\n "name": "A",\n "template": "x",\n "foo": 1\n}', 4, "unknown key 'foo'"),
        ('{\n "name": "A",\n "template": "x",\n "name": "B"\n}', 4, "key 'name' is given twice"),
        ('{\n "name": "A",,\n}', 2, "is not JSON: "),
        (
            '{"config": {"foo": "]", "x": "\\\\"},\n "template": "a\\"foo",\n "name"\n:\n"A",\n "foo": 1\n}',
            6,
            "unknown key 'foo'",
        ),
        ('{"name": "A",\n "template": "x",\n "config": {"a": 1,\n"a": 2}}', 4, "key 'a' is given twice"),
        ('{"name": "A", "template": "x", "config": {"n": NaN}}', 1, "NaN is no JSON"),
        ("[1]", 1, "must be a mapping"),
        ("[" * 100_000, 1, "is not JSON that can be read"),
        ("", 1, "is not JSON"),
    ],
)
def test_what_is_wrong_in_json_is_said_with_its_line(source, line, said):
    number, detail = problem(JSON, source)
    assert said in detail
    assert number == line


def test_every_problem_of_a_file_is_told_at_once():
    _, problems = prompt_files.prompts_in(YAML, b"foo: 1\nname: A\nbar: 2\n")
    assert [one.line for one in problems] == [1, 2, 3]


def test_many_keys_are_looked_at_once():
    began = time.process_time()
    many = {f"k{n}": n for n in range(100_000)}
    _, problems = prompt_files.prompts_in(JSON, json.dumps(many).encode())
    assert len(problems) == 21
    assert time.process_time() - began < 20


@pytest.mark.parametrize("in_c", [True, False])
def test_yaml_is_read_alike_with_and_without_libyaml(monkeypatch, in_c):
    if not in_c:
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    test_everything_that_a_file_may_say()
    assert problem(YAML, "name: A\ntemplate: x\n---\nname: B\n")[0] == 3
    assert problem(YAML, "name: &a A\ntemplate: *a\n")[0] == 2
    assert problem(YAML, "name: [A\n")[0] == 2
    assert problem(YAML, "name: A\ntemplate: x\nconfig:\n  a: 1\n  a: 2\n") == (5, "key 'a' is given twice")


def test_without_pyyaml_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert "pip install 'promptledger-client[yaml]'" in problem(YAML, WHOLE)[1]
    with pytest.raises(BadInput, match=r"promptledger-client\[yaml\]"):
        prompt_files.written({"name": "A", "template": "x"}, "yaml")
    assert prompt_files.prompts_in(JSON, b'{"name": "A", "template": "x"}')[0][0].content == "x"


ODD = [
    "x", "", " ", "\n", "a\n", "a\n\n\n", "  a\n b", "\ta", "a \nb  \n", "a\r\nb", "a\rb", "a\x85b\nc", "a\u2028b\nc", "yes", "null",
    "1.5", "2024-01-01", "*a", "&a", "!a", "# a", "- a\n- b", "a: b\nc: d", "---\na", "...", "{{ a }}", "{% b %}\n", "'\"\\", "Ünï 😀\n— z",
    "a" * 300 + "\n" + "b " * 300, "\ufeffa", "\x7f\n", "\x1b[31m\n", "a\\\nb", "|\n", "  \n  a", "\u200e\n",
]  # fmt: skip


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("form", ["yaml", "json"])
def test_what_is_written_reads_back_the_same(text, form):
    value = {"name": "A", "config": {"x": [text, 1, 1.5, None, True, {"y": text}]}, "template": text}
    said = prompt_files.written(value, form, "a comment").encode()
    (found,), problems = prompt_files.prompts_in(Path(f"a.prompt.{form}"), said)
    assert problems == []
    assert (found.content, found.said) == (text, {"name": "A", "config": value["config"]})


def test_texts_of_several_lines_are_blocks():
    said = prompt_files.written({"name": "A", "template": "Hello,\n  {{ name }}!\n"}, "yaml", "v1.0")
    assert said == "# v1.0\nname: A\ntemplate: |\n  Hello,\n    {{ name }}!\n"
