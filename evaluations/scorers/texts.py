"""Scorers that compare texts: exact, contains, similarity."""

import json
from collections.abc import Callable
from typing import Any, ClassVar
from unicodedata import normalize

from rapidfuzz.distance import Indel

from evaluations.scorers import json_values
from evaluations.scorers.base import CannotScore, Case, Outcome, Reader, Scorer, all_or_nothing, flag, number, refused
from versions.diffs import segments

DIFF_LIMIT = 20_000  # characters of each side that a difference shows
SIMILAR_LIMIT = 100_000  # characters of each side that are compared: half a second at most
PARTS_LIMIT, PART_LIMIT = 100, 20_000
COMPOSED = "Both look the same: they differ in how letters with accents are composed (Unicode normal forms)."


def said(value: Any) -> str:
    """A value as a text: a text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)


def in_form_of(expected: Any, actual: str) -> str:
    """An answer as it is set beside what is expected: JSON in the same form where both are."""
    value = json_values.parsed(actual)
    return said(value) if not isinstance(expected, str) and isinstance(value, dict | list) else actual


def alike(left: str, right: str) -> float:
    """The share of letters that need not be inserted or deleted, as exact as a fraction can be: 17 of 20 is 0.85."""
    letters = len(left) + len(right)
    return (letters - Indel.distance(left, right)) / letters if letters else 1.0


def difference(expected: Any, actual: str) -> dict[str, Any]:
    """What a page shows of two that differ: pieces by words, of the beginnings where they are long."""
    left, right = said(expected), in_form_of(expected, actual)
    pieces = segments(left[:DIFF_LIMIT], right[:DIFF_LIMIT])
    cut = {"cut": True} if max(len(left), len(right)) > DIFF_LIMIT else {}
    looks_same = normalize("NFC", left.strip()) == normalize("NFC", right.strip())
    return {"diff": pieces, **cut, **({"said": COMPOSED} if looks_same else {})}


class Exact(Scorer):
    """Equal as JSON where both are JSON, else as texts without outer space."""

    type = "exact"
    options: ClassVar[dict[str, tuple[Any, Reader]]] = {"ignore_case": (False, flag)}

    def measure(self, case: Case) -> Outcome:
        """1 where equal, else 0 with the difference."""
        passed = same(case.expected, case.actual, ignore_case=self.spec["ignore_case"])
        return all_or_nothing(passed, **({} if passed else difference(case.expected, case.actual)))


def same(expected: Any, actual: str, *, ignore_case: bool = False) -> bool:
    """Whether an answer is what is expected (SPEC 7)."""
    value = json_values.parsed(actual)
    wanted = json_values.parsed(expected) if isinstance(expected, str) else expected
    if value is not json_values.NOTHING and any(json_values.equal(value, one) for one in (expected, wanted)):
        return True
    left, right = said(expected).strip(), actual.strip()
    return left == right or (ignore_case and left.casefold() == right.casefold())


def parts(name: str, value: Any) -> list[str]:
    """Read a text, or a list of them."""
    found = [value] if isinstance(value, str) else value
    fine = isinstance(found, list) and all(isinstance(one, str) and 0 < len(one) <= PART_LIMIT for one in found)
    if not fine or not 0 < len(found) <= PARTS_LIMIT:
        raise refused(name, f"A text, or a list of at most {PARTS_LIMIT} texts.")
    return found


class Contains(Scorer):
    """The answer holds what is expected: a text, or a list of texts of which each counts."""

    type = "contains"
    options: ClassVar[dict[str, tuple[Any, Reader]]] = {"text": (None, parts), "ignore_case": (False, flag)}

    @property
    def needs_expected(self) -> bool:
        """Not where the policy says what to look for."""
        return "text" not in self.spec

    def measure(self, case: Case) -> Outcome:
        """The share of the texts that are there; it passes with all of them."""
        wanted = self.spec.get("text") or _expected_parts(case.expected)
        fold: Callable[[str], str] = str.casefold if self.spec["ignore_case"] else str
        actual = fold(case.actual)
        missing = [part for part in wanted if fold(part) not in actual]
        score = (len(wanted) - len(missing)) / len(wanted)
        return Outcome(score, not missing, {"missing": [part[:200] for part in missing[:20]]} if missing else {})


def _expected_parts(expected: Any) -> list[str]:
    found = expected if isinstance(expected, list) else [expected]
    wanted = [said(one) for one in found[:PARTS_LIMIT]]
    if not wanted or not all(wanted):
        raise CannotScore("Nothing is expected to be contained: the text is empty.")
    return wanted


class Similarity(Scorer):
    """How alike two texts are, by the letters that one must insert and delete; JSON in one form, where both are."""

    type = "similarity"
    options: ClassVar[dict[str, tuple[Any, Reader]]] = {"threshold": (0.8, number(0, 1))}

    def measure(self, case: Case) -> Outcome:
        """The ratio; it passes at the threshold."""
        left, right = said(case.expected).strip(), in_form_of(case.expected, case.actual).strip()
        cut = max(len(left), len(right)) > SIMILAR_LIMIT
        ratio = 1.0 if left == right else alike(left[:SIMILAR_LIMIT], right[:SIMILAR_LIMIT])
        passed = ratio >= self.spec["threshold"]
        detail: dict[str, Any] = {"threshold": self.spec["threshold"]}
        if ratio < 1:
            detail |= difference(case.expected, case.actual)
        return Outcome(ratio, passed, detail | ({"cut": True} if cut else {}))
