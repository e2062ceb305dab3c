"""The scorer by regular expression: in linear time whatever the pattern (docs/adr/0020)."""

from functools import lru_cache
from typing import Any, ClassVar

import re2

from evaluations.scorers import bounded, costly
from evaluations.scorers.base import CannotScore, Case, Outcome, Reader, Scorer, all_or_nothing, flag, refused

PATTERN_LIMIT = 2_000
# Steps of the worst case that are taken here, a second of them; what may take more gets a process of its own.
STEPS_LIMIT = 60_000_000


@lru_cache(maxsize=256)
def size_of(pattern: str) -> int:
    """Return how large a pattern is as a program. Raises ValueError that says what is wrong with it."""
    if not pattern or len(pattern) > PATTERN_LIMIT:
        raise ValueError(f"A regular expression of at most {PATTERN_LIMIT:,} characters.")
    try:
        return costly.compiled(pattern).programsize
    except re2.error as error:
        said = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"Not a regular expression in RE2's syntax: {said}.") from error
    except UnicodeError as error:
        raise ValueError("Not valid Unicode.") from error


def pattern(name: str, value: Any) -> str:
    """Read a pattern."""
    if not isinstance(value, str):
        raise refused(name, "A regular expression as text.")
    try:
        size_of(value)
    except ValueError as error:
        raise refused(name, str(error)) from error
    return value


class Regex(Scorer):
    """The answer matches a regular expression, anywhere or from end to end."""

    type = "regex"
    options: ClassVar[dict[str, tuple[Any, Reader]]] = {"pattern": (None, pattern), "full": (False, flag)}

    @property
    def needs_expected(self) -> bool:
        """Not where the policy has the pattern; else what is expected is one."""
        return "pattern" not in self.spec

    def measure(self, case: Case) -> Outcome:
        """1 where it matches."""
        wanted = self.spec.get("pattern", case.expected)
        if not isinstance(wanted, str):
            raise CannotScore("What is expected is no regular expression.")
        try:
            steps = size_of(wanted) * len(case.actual)
        except ValueError as error:
            raise CannotScore(str(error)) from error
        task: dict[str, Any] = {"pattern": wanted, "text": case.actual, "full": self.spec["full"]}
        far = steps > STEPS_LIMIT
        found = bounded.ask("match", "The pattern", **task) if far else costly.match(**task)
        detail = {"pattern": wanted[:200]} | ({"match": found} if found else {})
        return all_or_nothing(found is not None, **detail)
