"""Client and server fill in alike: the published vectors, and whatever else may be written."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promptledger_client import BadTemplate, BadVariables, MissingVariables, Prompt, jinja, templates

from common.errors import BadInput
from tests.client.ledgers import served
from versions import templating

ROOT = Path(__file__).resolve().parent.parent.parent
COPY = ROOT / "clients/python/tests/vectors.json"
VECTORS = json.loads(COPY.read_text())


def test_the_client_ships_the_vectors_of_the_server():
    assert COPY.read_bytes() == (ROOT / "versions/vectors.json").read_bytes()
    assert len(VECTORS) >= 48


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_published_vector(vector: dict[str, Any]):
    text = vector["template"] if vector["type"] == "text" else json.loads(vector["template"])
    prompt = Prompt.of(served(text, variables=templates.variables(text)), "memory")
    filled = templates.render if vector["type"] == "text" else templates.render_messages
    for attempt in (lambda: prompt.render(vector["variables"]), lambda: filled(text, vector["variables"])):
        if "missing" in vector:
            with pytest.raises(MissingVariables) as caught:
                attempt()
            assert caught.value.missing == vector["missing"]
        else:
            assert attempt() == vector["output"]


TEXTS = st.text(st.sampled_from(list("{}% ab_1é\n\t|.-")), max_size=40)
VALUES = st.dictionaries(
    st.sampled_from(["a", "b", "ab", "_1", "é", "x y"]),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=8)
        | st.sampled_from(["\0", "\ud800"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    max_size=6,
)


def by_server(text: str, values: Any, kind: str) -> Any:
    try:
        return templating.render(text, values, kind=kind, style="simple")
    except BadInput as error:
        return error.detail, error.code


def by_client(text: Any, values: Any) -> Any:
    try:
        return Prompt.of(served(text), "memory").render(values)
    except BadVariables as error:
        return error.detail, error.code


@given(TEXTS, VALUES)
def test_any_text_is_filled_as_the_server_fills_it(text: str, values: dict[str, Any]):
    assert by_client(text, values) == by_server(text, values, "text")
    assert templates.variables(text) == templating.variables(text, kind="text", style="simple")


@pytest.mark.parametrize(
    "values", [{"a": "\0", "b": float("nan")}, {"a": "\ud800" * 2, "b": "x" * 1_000_001}], ids=["nan", "long"]
)
def test_of_two_reasons_the_same_one_is_said(values: dict[str, Any]):
    assert by_client("{{ a }}", values) == by_server("{{ a }}", values, "text")


HISTORIES = [
    [], [{"role": "user", "content": "x"}], [{"role": "user", "content": "x", "more": 1}], "x", None, {}, [1],
    [{"role": "user"}], [{"role": 1, "content": "x"}], [{"role": "user", "content": None}], [[]],
]  # fmt: skip


@pytest.mark.parametrize("history", HISTORIES, ids=repr)
def test_a_history_is_judged_as_the_server_judges_it(history: Any):
    chat = [{"role": "system", "content": "{{ a }}"}, {"type": "placeholder", "name": "history"}]
    values = {"a": "1", "history": history}
    assert by_client(chat, values) == by_server(json.dumps(chat), values, "chat")


@pytest.mark.parametrize("length", [999_900, 999_988, 999_989, 999_990, 1_000_001])
@pytest.mark.parametrize("letter", ["x", "é", '"'])
def test_too_long_is_the_same_length_on_both_sides(length: int, letter: str):
    values = {"a": letter * (length // len(json.dumps(letter, ensure_ascii=False)[1:-1])), "b": ["more"]}
    assert by_client("{{ a }}", values) == by_server("{{ a }}", values, "text")
    only = {"a": values["a"]}
    assert by_client("{{ a }}", only) == by_server("{{ a }}", only, "text")


@pytest.mark.parametrize("value", [{1, 2}, b"x", float("nan"), [float("inf")]], ids=repr)
def test_what_is_no_json_is_refused_here_as_it_cannot_be_sent(value: Any):
    with pytest.raises(BadVariables, match=r"variables must be plain JSON\."):
        templates.render("{{ a }}", {"a": value})


@pytest.mark.parametrize(
    "value",
    [["\0"], {"a": {"\0": 1}}, ["\ud800"], {"\udfff": 1}, [{"role": "user", "content": "a\0b"}], ["\\\0"], ["\\\\\0"]],
)
def test_what_a_request_cannot_carry_is_refused_here_too_however_deep_it_lies(value: Any):
    # The server's parser refuses it in any place of a body (common/strict_json.py); half a pair could not even be encoded.
    with pytest.raises(BadVariables, match=r"A variable holds a character that cannot be stored\."):
        templates.render("{{ x }}", {"x": value})
    with pytest.raises(BadVariables, match=r"A variable holds a character that cannot be stored\."):
        templates.render_messages([{"type": "placeholder", "name": "x"}], {"x": value})


@pytest.mark.parametrize("value", [["\\u0000"], {"\\\\u0000": 1}, ["\U0001f600"], ["\x01"]])
def test_what_only_looks_like_it_is_filled_in(value: Any):
    assert json.loads(templates.render("{{ x }}", {"x": value})) == value


def test_names_that_are_no_keywords_come_in_a_mapping():
    prompt = Prompt.of(served("{{ 1a }} {{ self }} {{ b }}"), "memory")
    assert prompt.render({"1a": "x", "self": "y"}, b="z") == "x y z"


def test_a_text_is_one_message_and_a_chat_is_no_text():
    text, chat = Prompt.of(served(), "memory"), Prompt.of(served([{"role": "user", "content": "{{ q }}"}]), "memory")
    assert text.render_text(name="Bo") == "Hello Bo!"
    assert text.render_messages(name="Bo") == [{"role": "system", "content": "Hello Bo!"}]
    assert chat.render_messages(q="Why?") == [{"role": "user", "content": "Why?"}]
    with pytest.raises(TypeError, match="is a chat"):
        chat.render_text(q="Why?")


def test_what_a_prompt_gives_away_cannot_change_it():
    prompt = Prompt.of(served([{"role": "user", "content": "{{ q }}"}], config={"stop": ["a"]}), "memory")
    prompt.config["stop"].append("b")
    prompt.variables.append("x")
    prompt.template[0]["content"] = "changed"
    assert (prompt.config, prompt.variables) == ({"stop": ["a"]}, ["q"])
    assert prompt.render(q="1") == [{"role": "user", "content": "1"}]
    with pytest.raises(AttributeError):
        prompt.version = 9


JINJA = [
    ("Hi {{ name|upper }}\n", {"name": "bo"}),
    ("{% for n in names %}{{ loop.index }}{{ n }};{% endfor %}", {"names": ["a", "b"]}),
    ("{{ b }}{{ a }}", {}),
    ("{{ a.b.c }}", {"a": {}}),
    ("{% if %}", {}),
    ("{{ range(3) }}", {}),
    ("{{ a.__class__ }}", {"a": "x"}),
    ("{{ a.append(1) }}", {"a": []}),
    ("{{ 1 / 0 }}", {}),
    ("{{ 'x' * 2000000 }}", {}),
]


@pytest.mark.parametrize(("text", "values"), JINJA, ids=[text for text, _ in JINJA])
def test_jinja2_is_filled_here_as_on_the_server(text: str, values: dict[str, Any]):
    def said(fill: Any) -> Any:
        try:
            return fill()
        except (BadInput, BadTemplate, BadVariables) as error:
            return error.detail, error.code

    of_server = said(lambda: templating.render(text, values, kind="text", style="jinja2"))
    assert said(lambda: templates.render(text, values, template_format="jinja2")) == of_server


def test_without_jinja2_a_jinja2_prompt_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    jinja.environment.cache_clear()
    jinja.variables.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(jinja.NoJinja, match=r"pip install promptledger-client\[jinja2\]"):
        Prompt.of(served("{{ a|upper }}", template_format="jinja2"), "memory").render(a="x")


def test_the_source_is_python_3_10_and_marks_need_no_network_to_import():
    told = (
        "import sys, promptledger_client; promptledger_client.prompt; print([m for m in sys.modules if 'httpx' in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(ROOT / "clients/python/src")},
    )  # fmt: skip
    assert done.stdout == "[]\n"
