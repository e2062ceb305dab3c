"""What every scorer is: read from a spec, asked for one example at a time, never more than an outcome."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from common.errors import BadInput, Refusal

# Runs a prompt's pinned version on variables and gives its answer: (prompt's name, version, variables) -> text.
Ask = Callable[[str, int, dict[str, Any]], str]
Reader = Callable[[str, Any], Any]

REQUIRED = object()
ERROR_LENGTH = 500


@dataclass(frozen=True)
class Outcome:
    """What came of one example. With an `error` there is no score: it is 0.0 and is not to be counted as one."""

    score: float
    passed: bool
    detail: dict[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Case:
    """One answer, and what is known of it. `expected` is the value itself; see `expects` for whether there is one."""

    actual: str
    expected: Any = None
    expects: bool = False
    input: dict[str, Any] = field(default_factory=dict)
    latency_ms: float | None = None
    cost_usd: Decimal | float | None = None
    ask: Ask | None = None


class CannotScore(Exception):
    """This example cannot be scored; the argument says why."""


@dataclass(frozen=True)
class Scorer(ABC):
    """One way to score, with its options. `spec` has every default filled in."""

    spec: dict[str, Any]

    type: ClassVar[str]
    options: ClassVar[dict[str, tuple[Any, Reader]]] = {}
    asks: ClassVar[bool] = False

    @classmethod
    def read(cls, spec: dict[str, Any], again: Callable[[Any], "Scorer"]) -> "Scorer":
        """Return a scorer with the options of a spec; `again` reads specs within it. Raises BadInput."""
        if unknown := sorted(set(spec) - {"type", *cls.options}):
            known = ", ".join(cls.options) or "no options"
            raise refused(f"scorer.{unknown[0]}", f"Unknown for {cls.type}. Known: {known}.")
        found: dict[str, Any] = {"type": cls.type}
        for name, (default, reader) in cls.options.items():
            value = spec.get(name, default)
            if value is REQUIRED:
                raise refused(f"scorer.{name}", f"{cls.type} needs it.")
            if value is not None:
                found[name] = reader(f"scorer.{name}", value)
        return cls(found)

    @property
    def needs_expected(self) -> bool:
        """Whether an example must say what it expects."""
        return True

    def score(
        self, expected: dict[str, Any] | None, actual: str, *, input: dict[str, Any] | None = None,  # noqa: A002
        latency_ms: float | None = None, cost_usd: Decimal | float | None = None, ask: Ask | None = None,
    ) -> Outcome:  # fmt: skip
        """Score one answer. `expected` is as an Example keeps it: {"value": …}, or None. Raises nothing."""
        value = expected["value"] if expected else None
        # Half letters and NUL can be in an answer, and must not get into a stored detail.
        actual = actual.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
        return self.outcome(Case(actual, value, expected is not None, input or {}, latency_ms, cost_usd, ask))

    def outcome(self, case: Case) -> Outcome:
        """The outcome of a case, whatever happens on the way."""
        if self.needs_expected and not case.expects:
            return error("The example says nothing of what is expected.")
        try:
            found = self.measure(case)
        except CannotScore as why:
            return error(str(why))
        except Refusal as why:
            return error(why.detail)
        except (ArithmeticError, ValueError, TypeError, LookupError, RecursionError, MemoryError) as why:
            return error(f"{self.type} could not score this: {type(why).__name__}.")
        if not math.isfinite(found.score):
            return error(f"{self.type} gave no number.")
        return Outcome(min(1.0, max(0.0, float(found.score))), found.passed, found.detail, found.error)

    @abstractmethod
    def measure(self, case: Case) -> Outcome:
        """Score one answer. Raises CannotScore."""


def error(said: str) -> Outcome:
    """No score, and why."""
    return Outcome(0.0, False, {}, said[:ERROR_LENGTH])


def all_or_nothing(passed: bool, **detail: Any) -> Outcome:
    """1 or 0."""
    return Outcome(1.0 if passed else 0.0, passed, detail)


def refused(name: str, said: str) -> BadInput:
    """A spec that cannot be used; the sentence stands beside the field."""
    return BadInput(f"{name}: {said}", code="bad_scorer", errors={name: [said]})


def number(low: float, high: float) -> Reader:
    """Read a number within bounds."""

    def read(name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise refused(name, f"A number from {low:g} to {high:g}.")
        return value

    return read


def flag(name: str, value: Any) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise refused(name, "true or false.")
    return value


def text(limit: int) -> Reader:
    """Read a text that is not empty."""

    def read(name: str, value: Any) -> str:
        if not isinstance(value, str) or not value or len(value) > limit:
            raise refused(name, f"A text of at most {limit:,} characters.")
        return value

    return read
