"""Scorers over JSON: whether an answer has a shape, and whether parts of it are what is expected."""

import json
from functools import lru_cache
from typing import Any, ClassVar

from common.canonical import canonical_json
from common.errors import BadInput
from evaluations.scorers import bounded, costly, json_values
from evaluations.scorers.base import CannotScore, Case, Outcome, Reader, Scorer, all_or_nothing, refused
from evaluations.scorers.json_values import NOTHING

SHOWN = 200


@lru_cache(maxsize=64)
def check_schema(schema: str) -> None:
    """Raise ValueError with what is wrong with a schema, given as canonical JSON."""
    costly.validator(json.loads(schema))


def schema(name: str, value: Any) -> dict[str, Any]:
    """Read a JSON schema. It may refer to its own parts, to nothing outside."""
    if not isinstance(value, dict):
        raise refused(name, "A JSON schema is an object.")
    try:
        check_schema(canonical_json(value))
    except ValueError as error:
        raise refused(name, f"Not a JSON schema: {str(error).partition(chr(10))[0][:300]}") from error
    return value


def complaints(wanted: dict[str, Any], value: Any) -> list[dict[str, str]]:
    """What a value lacks. A schema that refers to its parts can take for ever: it gets a child that can be ended."""
    if not _refers(wanted):
        return costly.complaints(wanted, value)
    return bounded.ask("complaints", "The schema", schema=wanted, value=value)


def _refers(wanted: dict[str, Any]) -> bool:
    text = json.dumps(wanted)
    return any(f'"{word}"' in text for word in ("$ref", "$dynamicRef", "$recursiveRef"))


class JsonSchema(Scorer):
    """The answer is JSON of a shape: the policy's schema, or what the example expects."""

    type = "json_schema"
    options: ClassVar[dict[str, tuple[Any, Reader]]] = {"schema": (None, schema)}

    @property
    def needs_expected(self) -> bool:
        """Not where the policy has the schema; else what is expected is one."""
        return "schema" not in self.spec

    def measure(self, case: Case) -> Outcome:
        """1 where it has the shape, else 0 with what is wrong, place by place."""
        wanted = self.spec.get("schema", case.expected)
        try:
            wanted = schema("expected", wanted)
        except BadInput as error:
            raise CannotScore(error.detail) from error
        value = json_values.parsed(case.actual)
        if value is NOTHING:
            return all_or_nothing(False, said="The answer is not JSON.")
        found = complaints(wanted, value)
        return all_or_nothing(not found, **({"complaints": found} if found else {}))


def path(name: str, value: Any) -> str:
    """Read a path."""
    if not isinstance(value, str) or len(value) > 500:
        raise refused(name, "A path like $.category.")
    try:
        json_values.steps(value)
    except ValueError as error:
        raise refused(name, str(error)) from error
    return value


def paths(name: str, value: Any) -> list[str]:
    """Read one path, or a list of them."""
    many = value if isinstance(value, list) else [value]
    if not 0 < len(many) <= 100:
        raise refused(name, "A path like $.category, or a list of at most 100.")
    return [path(name, one) for one in many]


class JsonEquals(Scorer):
    """What stands at a path of the answer is what stands there in what is expected."""

    type = "json_equals"
    options: ClassVar[dict[str, tuple[Any, Reader]]] = {"path": ("$", paths)}

    def measure(self, case: Case) -> Outcome:
        """The share of the paths that agree; it passes with all of them."""
        value = json_values.parsed(case.actual)
        if value is NOTHING:
            return all_or_nothing(False, said="The answer is not JSON.")
        wanted = {each: self._wanted(case.expected, each) for each in self.spec["path"]}
        differing = []
        for each, expected in wanted.items():
            got = json_values.at_path(value, each)
            if got is NOTHING or not json_values.equal(got, expected):
                shown = None if got is NOTHING else json.dumps(got, ensure_ascii=False)[:SHOWN]
                differing.append({"path": each, "actual": shown,
                                  "expected": json.dumps(expected, ensure_ascii=False)[:SHOWN]})  # fmt: skip
        score = (len(wanted) - len(differing)) / len(wanted)
        return Outcome(score, not differing, {"differing": differing[:20]} if differing else {})

    @staticmethod
    def _wanted(expected: Any, each: str) -> Any:
        """A plain value is expected at the path itself: as a table's cell has it."""
        held = json_values.parsed(expected) if isinstance(expected, str) else expected
        if not isinstance(held, dict | list):
            return expected
        found = json_values.at_path(held, each)
        if found is NOTHING:
            raise CannotScore(f"What is expected has nothing at {each}.")
        return found
