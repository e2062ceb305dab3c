"""Scorers made of others: all of them, or any."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evaluations.scorers.base import Case, Outcome, Scorer, error, refused

PARTS_LIMIT = 10


@dataclass(frozen=True)
class Combined(Scorer):
    """Some scorers over the same answer."""

    parts: tuple[Scorer, ...] = ()

    @classmethod
    def read(cls, spec: dict[str, Any], again: Callable[[Any], Scorer]) -> "Combined":
        """Read every part. One level only: all and any hold no all and any."""
        if unknown := sorted(set(spec) - {"type", "scorers"}):
            raise refused(f"scorer.{unknown[0]}", f"Unknown for {cls.type}. Known: scorers.")
        given = spec.get("scorers")
        if not isinstance(given, list) or not 0 < len(given) <= PARTS_LIMIT:
            raise refused("scorer.scorers", f"A list of one to {PARTS_LIMIT} scorers.")
        for one in given:
            if (one.get("type") if isinstance(one, dict) else one) in ("all", "any"):
                raise refused("scorer.scorers", "all and any hold plain scorers only.")
        parts = tuple(again(one) for one in given)
        return cls({"type": cls.type, "scorers": [part.spec for part in parts]}, parts)

    @property
    def needs_expected(self) -> bool:
        """Where one of them does."""
        return any(part.needs_expected for part in self.parts)

    def measure(self, case: Case) -> Outcome:
        """What the parts say together; one that cannot score leaves no score."""
        outcomes = [part.outcome(case) for part in self.parts]
        for part, outcome in zip(self.parts, outcomes, strict=True):
            if outcome.error:
                return error(f"{part.type}: {outcome.error}")
        detail = {"parts": [
            {"type": part.type, "score": outcome.score, "passed": outcome.passed, "detail": outcome.detail}
            for part, outcome in zip(self.parts, outcomes, strict=True)
        ]}  # fmt: skip
        return self.together(outcomes, detail)

    @abstractmethod
    def together(self, outcomes: list[Outcome], detail: dict[str, Any]) -> Outcome:
        """One outcome of many."""


class AllOf(Combined):
    """Every part must pass; the lowest score counts."""

    type = "all"

    def together(self, outcomes: list[Outcome], detail: dict[str, Any]) -> Outcome:
        """The lowest."""
        return Outcome(min(one.score for one in outcomes), all(one.passed for one in outcomes), detail)


class AnyOf(Combined):
    """One part must pass; the highest score counts."""

    type = "any"

    def together(self, outcomes: list[Outcome], detail: dict[str, Any]) -> Outcome:
        """The highest."""
        return Outcome(max(one.score for one in outcomes), any(one.passed for one in outcomes), detail)
