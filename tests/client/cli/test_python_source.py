"""Prompts in Python source: what is found without running it, and what is said about what is not."""

from pathlib import Path
from textwrap import dedent

import pytest
from promptledger_client.cli import python_source

FILE = Path("prompts.py")
IMPORT = "from promptledger_client import prompt\n"


def read(source: str | bytes, head: str = IMPORT):
    if isinstance(source, str):
        source = (head + dedent(source)).encode()
    return python_source.prompts_in(FILE, source)


def found(source: str, head: str = IMPORT) -> list[tuple]:
    prompts, problems = read(source, head)
    assert problems == []
    return [(one.name, one.content, one.line) for one in prompts]


def complaint(source: str | bytes) -> tuple[int, str]:
    prompts, problems = read(source)
    assert (prompts, len(problems)) == ([], 1), problems
    return problems[0].line, problems[0].detail


def test_a_constant_set_to_a_marked_text():
    assert found('WELCOME = prompt("Hello {{ name }}", name="HELLO")') == [("HELLO", "Hello {{ name }}", 2)]


def test_an_annotated_constant():
    source = """
        X: Annotated[str, prompt(agent="StanAgent", status_key="APPROVED")] = "Approved."
        Y: "Annotated[str, prompt(name='quoted')]" = "In quotes."
        Z: Final[Annotated[str, prompt()]] = "Final."
    """
    assert found(source) == [("StanAgent.APPROVED", "Approved.", 3), ("quoted", "In quotes.", 4), ("Z", "Final.", 5)]


def test_a_function_that_returns_a_text_with_or_without_a_docstring():
    source = '''
        @prompt(name="GOODBYE")
        def goodbye() -> str:
            """What is said at the end."""
            return "Goodbye."

        @other
        @prompt()
        def hello(): return "Hello."
    '''
    assert found(source) == [("GOODBYE", "Goodbye.", 4), ("hello", "Hello.", 10)]


def test_without_a_name_it_is_the_agents_or_the_constants():
    prompts, _ = read('A = prompt("x")\nB = prompt("y", agent="Stan")\nC = prompt("z", agent="Stan", status_key="K")')
    assert [(one.name, one.agent, one.said.get("name")) for one in prompts] == [
        ("A", None, "A"), ("Stan.default", "Stan", None), ("Stan.K", "Stan", None)
    ]  # fmt: skip


def test_constants_in_classes_and_under_if_try_with_and_match():
    source = """
        class StanAgent:
            A = prompt("a")
            class Inner:
                B = prompt("b")
        if True:
            C = prompt("c")
        else:
            D = prompt("d")
        try:
            E = prompt("e")
        except ValueError:
            F = prompt("f")
        finally:
            G = prompt("g")
        with open("x"):
            H = prompt("h")
        match 1:
            case 1:
                I = prompt("i")
    """
    assert [name for name, _, _ in found(source)] == list("ABCDEFGHI")


@pytest.mark.parametrize(
    ("head", "call"),
    [
        ("import promptledger_client\n", "promptledger_client.prompt"),
        ("import promptledger_client as pl\n", "pl.prompt"),
        ("from promptledger_client import prompt as marked\n", "marked"),
        ("from promptledger_client.marks import prompt\n", "prompt"),
        ("import promptledger_client.marks\n", "promptledger_client.prompt"),
    ],
)
def test_however_it_is_imported(head, call):
    assert found(f'A = {call}("x")', head) == [("A", "x", 2)]


@pytest.mark.parametrize("head", ["from click import prompt  # not promptledger_client\n", "# promptledger_client\n"])
def test_a_prompt_of_another_package_is_none_of_ours(head):
    assert found('A = prompt("What is your name?")\nprompt(f"{A}?")', head) == []


def test_a_file_that_does_not_mention_the_package_is_not_read():
    assert read(b"this is (not Python") == ([], [])


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("'a' 'b'\n 'c'", "abc"),
        ("'a' + ('b' + 'c') + 'd'", "abcd"),
        ("'''\\\n  a\n  b'''", "  a\n  b"),
        ("r'\\d {{ x }}'", "\\d {{ x }}"),
        ("'Ünï — 😀'", "Ünï — 😀"),
        ("textwrap.dedent('''\n  a\n    b\n''')", "\na\n  b\n"),
        ("dedent('  a') + '!'", "a!"),
        ("inspect.cleandoc('''a\n  b''')", "a\nb"),
    ],
)
def test_texts_that_are_plain_to_see(expression, text):
    head = IMPORT + "import inspect, textwrap\nfrom textwrap import dedent\n"
    prompts, problems = python_source.prompts_in(FILE, f"{head}A = prompt(({expression}))".encode())
    assert (problems, [one.content for one in prompts]) == ([], [text])


def test_a_long_sum_is_no_matter():
    total = " + ".join(["'x'"] * 900)
    assert found(f"A = prompt({total})") == [("A", "x" * 900, 2)]


