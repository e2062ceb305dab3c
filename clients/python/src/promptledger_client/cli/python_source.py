"""Prompts in Python source, read as syntax: nothing of it is run.

A call of `promptledger_client.prompt` counts in three places; anywhere else it is a problem, so that none is missed:

    NAME = prompt("text", …)                        NAME: Annotated[str, prompt(…)] = "text"
    @prompt(…) above a function that only returns a text
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from promptledger_client.cli.found import FIELDS, Found, Problem

PACKAGE = "promptledger_client"
MARK = f"{PACKAGE}.prompt"
DEDENTS: dict[str, Callable[[str], str]] = {"textwrap.dedent": textwrap.dedent, "inspect.cleandoc": inspect.cleandoc}
FIXED = "a prompt's text is a fixed text here"
PLACES = (
    "prompt(…) is not where it can be found: write NAME = prompt(…), NAME: Annotated[str, prompt(…)] = …, "
    "or @prompt(…) above a function, in a module or class"
)


class Unusable(Exception):
    """A piece of source that cannot be read as a prompt."""

    def __init__(self, node: ast.AST, detail: str) -> None:
        super().__init__(detail)
        self.line = getattr(node, "lineno", 1)
        self.detail = detail


def prompts_in(path: Path, source: bytes) -> tuple[list[Found], list[Problem]]:
    """Return the marked prompts of a Python file, and all that is wrong with them."""
    if PACKAGE.encode() not in source:
        return [], []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other people's escapes
            tree = ast.parse(source, str(path))
    except SyntaxError as error:
        return [], [Problem(path, error.lineno or 1, f"is not Python that can be read: {error.msg}")]
    except (ValueError, RecursionError, MemoryError) as error:
        return [], [Problem(path, 1, f"is not Python that can be read: {error}")]
    reader = Reader(path, tree)
    try:
        reader.read()
    except RecursionError:
        return [], [Problem(path, 1, "is nested too deeply to be read")]
    return reader.found, sorted(reader.problems)


class Reader:
    """Reads one module."""

    def __init__(self, path: Path, tree: ast.Module) -> None:
        self.path, self.tree = path, tree
        self.names = imported_names(tree)
        self.found: list[Found] = []
        self.problems: list[Problem] = []
        self.used: set[ast.AST] = set()

    def read(self) -> None:
        """Fill `found` and `problems`."""
        self.body(self.tree.body)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and self.is_mark(node) and node not in self.used:
                self.problems.append(Problem(self.path, node.lineno, PLACES))
        self.found.sort(key=lambda one: one.line)

    def body(self, statements: list[ast.stmt]) -> None:
        """Read the statements of a module or class; those under if, try and with are the same module's."""
        for statement in statements:
            try:
                self.statement(statement)
            except Unusable as error:
                self.problems.append(Problem(self.path, error.line, error.detail))
            if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                for inner in blocks_of(statement):
                    self.body(inner)

    def statement(self, node: ast.stmt) -> None:
        """Read one statement. Raises Unusable."""
        if isinstance(node, ast.AnnAssign):
            self.annotated(node)
        elif isinstance(node, ast.Assign) and self.is_mark(node.value):
            self.assigned(node, node.targets, node.value)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.function(node)

    def annotated(self, node: ast.AnnAssign) -> None:
        """NAME: Annotated[str, prompt(…)] = "text", also with the annotation in quotes; NAME: str = prompt("text")."""
        marks = [inner for inner in ast.walk(unquoted(node.annotation)) if self.is_mark(inner)]
        if not marks:
            if node.value is not None and self.is_mark(node.value):
                self.assigned(node, [node.target], node.value)
            return
        self.used.update(marks)
        said, text = self.said(marks[0])
        if text is not None:
            raise Unusable(node, "in an annotation prompt(…) takes no text: the text is what the constant is set to")
        if len(marks) > 1:
            raise Unusable(node, "is marked twice")
        if node.value is None:
            raise Unusable(node, f"{target_name(node.target)} is marked as a prompt and set to no text")
        self.add(node, node.target, self.content(node.value), said)

    def assigned(self, node: ast.stmt, targets: list[ast.expr], call: ast.expr) -> None:
        """NAME = prompt("text", …)."""
        self.used.add(call)
        said, text = self.said(call)
        if len(targets) != 1:
            raise Unusable(node, "one prompt(…) is one constant: write them on lines of their own")
        if text is None:
            raise Unusable(node, 'prompt(…) has no text: write prompt("the text", name=…)')
        self.add(node, targets[0], self.content(text), said)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """@prompt(…) above a function that does nothing but return a text."""
        bare = [one for one in node.decorator_list if self.full_name(one) == MARK]
        if bare:
            raise Unusable(bare[0], "write @prompt() with brackets")
        marks = [one for one in node.decorator_list if self.is_mark(one)]
        if not marks:
            return
        self.used.update(marks)
        said, text = self.said(marks[0])
        if text is not None or len(marks) > 1 or isinstance(node, ast.AsyncFunctionDef):
            raise Unusable(
                node, "above a plain function stands one @prompt(…) without a text, which the function returns"
            )
        rest = node.body[1:] if ast.get_docstring(node) is not None else node.body
        if len(rest) != 1 or not isinstance(rest[0], ast.Return) or rest[0].value is None:
            raise Unusable(node, f"{FIXED}: {node.name}() may do nothing but return one")
        self.add(node, ast.Name(node.name), self.content(rest[0].value), said)

    def add(self, node: ast.AST, target: ast.expr, content: Any, said: dict[str, Any]) -> None:
        """Keep a prompt; without a name and an agent its name is the constant's."""
        if said.get("name") is None and said.get("agent") is None:
            said = {**said, "name": target_name(target)}
        self.found.append(Found(self.path, getattr(node, "lineno", 1), content, said))

    def said(self, call: ast.AST) -> tuple[dict[str, Any], ast.expr | None]:
        """What a call of prompt(…) says: its keywords, and the text if it has one. Raises Unusable."""
        assert isinstance(call, ast.Call)  # noqa: S101  is_mark said so
        if len(call.args) > 1 or any(isinstance(one, ast.Starred) for one in call.args):
            raise Unusable(call, "prompt(…) takes one text; everything else by keyword")
        said: dict[str, Any] = {}
        for keyword in call.keywords:
            if keyword.arg not in FIELDS:
                known = ", ".join(FIELDS)
                raise Unusable(keyword.value, f"prompt(…) does not know {keyword.arg or '**'}; it knows {known}")
            try:
                said[keyword.arg] = ast.literal_eval(keyword.value)
            except (ValueError, TypeError, SyntaxError, RecursionError) as error:
                raise Unusable(keyword.value, f"{keyword.arg} must be written out here, as text or number") from error
        return said, call.args[0] if call.args else None

    def content(self, node: ast.expr) -> Any:
        """The text or the messages that an expression is. Raises Unusable unless it is plain to see."""
        if isinstance(node, ast.List):
            return self.messages(node)
        return self.text(node)

    def text(self, node: ast.expr) -> str:
        """The text that an expression is: a literal, literals joined by +, or dedent(…) of one. Raises Unusable."""
        parts: list[str] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):  # a long sum leans to the left
            parts.append(self.text(node.right))
            node = node.left
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value + "".join(reversed(parts))
        if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            change = DEDENTS.get(self.full_name(node.func))
            if change:
                return change(self.text(node.args[0])) + "".join(reversed(parts))
        raise Unusable(node, f"{FIXED}, and this is {said_of(node)}")

    def messages(self, node: ast.List) -> list[dict[str, str]]:
        """The messages of a chat: a list of literal dictionaries whose texts may be dedented. Raises Unusable."""
        found = []
        for one in node.elts:
            if not isinstance(one, ast.Dict):
                raise Unusable(one, 'a message is {"role": "…", "content": "…"}, written out')
            message = {}
            for key, value in zip(one.keys, one.values, strict=True):
                if key is None:
                    raise Unusable(one, 'a message is {"role": "…", "content": "…"}, written out')
                message[self.text(key)] = self.text(value)
            found.append(message)
        return found

    def is_mark(self, node: ast.AST) -> bool:
        """Whether this is a call of promptledger_client.prompt."""
        return isinstance(node, ast.Call) and self.full_name(node.func) == MARK

    def full_name(self, node: ast.AST) -> str:
        """The dotted name that an expression stands for, by the module's imports; "" where it has none."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.names.get(node.id, node.id), *reversed(parts)])


def imported_names(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name stands for: {"prompt": "promptledger_client.prompt"}."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            module = PACKAGE if node.module == f"{PACKAGE}.marks" else node.module
            names.update({alias.asname or alias.name: f"{module}.{alias.name}" for alias in node.names})
        elif isinstance(node, ast.Import):
            names.update({alias.asname: alias.name for alias in node.names if alias.asname})
    return names


def blocks_of(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The blocks of statements right inside a statement."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block
    for handler in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
        yield handler.body


def unquoted(annotation: ast.expr) -> ast.expr:
    """The annotation, also where it stands in quotes."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str) and "prompt" in annotation.value:
        try:
            read = ast.parse(annotation.value, mode="eval").body
        except (SyntaxError, ValueError):
            return annotation
        for node in ast.walk(read):
            ast.copy_location(node, annotation)
        return read
    return annotation


def target_name(node: ast.expr) -> str:
    """The name of the constant. Raises Unusable for a target that is none."""
    if isinstance(node, ast.Name):
        return node.id
    raise Unusable(node, "a prompt is set to one plain name: NAME = prompt(…)")


def said_of(node: ast.expr) -> str:
    """What an expression is, in words, and what to do about it."""
    if isinstance(node, ast.JoinedStr):
        return "an f-string: write {{ name }} where a value is to be filled in when the prompt is used"
    if type(node).__name__ == "TemplateStr":
        return "a t-string: write {{ name }} where a value is to be filled in when the prompt is used"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return "made with %: write {{ name }} where a value is to be filled in when the prompt is used"
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            return "made with .format(): write {{ name }} where a value is to be filled in when the prompt is used"
        return "a call: register it by its module path (package.module:NAME), which is imported"
    if isinstance(node, ast.Constant):
        return f"{type(node.value).__name__} {node.value!r}" if node.value is not None else "None"
    return "made when the program runs: register it by its module path (package.module:NAME), which is imported"
