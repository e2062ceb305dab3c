"""What an example may be: read from outside, checked, and in the one form that is hashed and written (SPEC 7)."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from common.canonical import canonical_json, sha256
from common.text import unstorable

EXAMPLES_LIMIT = 10_000
EXAMPLE_LIMIT = 1_000_000  # characters, like a run's variables
KEY_LENGTH = 255
TAGS_LIMIT, TAG_LENGTH = 20, 50
WEIGHT_LIMIT = 1_000_000
KEYS = ("id", "input", "expected", "weight", "tags")
# Somebody still has to write the answer.
PLACEHOLDERS = frozenset({"todo", "tbd", "fixme", "xxx", "…", "...", "<expected>", "?"})


@dataclass(frozen=True)
class Problem:
    """What is wrong with one line; `where` names it: "line 3", "example 2", "more.json, line 7"."""

    where: str
    said: str

    def __str__(self) -> str:
        return f"{self.where}: {self.said}" if self.where else self.said


@dataclass(frozen=True)
class Item:
    """One example as it is to be stored. `expected` is {"value": …}, or None where nothing is expected."""

    key: str
    input: dict[str, Any]
    expected: dict[str, Any] | None = None
    weight: float = 1.0
    tags: tuple[str, ...] = ()
    where: str = field(default="", compare=False)

    @property
    def canonical(self) -> str:
        """Its one form: equal examples have equal bytes."""
        return canonical_json(self.as_json())

    @property
    def readable(self) -> str:
        """The same as JSON that people read: letters of every script as they are."""
        return json.dumps(self.as_json(), ensure_ascii=False)

    @property
    def content_hash(self) -> str:
        """SHA-256 of the canonical form."""
        return sha256(self.canonical)

    def as_json(self) -> dict[str, Any]:
        """As it is answered and written to files."""
        shown: dict[str, Any] = {"id": self.key, "input": self.input}
        if self.expected is not None:
            shown["expected"] = self.expected["value"]
        weight = int(self.weight) if float(self.weight).is_integer() else self.weight
        return {**shown, "weight": weight, "tags": list(self.tags)}


class Wrong(Exception):
    """An example that cannot be taken; its arguments are sentences."""


def read_item(value: Any, *, where: str, variables: list[str], must_expect: bool) -> tuple[Item, list[Problem]]:
    """Return an example from the JSON that says it, and warnings. Raises Wrong with everything that is wrong.

    `variables` are those of the prompt's template; `must_expect` says that the scorer compares with `expected`.
    """
    if not isinstance(value, dict):
        raise Wrong('An example is an object like {"input": {"name": "Ada"}, "expected": "Hi Ada"}.')
    wrong: list[str] = []
    value = _with_ideal(value, wrong)
    if unknown := sorted(set(value) - set(KEYS)):
        wrong.append(f"Unknown: {', '.join(unknown)}. Known here: {', '.join(KEYS)} (and ideal, for expected).")
    item = Item(
        key=_key(value.get("id"), wrong),
        input=_input(value, variables, wrong),
        expected={"value": value["expected"]} if "expected" in value else None,
        weight=_weight(value.get("weight"), wrong),
        tags=_tags(value.get("tags"), wrong),
        where=where,
    )
    if must_expect and item.expected is None and not wrong:
        wrong.append('"expected" is missing: the scorer of this prompt compares with it.')
    if not wrong and (size := len(item.readable)) > EXAMPLE_LIMIT:
        wrong.append(f"The example is {size:,} characters; the limit is {EXAMPLE_LIMIT:,}.")
    if wrong:
        raise Wrong(*wrong)
    return item, [Problem(where, said) for said in _doubts(item, variables, must_expect)]


def _with_ideal(value: dict[str, Any], wrong: list[str]) -> dict[str, Any]:
    """OpenAI's evals say `ideal` for `expected`."""
    if "ideal" not in value:
        return value
    if "expected" in value:
        wrong.append('"expected" and "ideal" are the same thing said twice. Keep one.')
    return {"expected": value["ideal"], **{key: said for key, said in value.items() if key != "ideal"}}


