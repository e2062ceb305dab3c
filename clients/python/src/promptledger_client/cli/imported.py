"""Prompts of a module that is imported: `package.module`, or `package.module:NAME` for one of them.

The import runs in a process of its own, so that whatever the module does to its process is not done to ours.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
import typing
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from promptledger_client.cli.found import Found, Problem
from promptledger_client.marks import MARK, Mark, MarkedMessages, MarkedText

CHILD = f"import sys; from {__name__} import answer; answer(*sys.argv[1:])"
MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*(:[^\W\d]\w*(\.[^\W\d]\w*)*)?")


def is_module_path(text: str) -> bool:
    """Whether this reads as package.module or package.module:NAME."""
    return MODULE.fullmatch(text) is not None and not text.endswith(".py")


def prompts_in(target: str) -> tuple[list[Found], list[Problem]]:
    """Import a module in another process; return its prompts, and what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "answer.json"
        done = subprocess.run(
            [sys.executable, "-c", CHILD, target, str(written)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(search_path())},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
        if done.returncode or not written.exists():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            why = said[-1] if said else f"the process ended with {done.returncode}"
            return [], [Problem(Path(target), 0, f"is no file and no folder, and cannot be imported: {why}")]
        data = json.loads(written.read_text(encoding="utf-8"))
    found = [Found(Path(one["path"]), one["line"], one["content"], one["said"]) for one in data["found"]]
    return found, [Problem(Path(one["path"]), one["line"], one["detail"]) for one in data["problems"]]


def search_path() -> list[str]:
    """Where modules are looked for: the folder one is in, its src, then what this process knows."""
    here = Path.cwd()
    known = [one for one in sys.path if one]
    return [str(here), str(here / "src"), *known]


def answer_for(target: str) -> dict[str, Any]:
    """Import the target and return what is found, as JSON. Raises what the import raises."""
    name, _, attribute = target.partition(":")
    module = importlib.import_module(name)
    path = Path(module.__file__ or name)
    if attribute:
        value: Any = module
        for part in attribute.split("."):
            value = getattr(value, part)
        prompts = (
            marked_in(value) if isinstance(value, ModuleType | type) else {attribute: one(module, attribute, value)}
        )
    else:
        prompts = marked_in(module)
    lines = lines_of(path)
    found, problems = [], []
    for key, (mark, content) in prompts.items():
        line = lines.get(key.rpartition(".")[2], 1)
        if isinstance(content, str | list):
            said = {field: value for field, value in asdict(mark).items() if value is not None}
            if "name" not in said and "agent" not in said:
                said["name"] = key.rpartition(".")[2]
            found.append({"path": str(path), "line": line, "content": content, "said": said})
        else:
            detail = f"{key} is {type(content).__name__}, and a prompt is a text or a list of messages"
            problems.append({"path": str(path), "line": line, "detail": detail})
    if not prompts:
        problems.append({"path": str(path), "line": 1, "detail": f"{target} has no prompts: mark them with prompt(…)"})
    return {"found": found, "problems": problems}


def marked_in(holder: Any) -> dict[str, tuple[Mark, Any]]:
    """Return the marked prompts of a module or class, and of the classes that are written in it."""
    found: dict[str, tuple[Mark, Any]] = {}
    for key, value in vars(holder).items():
        inner = isinstance(value, type) and not key.startswith("__")
        if inner and value.__module__ == (holder.__name__ if isinstance(holder, ModuleType) else holder.__module__):
            found.update({f"{key}.{name}": marked for name, marked in marked_in(value).items()})
        elif mark := mark_of(value):
            found[key] = (mark, said(value))
    for key, hint in hints_of(holder).items():
        marks = [extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Mark)]
        if marks and hasattr(holder, key):
            found[key] = (marks[0], getattr(holder, key))
    return found


def one(module: ModuleType, key: str, value: Any) -> tuple[Mark, Any]:
    """The prompt that one named value is, marked or not."""
    hint = hints_of(module).get(key)
    marks = [extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Mark)]
    return mark_of(value) or (marks[0] if marks else Mark()), said(value)


def hints_of(holder: Any) -> dict[str, Any]:
    """The annotations of a module or class; none where they name what is not there when it runs."""
    try:
        return typing.get_type_hints(holder, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {}


def mark_of(value: Any) -> Mark | None:
    """The mark of a text, of messages or of a decorated function."""
    if isinstance(value, MarkedText | MarkedMessages):
        return value.mark
    mark = getattr(value, MARK, None) if callable(value) else None
    return mark if isinstance(mark, Mark) else None


def said(value: Any) -> Any:
    """What a function returns; anything else as it is."""
    return value() if callable(value) else value


def lines_of(path: Path) -> dict[str, int]:
    """In which line of its source each name is set."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return {}
    lines: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines.setdefault(node.name, node.lineno)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            lines.setdefault(node.id, node.lineno)
    return lines


def answer(target: str, file: str) -> None:
    """What the other process does: import, and write down what is found."""
    Path(file).write_text(json.dumps(answer_for(target)), encoding="utf-8")
