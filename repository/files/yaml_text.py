"""YAML as prompt files use it: read strictly, with the line of each key; written so that it reads back the same.

A plain word is null, true, false, a number as JSON has it, or a text: `yes`, `1.0.0` and 2026-01-31 are texts.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from common.canonical import canonical_json
from common.text import unstorable

FILE_LIMIT = 1024 * 1024
LISTS_LIMIT = 16 * FILE_LIMIT  # of metadata, which list every version
REGISTRY_LIMIT = 64 * FILE_LIMIT  # of the registry, which lists every prompt
DEPTH_LIMIT = 64
DIGITS_LIMIT = 300
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)")
FRACTION = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)")
NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
ODD_BREAKS = re.compile("[\x85\u2028\u2029\ufeff]")
# Texts that PyYAML would write as plain words, and other readers (YAML 1.2, ours) take for numbers: 1e3, 0o17.
LIKE_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+")

Where = tuple[Any, ...]


class Unreadable(Exception):
    """A file that is not what it should be: which code, in which line, and why."""

    def __init__(self, code: str, line: int, said: str) -> None:
        super().__init__(said)
        self.code, self.line, self.said = code, line, said


@dataclass
class Document:
    """What a file says, and the line of each of its keys and items, by their path: ("versions", 0, "label")."""

    value: Any = None
    lines: dict[Where, int] = field(default_factory=dict)

    def line(self, *where: Any) -> int:
        """The line of a place, or of the nearest one around it."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)


def decoded(source: bytes, limit: int = FILE_LIMIT) -> str:
    """Return the text of a file. Raises Unreadable for one that is too large or not UTF-8."""
    if len(source) > limit:
        raise Unreadable("PL003", 1, f"The file is over {limit // 1024:,} KiB.")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise Unreadable("PL001", line, f"Byte {source[error.start]:#04x} is not UTF-8. Save it as UTF-8.") from error


def read(source: bytes, limit: int = FILE_LIMIT) -> Document:
    """Return what a YAML file says. Raises Unreadable, which names the line.

    One document, built from the parser's events: no alias is ever unfolded, no tag constructs anything.
    """
    text = decoded(source, limit)
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            builder.see(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(part for part in (error.context, error.problem) if part)
        raise Unreadable("PL001", mark.line + 1 if mark else 1, f"This is not YAML: {said}.") from error
    except yaml.YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0) or 0) + 1
        raise Unreadable("PL001", line, f"This is not YAML: {str(error).splitlines()[0]}.") from error
    if builder.documents > 1:
        raise Unreadable("PL007", 1, "The file holds several documents (---). Make a file of each.")
    return builder.found


@dataclass
class _Open:
    """A mapping or a list that is being read; `key` is what the next value belongs to."""

    value: Any
    where: Where
    key: str | None = None


class _Builder:
    """Makes a value of the events of a parser."""

    def __init__(self) -> None:
        self.found = Document()
        self.documents = 0
        self._open: list[_Open] = []

    def see(self, event: Any) -> None:
        """Take one event in. Raises Unreadable."""
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
        elif isinstance(event, yaml.NodeEvent):
            mark: Any = event.start_mark
            self._node(event, mark.line + 1)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()

    def _node(self, event: Any, line: int) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise Unreadable("PL007", line, "Anchors (&) and aliases (*) are not read here: write the value out.")
        if event.tag not in (None, "!") or (event.tag == "!" and not isinstance(event, yaml.ScalarEvent)):
            raise Unreadable("PL007", line, f"Tags ({event.tag}) are not read here: leave it out.")
        top = self._open[-1] if self._open else None
        if top and isinstance(top.value, dict) and top.key is None:
            self._begin_key(event, top, line)
            return
        where = self._where(top)
        self.found.lines.setdefault(where, line)
        if isinstance(event, yaml.ScalarEvent):
            self._put(top, _scalar(event, line))
            return
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._put(top, value)
        self._open.append(_Open(value, where))
        if len(self._open) > DEPTH_LIMIT:
            raise Unreadable("PL007", line, f"This is nested over {DEPTH_LIMIT} levels deep.")

    def _begin_key(self, event: Any, top: _Open, line: int) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            raise Unreadable("PL001", line, "A key must be a word.")
        key = event.value
        if key == "<<" and event.implicit[0]:
            raise Unreadable("PL007", line, "Merge keys (<<) are not read here: write the values out.")
        if why := unstorable(key):
            raise Unreadable("PL001", line, f"A key {why}.")
        if key in top.value:
            raise Unreadable("PL002", line, f"Key '{key}' is given twice.")
        top.key = key
        self.found.lines[(*top.where, key)] = line

    def _where(self, top: _Open | None) -> Where:
        if top is None:
            return ()
        return (*top.where, len(top.value) if isinstance(top.value, list) else top.key)

    def _put(self, top: _Open | None, value: Any) -> None:
        if top is None:
            self.found.value = value
        elif isinstance(top.value, list):
            top.value.append(value)
        else:
            top.value[top.key] = value
            top.key = None


def _scalar(event: Any, line: int) -> Any:
    text = event.value
    if why := unstorable(text):
        raise Unreadable("PL001", line, f"A value {why}.")
    if not event.implicit[0]:
        return text
    if text in NULLS:
        return None
    if text in FLAGS:
        return FLAGS[text]
    if NO_NUMBER.fullmatch(text):
        raise Unreadable("PL001", line, f"{text} is no number that can be kept. Put a text in quotes.")
    if WHOLE.fullmatch(text):
        if len(text) > DIGITS_LIMIT:
            raise Unreadable("PL001", line, "A number has too many digits. Put a text in quotes.")
        return int(text)
    if FRACTION.fullmatch(text):
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise Unreadable("PL001", line, "A number is too large. Put a text in quotes.")
        return value
    return text


class _Blocks(yaml.SafeDumper):
    """Writes texts of several lines as blocks, as people do; the emitter itself quotes what a block would change."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, text: str) -> Any:
    style = '"' if ODD_BREAKS.search(text) else "|" if "\n" in text else "'" if LIKE_NUMBER.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Blocks.add_representer(str, _text)


def written(value: Any, limit: int = FILE_LIMIT) -> bytes:
    """Return `value` as YAML: keys sorted, LF, no anchors, the same bytes on every machine. Reads back the same.

    Raises Unreadable for what does not fit into a file.
    """
    # Python's own emitter, not libyaml's: which one is installed must not show.
    said = yaml.dump(value, Dumper=_Blocks, allow_unicode=True, sort_keys=True, width=sys.maxsize, line_break="\n")
    source = said.encode()
    back = read(source, limit)
    if canonical_json(back.value) != canonical_json(value):
        raise Unreadable("PL001", 1, "This value cannot be written as YAML without changing it.")
    return source


def texts_in(document: Document) -> Iterator[tuple[Where, str]]:
    """Yield every text of a document with its place."""
    waiting: list[tuple[Where, Any]] = [((), document.value)]
    while waiting:
        where, value = waiting.pop()
        if isinstance(value, str):
            yield where, value
        elif isinstance(value, dict):
            waiting.extend(((*where, key), one) for key, one in value.items())
        elif isinstance(value, list):
            waiting.extend(((*where, number), one) for number, one in enumerate(value))