def _key(value: Any, wrong: list[str]) -> str:
    if value is None or value == "":
        return ""
    value = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(value, str) or value != value.strip() or not value.isprintable():
        wrong.append('"id" must be a short text in one line.')
    elif len(value) > KEY_LENGTH:
        wrong.append(f'"id" is over {KEY_LENGTH} characters.')
    elif why := unstorable(value):
        wrong.append(f'"id" {why}.')
    else:
        return value
    return ""


def _input(value: dict[str, Any], variables: list[str], wrong: list[str]) -> dict[str, Any]:
    if "input" not in value:
        wrong.append('"input" is missing: an object with a value for each variable.')
        return {}
    found = value["input"]
    if not isinstance(found, dict) and found is not None and len(variables) == 1:
        found = {variables[0]: found}  # as OpenAI's evals have it: one thing that is asked
    if not isinstance(found, dict):
        names = ", ".join(f'"{name}": …' for name in variables) or '"name": …'
        wrong.append(f'"input" must be an object with a value for each variable: {{{names}}}.')
        return {}
    if variables and not any(_says_something(one) for one in found.values()):
        wrong.append('"input" is empty: this is a placeholder, no example yet.')
    return found


def _says_something(value: Any) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value not in (None, [], {})


def _weight(value: Any, wrong: list[str]) -> float:
    if value is None:
        return 1.0
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= WEIGHT_LIMIT:
        # What underflows to nothing weighs nothing.
        return float(value) if math.isfinite(value) else 1.0
    wrong.append(f'"weight" must be a number above 0, at most {WEIGHT_LIMIT:,}.')
    return 1.0


def _tags(value: Any, wrong: list[str]) -> tuple[str, ...]:
    if value is None:
        return ()
    fine = isinstance(value, list) and all(
        isinstance(tag, str) and 0 < len(tag) <= TAG_LENGTH and tag == tag.strip() and tag.isprintable()
        for tag in value
    )
    if not fine or len(value) > TAGS_LIMIT:
        wrong.append(f'"tags" must be a list of at most {TAGS_LIMIT} words of at most {TAG_LENGTH} characters.')
        return ()
    return tuple(dict.fromkeys(value))


def _doubts(item: Item, variables: list[str], must_expect: bool) -> list[str]:
    """What may be meant, and may be a mistake."""
    found = []
    if missing := [name for name in variables if name not in item.input]:
        found.append(f"no value for {', '.join(missing)}: the run of this example will fail.")
    said = item.expected["value"] if item.expected else None
    if isinstance(said, str) and said.strip().lower() in PLACEHOLDERS:
        found.append(f'"{said.strip()}" looks like a placeholder: say what is expected.')
    return found


def named(items: Iterable[Item], present: Iterable[Item] = ()) -> tuple[list[Item], list[Problem]]:
    """Give an id to every item that has none, and name those that are there twice.

    An id is made of the input, so that the same file gives the same ids, whatever stands before a line.
    """
    taken = {item.key: item for item in present}
    contents = {_content(item): item for item in taken.values()}
    found, wrong = [], []
    items = list(items)
    for item in items:
        if not item.key:
            continue
        if item.key in taken:
            wrong.append(Problem(item.where, f'The id "{item.key}" is taken{_by(taken[item.key])}. Ids are unique.'))
        taken[item.key] = item
    for item in items:
        if not item.key:
            if (twin := contents.get(_content(item))) is not None:
                wrong.append(Problem(item.where, f"The same example is there already{_by(twin)}. Give it more weight, "
                                                 f"or an id of its own."))  # fmt: skip
                continue
            item = replace(item, key=_free_key(item, taken))
            taken[item.key] = item
        contents.setdefault(_content(item), item)
        found.append(item)
    return found, wrong


def _content(item: Item) -> str:
    return sha256(canonical_json([item.input, item.expected]))


def _by(item: Item) -> str:
    return f" by {item.where}" if item.where else f' by "{item.key}"'


def _free_key(item: Item, taken: dict[str, Item]) -> str:
    stem = f"ex-{sha256(canonical_json(item.input))[:8]}"
    number, key = 1, stem
    while key in taken:
        number += 1
        key = f"{stem}-{number}"
    return key
