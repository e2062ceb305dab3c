"""Whatever stands in a file: prompts or problems, never an exception (that is, no traceback)."""

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from promptledger_client.cli import file_names, prompt_files, python_source
from promptledger_client.cli.finding import _checked

WORDS = ["prompt", "(", ")", "[", "]", "{", "}", "'a'", '"""', "f'{x}'", "name=", "=", ",", "\n", "  ", "A", ":", "@", "def f():", "return ",
         "class C:", "Annotated[str, prompt()]", "+", "%", "*", "**", "lambda: ", "async ", "config={1: 2}", "{'role': 'user'}", "\\", "\t"]  # fmt: skip
YAML = ["name", "template", "messages", "config", "type", ": ", "\n", "- ", "  ", "'a'", "!!int ''", "!!bool x", "!!timestamp x", "!!float ''",
        "!!binary x", "!!set {a}", "!!omap [a]", "&a ", "*a", "<<", "|", ">", "{", "}", "[", "]", "? ", "2024-99-99", "0x", "1:2:3", "~", "#", "%", "---", "..."]  # fmt: skip


def judged(path: Path, found, problems) -> None:
    kept = _checked(found, problems)
    assert all(one.item()["template_source"] for one in kept)
    assert all(str(problem).startswith(path.name) for problem in problems)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS)).map("".join) | st.text())
def test_any_python(text):
    source = f"from promptledger_client import prompt\n{text}".encode(errors="surrogatepass")
    judged(Path("a.py"), *python_source.prompts_in(Path("a.py"), source))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(YAML)).map("".join).map(str.encode) | st.binary())
def test_any_yaml(source):
    judged(Path("a.prompt.yaml"), *prompt_files.prompts_in(Path("a.prompt.yaml"), source))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*prompt_files.KEYS, "role", "content"]), inner),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(json_values)
def test_any_json(value):
    source = json.dumps(value).encode()
    judged(Path("a.prompt.json"), *prompt_files.prompts_in(Path("a.prompt.json"), source))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(max_size=300), unique=True, max_size=5))
def test_any_names_of_prompts_are_names_of_files(names):
    made = file_names.file_names(names, ".prompt.yaml")
    assert len(set(made.values())) == len(names)
    for name in made.values():
        assert Path(name).name == name
        assert len(name.encode()) < 255


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_any_text_is_written_so_that_it_reads_back(text):
    said = prompt_files.written({"name": "A", "template": text}, "yaml")
    (found,), problems = prompt_files.prompts_in(Path("a.prompt.yaml"), said.encode())
    assert (found.content, problems) == (text, [])
