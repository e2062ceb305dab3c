"""The gate's arithmetic, against the table of RELIABILITY 4.4, from fixed seeds."""

import random

import pytest

from evaluations.statistics import interval, paired, score_of, sign_test, smallest_drop

ROUNDS = 400


def answers(dice: random.Random, rates: list[float], repeats: int) -> dict[int, float]:
    """The mean score of each example when it is answered rightly so often."""
    return {n: sum(dice.random() < rate for _ in range(repeats)) / repeats for n, rate in enumerate(rates)}


def blocked(dice: random.Random, examples: int, repeats: int, lost: float) -> float:
    """How often a candidate that is worse by `lost` is blocked: drop over 0.05, and not by chance."""
    found = 0
    for _ in range(ROUNDS):
        present = answers(dice, [0.9] * examples, repeats)
        candidate = answers(dice, [0.9 - lost] * examples, repeats)
        comparison = paired(present, candidate, {}, confidence=0.95)
        found += comparison.drop > 0.05 and comparison.significant
    return found / ROUNDS


def test_of_equal_candidates_few_are_blocked_and_of_bad_ones_most():
    dice = random.Random(20261121)
    assert blocked(dice, 100, 3, 0.0) <= 0.05
    assert blocked(dice, 100, 3, 0.1) >= 0.90


def test_a_drop_alone_would_block_more_and_too_few_examples_show_little():
    dice = random.Random(7)
    assert blocked(dice, 50, 3, 0.0) <= 0.06
    assert 0.0 <= blocked(dice, 20, 1, 0.1) <= 0.2


@pytest.mark.parametrize(
    ("worse", "better", "p_value"), [(0, 0, 1.0), (1, 0, 0.5), (5, 0, 1 / 32), (0, 5, 1.0), (8, 2, 56 / 1024)]
)
def test_the_sign_test(worse, better, p_value):
    assert sign_test(worse, better) == pytest.approx(p_value)


def test_a_score_that_is_exactly_the_threshold_is_not_lost_in_the_last_digit():
    assert score_of([(0.7, 1), (0.8, 1), (0.9, 1)]) == 0.8
    assert score_of([(0.1, 3), (0.1, 7)]) == 0.1
    assert score_of([]) is None


def test_weights_count_in_the_drop():
    before, after = {1: 1.0, 2: 1.0}, {1: 0.0, 2: 1.0}
    assert paired(before, after, {1: 1.0, 2: 9.0}, confidence=0.95).drop == pytest.approx(0.1)
    assert paired(before, after, {1: 9.0, 2: 1.0}, confidence=0.95).drop == pytest.approx(0.9)


def test_only_examples_that_both_have_are_compared():
    found = paired({1: 1.0, 2: 0.0}, {2: 0.0, 3: 1.0}, {}, confidence=0.95)
    assert (found.examples, found.drop, found.worse, found.better) == (1, 0.0, 0, 0)


def test_more_examples_show_smaller_drops():
    dice = random.Random(3)
    few, many = ([dice.choice([-1, 0, 0, 0, 1]) for _ in range(size)] for size in (20, 500))
    assert smallest_drop(many, confidence=0.95) < smallest_drop(few, confidence=0.95) < 1
    assert smallest_drop([0.5], confidence=0.95) == 1.0


def test_the_interval_holds_the_score_and_stays_within_bounds():
    low, high = interval([1.0] * 9 + [0.0], confidence=0.95)
    assert 0 < low < 0.9 < high <= 1
    assert interval([], confidence=0.95) == (0.0, 1.0)