def test_messages_of_a_chat():
    source = """
        A = prompt([
            {"role": "system", "content": "Be " "kind."},
            {"type": "placeholder", "name": "history"},
        ])
        B: Annotated[list, prompt(name="B")] = [{"role": "user", "content": "{{ question }}"}]
    """
    prompts, problems = read(source)
    assert problems == []
    assert [one.kind for one in prompts] == ["chat", "chat"]
    assert prompts[0].text == '[{"content":"Be kind.","role":"system"},{"name":"history","type":"placeholder"}]'


def test_everything_that_a_mark_may_say():
    prompts, problems = read(
        'A = prompt("x", name="n", agent="a", status_key="K", title="t", type="text", template_format="jinja2",'
        ' config={"model": "m", "stop": ["."], "n": 1.5}, is_primary_default=True)'
    )
    assert problems == []
    assert prompts[0].item() == {
        "name": "n", "agent": "a", "status_key": "K", "title": "t", "type": "text", "template_format": "jinja2",
        "config": {"model": "m", "stop": ["."], "n": 1.5}, "is_primary_default": True, "template_source": "x",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('A = prompt(f"Hello {name}")', "an f-string: write {{ name }}"),
        ('A = prompt(f"no values")', "an f-string"),
        ('A = prompt("a" + f"{b}")', "an f-string"),
        ('A = prompt("Hello {}".format(x))', "made with .format(): write {{ name }}"),
        ('A = prompt("Hello %s" % x)', "made with %: write {{ name }}"),
        ("A = prompt(TEXT)", "made when the program runs: register it by its module path"),
        ("A = prompt(load())", "a call: register it by its module path"),
        ('A = prompt(b"bytes")', "bytes b'bytes'"),
        ("A = prompt(None)", "None"),
        ("A = prompt(3)", "int 3"),
        ("A = prompt(name='x')", "has no text"),
        ("A = prompt('x', 'y')", "takes one text"),
        ("A = prompt(*x)", "takes one text"),
        ("A = prompt('x', nam='y')", "does not know nam; it knows name, agent"),
        ("A = prompt('x', **more)", "does not know **; it knows"),
        ("A = prompt('x', name=NAME)", "name must be written out here"),
        ("A = B = prompt('x')", "one prompt(…) is one constant"),
        ("A, B = prompt('x')", "set to one plain name"),
        ("a.b = prompt('x')", "set to one plain name"),
        ("A: Annotated[str, prompt(name='x')]", "A is marked as a prompt and set to no text"),
        ("A: Annotated[str, prompt('x')] = 'y'", "in an annotation prompt(…) takes no text"),
        ("A: Annotated[str, prompt(), prompt()] = 'y'", "is marked twice"),
        ("A: Annotated[str, prompt()] = f'{x}'", "an f-string"),
        ("print(prompt('x'))", "is not where it can be found"),
        ("A = {'k': prompt('x')}", "is not where it can be found"),
        ("def f():\n    A = prompt('x')", "is not where it can be found"),
        ("@prompt\ndef f(): return 'x'", "write @prompt() with brackets"),
        ("@prompt()\ndef f(x): print(x); return 'x'", "f() may do nothing but return one"),
        ("@prompt()\ndef f(): return", "f() may do nothing but return one"),
        ("@prompt()\ndef f(): return f'{x}'", "an f-string"),
        ("@prompt()\nasync def f(): return 'x'", "above a plain function"),
        ("@prompt('x')\ndef f(): return 'x'", "above a plain function"),
        ("@prompt()\nclass A: pass", "is not where it can be found"),
        ("A = prompt([1])", "a message is"),
        ("A = prompt([{**x}])", "a message is"),
        ("A = prompt([{'role': f'{x}', 'content': ''}])", "an f-string"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(line, said):
    number, detail = complaint(f"# a comment\n{line}\n")
    assert said in detail
    assert number in (3, 4)


def test_every_problem_of_a_file_is_told_at_once():
    prompts, problems = read('A = prompt(f"{a}")\nB = prompt("fine")\nC = prompt("x", y=1)\nprompt("z")')
    assert [one.name for one in prompts] == ["B"]
    assert [one.line for one in problems] == [2, 4, 5]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (b"import promptledger_client\nA = (\n", 2),
        (b"import promptledger_client\nA = '\xff'\n", 2),
        (b"import promptledger_client\n\0", 1),
        (b"import promptledger_client\nA = " + b"(" * 3000 + b")" * 3000, 2),
        (b"# -*- coding: nonsense -*-\nimport promptledger_client\n", 1),
    ],
)
def test_what_is_no_python_is_a_problem_with_its_line(source, line):
    prompts, problems = python_source.prompts_in(FILE, source)
    assert (prompts, len(problems)) == ([], 1)
    assert "is not Python that can be read" in problems[0].detail
    assert problems[0].line == line


def test_source_in_another_encoding_is_read_by_its_declaration():
    source = '# -*- coding: latin-1 -*-\nfrom promptledger_client import prompt\nA = prompt("Grüße")'.encode("latin-1")
    prompts, problems = python_source.prompts_in(FILE, source)
    assert (problems, prompts[0].content) == ([], "Grüße")


def test_nothing_of_the_source_is_run(tmp_path):
    touched = tmp_path / "touched"
    assert found(f'open({str(touched)!r}, "w")\nA = prompt("x")') == [("A", "x", 3)]
    assert not touched.exists()
