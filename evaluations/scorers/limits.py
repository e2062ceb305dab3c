"""Scorers over numbers: closeness of an answer, and limits of time and money."""

from decimal import Context, Decimal, DecimalException, InvalidOperation
from typing import Any, ClassVar

from evaluations.scorers import json_values
from evaluations.scorers.base import REQUIRED, CannotScore, Case, Outcome, Reader, Scorer, all_or_nothing, number
from evaluations.scorers.shapes import path

DIGITS_LIMIT = 400
EXACT = Context(prec=500, Emax=10_000, Emin=-10_000)


def number_in(value: Any) -> Decimal | None:
    """The number that a JSON value or a text is; None for anything else, NaN and infinities included."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = value.strip() if isinstance(value, str) else repr(value)
    if len(text) > DIGITS_LIMIT or "_" in text:  # Python's own 1_000 is no number to anybody else
        return None
    try:
        found = Decimal(text)
    except (InvalidOperation, ValueError):
        return None
    return found if found.is_finite() and abs(found.adjusted()) < EXACT.Emax // 2 else None


class Numeric(Scorer):
    """The answer is a number near the one expected: by at most `abs`, or by `rel` of what is expected."""

    type = "numeric"
    options: ClassVar[dict[str, tuple[Any, Reader]]] = {
        "path": (None, path), "abs": (0, number(0, 1e300)), "rel": (1e-9, number(0, 1)),
    }  # fmt: skip

    def measure(self, case: Case) -> Outcome:
        """1 where it is near enough."""
        wanted = number_in(self._at(case.expected))
        if wanted is None:
            raise CannotScore("What is expected is no number.")
        said = json_values.parsed(case.actual) if "path" in self.spec else case.actual
        got = number_in(self._at(said))
        if got is None:
            return all_or_nothing(False, said="The answer is no number.")
        try:
            distance = EXACT.abs(EXACT.subtract(got, wanted))
            allowed = max(_exactly(self.spec["abs"]), EXACT.multiply(_exactly(self.spec["rel"]), EXACT.abs(wanted)))
        except DecimalException as error:
            raise CannotScore("These numbers are too far apart to compare.") from error
        return all_or_nothing(distance <= allowed, expected=str(wanted), actual=str(got), distance=f"{distance:.6g}",
                              allowed=f"{allowed:.6g}")  # fmt: skip

    def _at(self, value: Any) -> Any:
        if "path" in self.spec and isinstance(value, dict | list):
            return json_values.at_path(value, self.spec["path"])
        return value


def _exactly(value: float) -> Decimal:
    return Decimal(repr(value))


class Latency(Scorer):
    """The answer came within a time."""

    type = "latency"
    options: ClassVar[dict[str, tuple[Any, Reader]]] = {"max_ms": (REQUIRED, number(1, 3_600_000))}

    @property
    def needs_expected(self) -> bool:
        """Nothing is compared."""
        return False

    def measure(self, case: Case) -> Outcome:
        """1 within the limit; slower answers get limit / time."""
        if case.latency_ms is None:
            raise CannotScore("The time of this answer was not measured.")
        return _within(Decimal(str(case.latency_ms)), Decimal(str(self.spec["max_ms"])), "latency_ms", "max_ms")


class Cost(Scorer):
    """The answer cost no more than an amount."""

    type = "cost"
    options: ClassVar[dict[str, tuple[Any, Reader]]] = {"max_usd": (REQUIRED, number(1e-8, 1e6))}

    @property
    def needs_expected(self) -> bool:
        """Nothing is compared."""
        return False

    def measure(self, case: Case) -> Outcome:
        """1 within the limit; dearer answers get limit / cost."""
        if case.cost_usd is None:
            raise CannotScore("The cost of this answer is not known: its model has no price.")
        return _within(Decimal(str(case.cost_usd)), Decimal(str(self.spec["max_usd"])), "cost_usd", "max_usd")


def _within(value: Decimal, limit: Decimal, name: str, limit_name: str) -> Outcome:
    if not value.is_finite():
        raise CannotScore(f"{name} is no number.")
    passed = value <= limit
    return Outcome(1.0 if passed else float(limit / value), passed, {name: float(value), limit_name: float(limit)})
