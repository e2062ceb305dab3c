"""Filling prompts in: the published vectors, what is refused, and Jinja2 in its cage."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import BadInput
from tests.spending import processor_seconds
from versions import templating

VECTORS = json.loads((Path(templating.__file__).parent / "vectors.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_vectors(vector):
    ask = {"kind": vector["type"], "style": "simple"}
    if "missing" in vector:
        with pytest.raises(BadInput) as refused:
            templating.render(vector["template"], vector["variables"], **ask)
        assert (refused.value.code, refused.value.data["missing"]) == ("missing_variables", vector["missing"])
    else:
        assert templating.render(vector["template"], vector["variables"], **ask) == vector["output"]


def test_variables_come_in_the_order_of_their_first_use():
    assert templating.variables("{{ b }} {{ a }} {{ b }}", kind="text", style="simple") == ["b", "a"]


@given(st.text(), st.text())
def test_any_value_goes_in_as_it_is(before, value):
    plain = before.replace("{", "(").replace("}", ")").replace("\x00", "")
    value = value.replace("\x00", "")
    assert templating.render(plain + "{{ v }}", {"v": value}, kind="text", style="simple") == plain + value


@pytest.mark.parametrize(
    "values", [[], "text", 3, {"a": float("nan")}, {"a": "x\x00"}, {"a": "\ud800"}, {"a": "x" * 1_000_001}]
)
def test_what_are_no_variables_is_refused(values):
    with pytest.raises(BadInput):
        templating.render("{{ a }}", values, kind="text", style="simple")


@pytest.mark.parametrize(
    "history", ["text", [1], [{"role": "user"}], [{"content": "x"}], {"role": "user", "content": "x"}]
)
def test_a_placeholder_takes_messages_only(history):
    text = '[{"name":"h","type":"placeholder"}]'
    with pytest.raises(BadInput):
        templating.render(text, {"h": history}, kind="chat", style="simple")


def jinja(text: str, **values: object) -> object:
    return templating.render(text, values, kind="text", style="jinja2")


def test_jinja_fills_loops_and_conditions():
    assert (
        jinja("{% for x in xs %}{{ x|upper }};{% endfor %}{% if not y %}no{% endif %}\n", xs=["a", "b"], y=0)
        == "A;B;no\n"
    )
    assert templating.variables("{{ b }}{% if a %}{% endif %}", kind="text", style="jinja2") == ["a", "b"]


def test_jinja_names_what_is_missing_and_where_the_syntax_is_wrong():
    with pytest.raises(BadInput) as missing:
        jinja("{{ a }}{{ b }}", a=1)
    assert missing.value.data["missing"] == ["b"]
    with pytest.raises(BadInput) as wrong:
        templating.check("one\n{% if %}", kind="text", style="jinja2")
    assert (wrong.value.code, "Line 2" in wrong.value.detail) == ("template_syntax", True)


ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ v.__class__ }}", "{{ v.__init__.__globals__ }}",
    "{{ [].__class__.__base__ }}", "{{ ().__class__.__bases__[0] }}", "{{ ''|attr('__class__') }}",
    "{{ v|map(attribute='__class__')|list }}", "{{ '%s'.format.__globals__ }}", "{{ '{0.__class__}'.format(v) }}",
    "{{ v['__class__'] }}", "{{ self.__init__.__globals__ }}", "{{ self._TemplateReference__context }}",
    "{{ config }}", "{{ request }}", "{{ cycler.__init__.__globals__ }}", "{{ lipsum.__globals__ }}",
    "{{ joiner.__init__ }}", "{{ namespace.__init__ }}", "{% import 'os' as os %}", "{% include '/etc/passwd' %}",
    "{{ range.__self__ }}", "{{ (v|string).__class__.__init__.__globals__['os'] }}",
]  # fmt: skip


@pytest.mark.parametrize("text", ESCAPES)
def test_jinja_lets_nothing_out(text):
    try:
        said = str(jinja(text, v=["x"]))
    except BadInput:
        return
    assert not any(word in said for word in ("class", "<", "globals", "root:", "module"))


BOMBS = [
    "{{ 'a' * 10**9 }}", "{{ 'a' * 10**12 }}", "{{ [0] * 10**9 }}", "{{ 10**(10**8) }}",
    "{% for a in v %}{% for b in v %}{% for c in v %}{% for d in v %}x{% endfor %}{% endfor %}{% endfor %}{% endfor %}",
    "{% set x = 'a' %}{% for i in v %}{% set x = x ~ x %}{{ x * 99999 }}{% endfor %}",
    "{{ ('a' * 5000000)|replace('a', 'b' * 1000) }}", "{{ 'x'|center(10**9) }}", "{{ 'a b '|wordwrap(1) * 10**8 }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{{ v|batch(10**9, 'x')|list }}",
    "{% filter indent(10**9) %}x\ny{% endfilter %}", "{{ '%099999999999d' % 1 }}",
]  # fmt: skip


@pytest.mark.parametrize("text", BOMBS)
def test_jinja_bombs_end_soon(text):
    began = processor_seconds()
    with pytest.raises(BadInput):
        jinja(text, v=list(range(200)))
    assert processor_seconds() - began < 2


def test_a_busy_machine_is_no_fault_of_the_template(tmp_path, monkeypatch):
    busy = tmp_path / "python"
    busy.write_text(f'#!/bin/sh\nsleep 2.5\nexec {sys.executable} "$@"\n')
    busy.chmod(0o755)
    monkeypatch.setattr("versions.jinja.sys.executable", str(busy))
    assert jinja("Hello {{ who }}", who="Bo") == "Hello Bo"


@pytest.mark.django_db
def test_a_template_that_cannot_be_read_is_refused_at_save_time():
    from tests.factories import make_prompt
    from versions.models import Prompt

    with pytest.raises(BadInput):
        make_prompt(name="jinja", template_format="jinja2", template_source="{% if %}")
    assert not Prompt.objects.filter(name="jinja").exists()
