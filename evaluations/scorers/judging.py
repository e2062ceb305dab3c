"""The scorer that asks a model: a meta-prompt, one pinned version of another prompt (SPEC 7, S3-32)."""

from typing import Any, ClassVar

from common.text import NAME_LENGTH
from evaluations.scorers import json_values
from evaluations.scorers.base import REQUIRED, CannotScore, Case, Outcome, Reader, Scorer, number, refused, text

ANSWER_SHOWN = 2_000
NO_SCORE = 'The judge must answer with a number from 0 to 1, or {"score": 0.8, "reason": "…"}, and nothing else.'


def version(name: str, value: Any) -> int:
    """Read the integer of a version: what is pinned does not move."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**31:
        raise refused(name, "The number of a version of that prompt, like 3.")
    return value


class Judge(Scorer):
    """Another prompt's pinned version reads input, expected and actual, and says 0 to 1."""

    type = "judge"
    asks = True
    options: ClassVar[dict[str, tuple[Any, Reader]]] = {
        "prompt": (REQUIRED, text(NAME_LENGTH)), "version": (REQUIRED, version), "threshold": (0.5, number(0, 1)),
    }  # fmt: skip

    @property
    def needs_expected(self) -> bool:
        """A judge may know what is good without an answer beside it."""
        return False

    def measure(self, case: Case) -> Outcome:
        """What the judge says, and why; anything but a score is an error, not a zero."""
        if case.ask is None:
            raise CannotScore("There is nobody to ask the judge.")
        given = {"input": case.input, "expected": case.expected if case.expects else "", "actual": case.actual}
        answer = case.ask(self.spec["prompt"], self.spec["version"], given)
        if not isinstance(answer, str):
            raise CannotScore(NO_SCORE)
        score, reason = read_answer(answer)
        detail = {"judge": self.spec["prompt"], "version": self.spec["version"], "reason": reason,
                  "threshold": self.spec["threshold"], "answer": answer[:ANSWER_SHOWN]}  # fmt: skip
        return Outcome(score, score >= self.spec["threshold"], detail)


def read_answer(answer: str) -> tuple[float, str]:
    """Return (score, reason) of a judge's answer: JSON, a number or an object with a score. Raises CannotScore.

    Further keys of the object are the judge's own notes. No score is guessed out of words around it.
    """
    value = json_values.parsed(answer)
    score = value.get("score") if isinstance(value, dict) else value
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise CannotScore(f"{NO_SCORE} It said: {answer.strip()[:200]}")
    reason = value.get("reason", value.get("why", "")) if isinstance(value, dict) else ""
    return float(score), reason[:ANSWER_SHOWN] if isinstance(reason, str) else ""
