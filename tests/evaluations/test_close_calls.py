"""Scorers where the last digit, the form of a letter or of JSON decides."""

from typing import Any

import pytest

from evaluations.scorers import read
from evaluations.scorers.texts import COMPOSED


def score(spec: Any, expected: Any, actual: str):
    return read(spec).score({"value": expected}, actual)


def test_a_similarity_that_is_exactly_the_threshold_passes_whatever_the_fraction():
    """A hundredth of a percentage loses the last digit of 66 of 100, and of 1,079 more."""
    for letters in range(1, 101):
        for same in range(letters + 1):
            left, right = ("a" * same + other * (letters - same) for other in "bc")
            found = score({"type": "similarity", "threshold": same / letters}, left, right)
            assert (found.score, found.passed) == (same / letters, True), (same, letters)


def test_a_hair_below_the_threshold_does_not_pass():
    assert not score({"type": "similarity", "threshold": 0.850000001}, "a" * 17 + "bbb", "a" * 17 + "ccc").passed


def test_equal_json_is_alike_however_it_is_written():
    found = score("similarity", {"category": "bearing", "a": 1}, '{"a":1,"category":"bearing"}')
    assert (found.score, found.passed) == (1.0, True)
    assert 0.5 < score("similarity", {"category": "bearing"}, '{"category":"bearings"}').score < 1
    assert score("similarity", "plain", "plain").score == 1.0


@pytest.mark.parametrize("kind", ["exact", "similarity"])
def test_letters_that_look_the_same_are_told_apart_in_words(kind: str):
    found = score(kind, "Caf\u00e9", "Cafe\u0301")
    assert not found.passed
    assert found.detail["said"] == COMPOSED
    assert "said" not in score(kind, "Café", "Cafe").detail


@pytest.mark.parametrize("answer", ["1_0", "1_000.5", "_1"])
def test_an_underscore_is_in_no_number(answer: str):
    found = score("numeric", 10, answer)
    assert (found.passed, found.error, found.detail) == (False, "", {"said": "The answer is no number."})
