"""Examples of a tree: read as the ledger reads them, every doubt with its file and line."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from common.canonical import sha256
from common.errors import BadInput
from evaluations import formats, scorers
from evaluations.formats import Source
from evaluations.items import PLACEHOLDERS, Item
from repository.files.codes import Problem
from repository.files.tree import ExampleFile
from repository.files.versions import VersionFile
from versions import templating

PLACE = re.compile(r"(?P<path>.*?)(?:, line (?P<line>\d+))?(?:, example \d+)?", re.DOTALL)
TWICE = ("The id ", "The same example ")


@dataclass
class Read:
    """The examples of one prompt, and what is wrong or doubtful about them."""

    items: list[Item] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def variables_of(file: VersionFile | None, style: str) -> list[str]:
    """What a version's text asks for; nothing, where its engine cannot read it."""
    if file is None:
        return []
    try:
        return templating.variables(file.text, kind=file.kind, style=file.template_format or style)
    except BadInput:
        return []


def read(files: Iterable[ExampleFile], newest: VersionFile | None, style: str, policy: dict[str, Any]) -> Read:
    """Return the examples of a prompt; `newest` is the version that they are for, `policy` what it must show."""
    files = list(files)
    names = variables_of(newest, style)
    sources = [Source(one.source, "jsonl" if one.path.endswith("l") else "json", one.path) for one in files]
    parsed = formats.parse(sources, variables=names, must_expect=_must_expect(policy))
    found = Read(parsed.items)
    for wrong in parsed.errors:
        code = "PL042" if wrong.said.startswith(TWICE) else "PL041"
        found.problems.append(_problem(wrong.where, code, wrong.said, files))
    for item in parsed.items:
        found.problems += _doubts(item, names, files)
    return found


def digest(items: Iterable[Item]) -> str:
    """The SHA-256 that the ledger gives to a set of examples."""
    return sha256(formats.canonical_lines(items))


def _must_expect(policy: dict[str, Any]) -> bool:
    """Whether the scorer compares; without a gate and a scorer nobody has said yet what will score."""
    if policy.get("threshold") is None and "scorer" not in policy:
        return False
    try:
        return scorers.read(policy.get("scorer", {"type": "exact"})).needs_expected
    except BadInput:
        return False


def _doubts(item: Item, names: list[str], files: list[ExampleFile]) -> Iterable[Problem]:
    if missing := [name for name in names if name not in item.input]:
        yield _problem(item.where, "PL044", f'Example "{item.key}" has no value for {", ".join(missing)}.', files)
    said = item.expected["value"] if item.expected else None
    if isinstance(said, str) and (said.strip().lower() in PLACEHOLDERS or not said.strip()):
        what = f'Example "{item.key}": "{said.strip()}" is a placeholder. Say what is expected.'
        yield _problem(item.where, "PL043", what, files)


def _problem(where: str, code: str, said: str, files: list[ExampleFile]) -> Problem:
    place = PLACE.fullmatch(where)
    path = place["path"] if place and place["path"] else files[0].path if files else ""
    return Problem(path, int(place["line"]) if place and place["line"] else 1, code, said)
