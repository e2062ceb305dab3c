"""Prompt files, `*.prompt.yaml` and `*.prompt.json`: read strictly, written so that they read back the same.

    name: WELCOME              # or agent and status_key
    template: |
      Hello {{ name }}

A chat prompt has `messages` instead of `template`. Unknown keys and keys given twice are errors with their line.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from promptledger_client.cli.found import FIELDS, Found, Problem
from promptledger_client.cli.stops import BadInput

KEYS = (*FIELDS, "template", "messages", "description", "owner_team", "commit_message")
TEXTS = ("description", "owner_team", "commit_message")  # of `push` alone: git says them for code
NEEDS_YAML = "is YAML, and PyYAML is not installed: pip install 'promptledger-client[yaml]', or write .prompt.json"
JSON_TOKEN = re.compile(r'(?P<string>"(?:[^"\\]|\\.)*")(?P<colon>\s*:)?|[\[\]{}]|\n')
SHOWN = 20  # unknown keys of a file that are named
DEPTH_LIMIT = 64  # levels, as the ledger has it
SIZE_LIMIT = 4 * 1024 * 1024  # ten times the longest text, however it is escaped


class Unreadable(Exception):
    """A file that is not what it should be, and in which line."""

    def __init__(self, line: int, detail: str) -> None:
        super().__init__(detail)
        self.line, self.detail = line, detail


def prompts_in(path: Path, source: bytes) -> tuple[list[Found], list[Problem]]:
    """Return the prompt of a prompt file, and all that is wrong with it."""
    try:
        value, lines = parsed(path.name, source)
    except Unreadable as error:
        return [], [Problem(path, error.line, error.detail)]
    if not isinstance(value, dict):
        return [], [Problem(path, 1, "must be a mapping with name and template, or agent, status_key and template")]
    wrong = [Problem(path, lines.get(key, 1), detail) for key, detail in wrong_keys(value)]
    if wrong:
        return [], sorted(wrong)
    said = {key: value[key] for key in (*FIELDS, *TEXTS) if value.get(key) is not None}
    key = "messages" if "messages" in value else "template"
    if key == "messages":
        said["type"] = said.get("type", "chat")
    return [Found(path, lines.get(key, 1), value[key], said)], []


def wrong_keys(value: dict[Any, Any]) -> Iterator[tuple[Any, str]]:
    """Yield (key, what is wrong with it)."""
    for key in [key for key in value if key not in KEYS][:SHOWN]:
        yield key, f"unknown key {key!r}; known are {', '.join(KEYS)}"
    both = [key for key in ("template", "messages") if value.get(key) is not None]
    if len(both) != 1:
        yield (both or ["name"])[-1], "needs template (a text) or messages (of a chat), one of them"
    elif both == ["template"] and not isinstance(value["template"], str):
        yield "template", f"template must be text, and this is {type(value['template']).__name__}: put it in quotes"
    elif both == ["messages"] and (not isinstance(value["messages"], list) or value.get("type") == "text"):
        yield "messages", "messages is a list, of a prompt of type chat"
    for key in TEXTS:
        if not isinstance(value.get(key), str | None):
            yield key, f"{key} must be text: put it in quotes"


def parsed(name: str, source: bytes) -> tuple[Any, dict[Any, int]]:
    """Return what a file (or text) says, and the line of each of its top keys. Raises Unreadable."""
    if len(source) > SIZE_LIMIT:
        raise Unreadable(1, f"is {len(source):,} bytes; the limit is {SIZE_LIMIT:,}")
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source[: error.start].count(b"\n") + 1
        raise Unreadable(line, f"is not UTF-8: byte {error.object[error.start]:#04x} cannot be read") from error
    return parsed_json(text) if name.endswith(".json") else parsed_yaml(text)


def parsed_json(text: str) -> tuple[Any, dict[Any, int]]:
    """The same for JSON."""
    twice: list[str] = []

    def pairs(given: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(given)
        if len(found) < len(given):
            twice.extend(key for key, times in Counter(key for key, _ in given).items() if times > 1)
        return found

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise Unreadable(error.lineno, f"is not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise Unreadable(1, f"is not JSON that can be read: {error}") from error
    if twice:
        raise Unreadable(_key_lines(text, any_depth=True).get(twice[0], 1), f"key {twice[0]!r} is given twice")
    return value, _key_lines(text)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _key_lines(text: str, *, any_depth: bool = False) -> dict[Any, int]:
    """The line of each top key of JSON that can be read; with `any_depth` the last line of each key at all."""
    lines: dict[Any, int] = {}
    line, depth = 1, 0
    for token in JSON_TOKEN.finditer(text):
        sign = token[0]
        if sign == "\n":
            line += 1
        elif sign in "[]{}":
            depth += 1 if sign in "[{" else -1
        elif token["colon"]:
            if any_depth or depth == 1:
                lines[json.loads(token["string"], strict=False)] = line
            line += token["colon"].count("\n")
    return lines


def parsed_yaml(text: str) -> tuple[Any, dict[Any, int]]:
    """The same for YAML: one document, no aliases (a small file could unfold to a huge one), no own types."""
    yaml = import_yaml()
    if yaml is None:
        raise Unreadable(1, NEEDS_YAML)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, twelve times as fast, where it was built
    try:
        _no_surprises(yaml, yaml.parse(text, Loader=loader))
        node = yaml.compose(text, Loader=loader)
        _no_key_twice(yaml, node)
        value = yaml.load(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(mark.line + 1 if mark else 1, f"is not YAML that can be read: {error.problem}") from error
    except yaml.YAMLError as error:
        line = text[: getattr(error, "position", 0) or 0].count("\n") + 1
        raise Unreadable(line, f"is not YAML that can be read: {str(error).splitlines()[0]}") from error
    except (ValueError, RecursionError) as error:
        raise Unreadable(1, f"is not YAML that can be read: {error}") from error
    except (TypeError, LookupError, AttributeError, ArithmeticError) as error:  # of PyYAML's constructors
        raise Unreadable(1, "is not YAML that can be read: a value is not what its tag (!!…) says") from error
    lines = {key.value: key.start_mark.line + 1 for key, _ in node.value} if isinstance(value, dict) else {}
    return value, lines


def _no_surprises(yaml: Any, events: Iterator[Any]) -> None:
    """Raise Unreadable for aliases and for what is nested so deeply that reading it would never end."""
    depth = 0
    for event in events:
        line = event.start_mark.line + 1
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_LIMIT:
            raise Unreadable(line, f"is nested over {DEPTH_LIMIT} levels")
        if isinstance(event, yaml.AliasEvent):
            raise Unreadable(line, "an alias (*) is not read here: write the value out")


def _no_key_twice(yaml: Any, node: Any) -> None:
    """Raise Unreadable for the second of two equal keys of one mapping, anywhere."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, yaml.SequenceNode):
            waiting.extend(one.value)
        elif isinstance(one, yaml.MappingNode):
            seen = set()
            for key, value in one.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise Unreadable(key.start_mark.line + 1, "a key must be a plain word")
                if key.value in seen:
                    raise Unreadable(key.start_mark.line + 1, f"key {key.value!r} is given twice")
                seen.add(key.value)
                waiting.append(value)


