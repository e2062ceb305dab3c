"""Variables in prompt texts: finding them and filling them in, with the server's results and the server's errors.

One pass: `{{ name }}` is replaced, values are never parsed again, everything else stays as written. The published test
vectors (tests/vectors.json, the same file as the server's) hold both sides to it. Jinja2 prompts: see `jinja`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypedDict

from promptledger_client import jinja
from promptledger_client.errors import BadVariables, MissingVariables

VARIABLE = re.compile(r"\{\{[ \t]*(\w+)[ \t]*\}\}")
VARIABLES_LIMIT = 1_000_000  # characters of all values together, as JSON
SURROGATE = re.compile("[\ud800-\udfff]")
# In JSON, where a NUL is written out; not the backslash of a text that reads so.
UNSTORABLE = re.compile("[\ud800-\udfff]|(?<!\\\\)(?:\\\\\\\\)*\\\\u0000")
NOT_STORABLE = "A variable holds a character that cannot be stored."
QUOTED = 6  # the most characters that one character takes in JSON
AROUND = 8  # quotes, colon, comma and space around a name and its value


class Message(TypedDict):
    """One message of a filled chat prompt."""

    role: str
    content: str


Part = Mapping[str, str]  # {"role", "content"} or {"type": "placeholder", "name"}


@lru_cache(maxsize=2_048)
def pieces(text: str) -> tuple[str, ...]:
    """Split a text once: literal, name, literal, name, …, literal."""
    return tuple(VARIABLE.split(text))


def names(text: str, template_format: str) -> tuple[str, ...]:
    """The names that one text asks for, as often as it does."""
    return jinja.variables(text) if template_format == "jinja2" else pieces(text)[1::2]


def variables(text: str | Sequence[Part], *, template_format: str = "simple") -> list[str]:
    """Return the names that a text, or a chat's messages, ask for, in the order of their first use."""
    parts: Sequence[Part] = [{"content": text}] if isinstance(text, str) else text
    found: list[str] = []
    for part in parts:
        found.extend([part["name"]] if "name" in part else names(part["content"], template_format))
    return list(dict.fromkeys(found))


def render(text: str, values: Mapping[str, Any], *, template_format: str = "simple") -> str:
    """Return the filled text.

    Texts go in as they are, everything else as compact JSON. Raises MissingVariables, which names all that are missing,
    and BadVariables; unknown ones are ignored.
    """
    check(values)
    return filled(text, require(variables(text, template_format=template_format), values), template_format)


def render_messages(
    messages: Sequence[Part], values: Mapping[str, Any], *, template_format: str = "simple"
) -> list[Message]:
    """Return the filled messages of a chat; a placeholder takes a list of messages. Raises as `render`."""
    check(values)
    require(variables(messages, template_format=template_format), values)
    done: list[Message] = []
    for part in messages:
        if "name" in part:
            done.extend(history(part["name"], values[part["name"]]))
        else:
            done.append({"role": part["role"], "content": filled(part["content"], values, template_format)})
    return done


def require(asked: Sequence[str], values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values. Raises MissingVariables."""
    missing = [name for name in asked if name not in values]
    if missing:
        raise MissingVariables(missing)
    return values


def filled(text: str, values: Mapping[str, Any], template_format: str) -> str:
    """Fill a text whose variables are all there."""
    if template_format == "jinja2":
        return jinja.render(text, values)
    split = pieces(text)
    if len(split) == 1:
        return text
    whole = list(split)
    whole[1::2] = [said(values[name]) for name in split[1::2]]
    return "".join(whole)


def said(value: Any) -> str:
    """A value as it stands in a prompt."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def check(values: Mapping[str, Any]) -> None:
    """Raise BadVariables for what the server would refuse: no plain JSON, too long, or not to be stored."""
    size, plain, odd = 0, True, False
    for name, value in values.items():
        if type(value) is str and type(name) is str:
            size += len(name) + len(value) + AROUND
            odd = odd or not (value.isascii() and name.isascii()) or "\0" in value or "\0" in name
        else:
            plain = False
    if not plain or size * QUOTED > VARIABLES_LIMIT:
        measure(values)
    if odd or not plain:
        for name, value in values.items():
            storable(name, value)


def storable(name: Any, value: Any) -> None:
    """Raise BadVariables for a name or a text with a NUL or half a surrogate pair."""
    for text in (name, value):
        if isinstance(text, str) and ("\0" in text or SURROGATE.search(text)):
            raise BadVariables(NOT_STORABLE)


def measure(values: Mapping[str, Any]) -> None:
    """Write the values as JSON once, to see that they are, and how long."""
    if not all(isinstance(name, str) for name in values):
        raise BadVariables("variables must be plain JSON.")
    try:
        written = json.dumps(dict(values), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadVariables("variables must be plain JSON.") from error
    if len(written) > VARIABLES_LIMIT:
        why = f"The variables are {len(written):,} characters; the limit is {VARIABLES_LIMIT:,}."
        raise BadVariables(why, code="too_long")
    if UNSTORABLE.search(written):
        raise BadVariables(NOT_STORABLE)


def history(name: str, value: Any) -> list[Message]:
    """The messages that stand in for a placeholder. Raises BadVariables."""
    if not isinstance(value, list) or not all(is_message(message) for message in value):
        raise BadVariables(f"'{name}' must be a list of messages, each with role and content.")
    return [{"role": message["role"], "content": message["content"]} for message in value]


def is_message(message: Any) -> bool:
    """Whether it has a role and a content, both texts."""
    return (
        isinstance(message, Mapping)
        and isinstance(message.get("role"), str)
        and isinstance(message.get("content"), str)
    )
