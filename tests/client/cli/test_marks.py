"""`prompt(…)` in a program: what it gives is what it was given, and it knows its mark."""

import copy
import json
import pickle
from typing import Annotated, get_type_hints

import pytest
from promptledger_client import prompt
from promptledger_client.marks import MARK, Mark

WELCOME = prompt("Welcome, {{ name }}!", name="WELCOME", config={"model": "m"})
CHAT = prompt([{"role": "user", "content": "x"}], agent="Stan")


def test_a_marked_text_is_a_str_in_every_way():
    assert WELCOME == "Welcome, {{ name }}!"
    assert (hash(WELCOME), len(WELCOME), json.dumps(WELCOME)) == (hash(str(WELCOME)), 20, '"Welcome, {{ name }}!"')
    assert WELCOME.mark == Mark(name="WELCOME", config={"model": "m"})
    for again in (copy.deepcopy(WELCOME), pickle.loads(pickle.dumps(WELCOME))):
        assert (again, again.mark) == (WELCOME, WELCOME.mark)


def test_marked_messages_are_a_list_in_every_way():
    assert CHAT == [{"role": "user", "content": "x"}]
    assert json.dumps(CHAT) == '[{"role": "user", "content": "x"}]'
    assert CHAT.mark == Mark(agent="Stan")
    assert pickle.loads(pickle.dumps(CHAT)).mark == CHAT.mark


def test_an_annotation_changes_nothing_when_the_program_runs():
    class Prompts:
        A: Annotated[str, prompt(agent="Stan", status_key="K")] = "x"

    assert type(Prompts.A) is str
    hint = get_type_hints(Prompts, include_extras=True)["A"]
    assert hint.__metadata__ == (Mark(agent="Stan", status_key="K"),)


def test_a_marked_function_is_itself():
    def hello() -> str:
        return "x"

    assert prompt(name="A")(hello) is hello
    assert getattr(hello, MARK) == Mark(name="A")


@pytest.mark.parametrize("wrong", [3, b"x", ("a",), {"role": "user"}, test_a_marked_function_is_itself])
def test_another_text_is_refused(wrong):
    with pytest.raises(TypeError, match="takes a text or a list of messages"):
        prompt(wrong)


def test_another_keyword_and_another_thing_to_mark_are_refused():
    with pytest.raises(TypeError, match="nam"):
        prompt("x", nam="y")
    with pytest.raises(TypeError, match="above a function"):
        prompt(name="A")(3)