def import_yaml() -> Any:
    """PyYAML, or None where it is not installed: this package needs it for YAML files only."""
    try:
        import yaml
    except ImportError:
        return None
    return yaml


def written(value: dict[str, Any], form: str, comment: str = "") -> str:
    """Return a prompt file that says `value`, as `yaml` or `json`; reading it gives `value` again, exactly.

    Raises BadInput for YAML without PyYAML.
    """
    as_json = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    if form == "json":
        return as_json
    yaml = import_yaml()
    if yaml is None:
        raise BadInput(
            "Writing YAML needs PyYAML: pip install 'promptledger-client[yaml]'. Or write JSON: --format json."
        )

    class Blocks(yaml.SafeDumper):  # type: ignore[misc, name-defined]  # a class that is there only with PyYAML
        """Writes texts of several lines as blocks, as people do."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def block(dumper: Any, text: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    Blocks.add_representer(str, block)
    options = {"allow_unicode": True, "sort_keys": False, "width": 100}
    said = str(yaml.dump(value, Dumper=Blocks, **options))
    if yaml.safe_load(said) != value:  # a text that a block would change: line ends other than \n, for one
        said = str(yaml.safe_dump(value, **{**options, "allow_unicode": False}))
    head = f"# {comment}\n" if comment else ""
    return head + (said if yaml.safe_load(said) == value else as_json)  # JSON is YAML, too
