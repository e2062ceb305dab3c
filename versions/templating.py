"""Variables in prompt texts: finding them, and filling them in (SPEC 5). Test vectors: versions/vectors.json.

The simple way is one pass: `{{ name }}` is replaced, values are never parsed again, everything else stays as written.
Jinja2 is there for prompts that choose it, in a child process that can be ended (versions/jinja.py).
"""

import json
import re
from functools import lru_cache
from typing import Any

from common.errors import BadInput
from common.strict_json import NotJSON, check_texts
from versions import jinja

VARIABLE = re.compile(r"\{\{[ \t]*(\w+)[ \t]*\}\}")
VARIABLES_LIMIT = 1_000_000  # characters of all values together (SPEC 5)


@lru_cache(maxsize=2_048)
def _pieces(text: str) -> tuple[str, ...]:
    """Split a text once: literal, name, literal, name, …, literal."""
    return tuple(VARIABLE.split(text))


def _names(text: str, style: str) -> tuple[str, ...]:
    return jinja.variables(text) if style == "jinja2" else _pieces(text)[1::2]


def variables(text: str, *, kind: str, style: str) -> list[str]:
    """Return the names that a text asks for, in the order of their first use; placeholders of a chat are among them."""
    found: list[str] = []
    for part in _parts(text, kind):
        found.extend([part["name"]] if "name" in part else _names(part["content"], style))
    return list(dict.fromkeys(found))


def check(text: str, *, kind: str, style: str) -> None:
    """Raise BadInput for a text that its engine cannot read, so that it is refused at save time."""
    if style == "jinja2":
        for part in _parts(text, kind):
            jinja.check(part.get("content", ""))


def render(text: str, values: Any, *, kind: str, style: str) -> str | list[dict[str, str]]:
    """Return the filled text, or the filled messages of a chat.

    `values` is a JSON object: texts go in as they are, everything else as compact JSON; a placeholder takes a list of
    messages. Raises BadInput: missing_variables names all that are missing; unknown ones are ignored.
    """
    given = _checked(values)
    missing = [name for name in variables(text, kind=kind, style=style) if name not in given]
    if missing:
        raise BadInput(f"Missing variables: {', '.join(missing)}.", code="missing_variables", missing=missing)
    if kind == "text":
        return _fill(text, given, style)
    filled: list[dict[str, str]] = []
    for part in _parts(text, kind):
        if "name" in part:
            filled.extend(_history(part["name"], given[part["name"]]))
        else:
            filled.append({"role": part["role"], "content": _fill(part["content"], given, style)})
    return filled


def _parts(text: str, kind: str) -> list[dict[str, str]]:
    return json.loads(text) if kind == "chat" else [{"content": text}]


def _fill(text: str, values: dict[str, Any], style: str) -> str:
    if style == "jinja2":
        return jinja.render(text, values)
    pieces = _pieces(text)
    if len(pieces) == 1:
        return text
    filled = list(pieces)
    filled[1::2] = [_said(values[name]) for name in pieces[1::2]]
    return "".join(filled)


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _checked(values: Any) -> dict[str, Any]:
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise BadInput("variables must be a JSON object.", errors={"variables": ["Not a JSON object."]})
    try:
        size = len(json.dumps(values, ensure_ascii=False, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput("variables must be plain JSON.", errors={"variables": ["Not plain JSON."]}) from error
    if size > VARIABLES_LIMIT:
        said = f"The variables are {size:,} characters; the limit is {VARIABLES_LIMIT:,}."
        raise BadInput(said, code="too_long", errors={"variables": [said]})
    for name, value in values.items():
        try:
            check_texts([name, value])
        except NotJSON as error:
            said = "A variable holds a character that cannot be stored."
            raise BadInput(said, errors={"variables": [repr(name)]}) from error
    return values


def _history(name: str, value: Any) -> list[dict[str, str]]:
    """The messages that stand in for a placeholder."""
    said = f"'{name}' must be a list of messages, each with role and content."
    if not isinstance(value, list):
        raise BadInput(said, errors={"variables": [said]})
    for message in value:
        fine = isinstance(message, dict) and isinstance(message.get("role"), str)
        if not fine or not isinstance(message.get("content"), str):
            raise BadInput(said, errors={"variables": [said]})
    return [{"role": message["role"], "content": message["content"]} for message in value]
