"""JSON in answers: read with bounds, compared by value, and found by path."""

import re
from functools import lru_cache
from typing import Any

from common.strict_json import NotJSON, load

MATCHES_LIMIT = 10_000
# $.name, ['name'], ["name"], [3], [-1], [*], .*
STEP = re.compile(r"""\.(\*|[^.\[\]'"*\s]+)|\[(?:'([^']*)'|"([^"]*)"|(-?\d{1,9})|(\*))\]""")
EVERY = object()
NOTHING = object()

Path = tuple[Any, ...]


def parsed(text: str) -> Any:
    """The JSON value that a text is, or NOTHING. Bounded in depth; NaN, doubled keys and words around it are none."""
    if not text.strip():
        return NOTHING
    try:
        return load(text.encode("utf-8", "surrogatepass"))
    except NotJSON:
        return NOTHING


def equal(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same: 1 and 1.0 are, 1 and true are not; keys have no order."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return type(one) is type(other) and one == other


@lru_cache(maxsize=256)
def steps(path: str) -> Path:
    """Read a path: $.category, $.parts[0].name, $['odd name'], $.parts[*].id. Raises ValueError."""
    if not path.startswith("$"):
        raise ValueError("A path begins with $, like $.category.")
    found: list[Any] = []
    at = 1
    while at < len(path):
        step = STEP.match(path, at)
        if step is None:
            raise ValueError(f"Not understood from {path[at : at + 20]!r} on. Use .name, ['name'], [0] and [*].")
        name, single, double, index, star = step.groups()
        if name == "*" or star:
            found.append(EVERY)
        elif index is not None:
            found.append(int(index))
        else:
            found.append(next(one for one in (name, single, double) if one is not None))
        at = step.end()
    return tuple(found)


def at_path(value: Any, path: str) -> Any:
    """What stands at a path: a value, with [*] a list of them, or NOTHING."""
    many = [value]
    for step in steps(path):
        many = [inner for one in many for inner in _inside(one, step)]
        if len(many) > MATCHES_LIMIT:
            raise ValueError("The path finds too much.")
    if EVERY in steps(path):
        return many
    return many[0] if many else NOTHING


def _inside(value: Any, step: Any) -> list[Any]:
    if step is EVERY:
        return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if isinstance(step, int):
        inside = isinstance(value, list) and -len(value) <= step < len(value)
        return [value[step]] if inside else []
    return [value[step]] if isinstance(value, dict) and step in value else []
