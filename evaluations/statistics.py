"""Is one version worse than another, or is it chance? Two runs compared on the same examples (RELIABILITY 4.4)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, sqrt
from statistics import NormalDist, fmean, stdev

from evaluations.models import EvaluationRun
from evaluations.policy import SCORE_DIGITS
from evaluations.scorers import weighted_mean

POWER = 0.8  # how often a drop of the smallest size that "can be seen" is in fact seen


@dataclass(frozen=True)
class Comparison:
    """A candidate beside a baseline: `drop` above 0 is worse; `p_value` is how likely chance alone does as much."""

    examples: int
    drop: float
    worse: int
    better: int
    p_value: float
    significant: bool
    smallest_drop: float


def score_of(pairs: Sequence[tuple[float, float]]) -> float | None:
    """The score of a run: the weighted mean of (score, weight), rounded; None of nothing."""
    mean = weighted_mean(pairs)
    return None if mean is None else round(mean, SCORE_DIGITS)


def compare(baseline: EvaluationRun, candidate: EvaluationRun, *, confidence: float) -> Comparison:
    """Compare two runs over the examples that both have scored."""
    return paired(means(baseline), means(candidate), weights(candidate), confidence=confidence)


def means(run: EvaluationRun) -> dict[int, float]:
    """The mean score of each example over its repeats, by the example's id; errors are no score."""
    found: dict[int, list[float]] = defaultdict(list)
    for example, score in run.results.exclude(score=None).values_list("example_id", "score"):
        found[example].append(score or 0.0)
    return {example: fmean(scores) for example, scores in found.items()}


def weights(run: EvaluationRun) -> dict[int, float]:
    """The weight of each example of a run."""
    return dict(run.results.values_list("example_id", "example__weight").distinct())


def paired(
    baseline: Mapping[int, float], candidate: Mapping[int, float], weight: Mapping[int, float], *, confidence: float
) -> Comparison:
    """The weighted drop over what both have, and the one-sided sign test: more examples worse than better than chance.

    A drop alone blocks every other equal candidate; the test alone blocks what nobody would notice. The gate asks both.
    """
    both = sorted(set(baseline) & set(candidate))
    losses = {key: baseline[key] - candidate[key] for key in both}
    drop = weighted_mean([((loss + 1) / 2, weight.get(key, 1.0)) for key, loss in losses.items()])
    worse = sum(loss > 0 for loss in losses.values())
    better = sum(loss < 0 for loss in losses.values())
    p_value = sign_test(worse, better)
    return Comparison(
        examples=len(both),
        drop=0.0 if drop is None else round(drop * 2 - 1, SCORE_DIGITS),
        worse=worse,
        better=better,
        p_value=p_value,
        significant=p_value < 1 - confidence,
        smallest_drop=smallest_drop(list(losses.values()), confidence=confidence),
    )


def sign_test(worse: int, better: int) -> float:
    """How likely at least so many of the differing examples are worse, if worse and better were equally likely."""
    differing = worse + better
    if not differing:
        return 1.0
    return sum(comb(differing, count) for count in range(worse, differing + 1)) / 2**differing


def is_worse_share(bad: int, number: int, bad_then: int, number_then: int, *, margin: float, confidence: float) -> bool:
    """Whether a share of bad cases is above an earlier one by more than `margin`, and not by chance.

    The one-sided test of two proportions, pooled; both numbers are to be large (RELIABILITY 4.6: 100 at least).
    """
    if not number or not number_then:
        return False
    rise = bad / number - bad_then / number_then
    pooled = (bad + bad_then) / (number + number_then)
    spread = sqrt(pooled * (1 - pooled) * (1 / number + 1 / number_then))
    return rise > margin and spread > 0 and rise / spread > NormalDist().inv_cdf(confidence)


def smallest_drop(losses: Sequence[float], *, confidence: float) -> float:
    """The smallest true drop that so many examples would show four times in five; 1 where they are too few to tell."""
    if len(losses) < 2:
        return 1.0
    # Where the two do not differ at all, the next answer that differs still could: count it once.
    spread = max(stdev(losses), 1 / len(losses))
    reach = NormalDist().inv_cdf(confidence) + NormalDist().inv_cdf(POWER)
    return min(1.0, round(reach * spread / sqrt(len(losses)), 4))


def interval(scores: Sequence[float], *, confidence: float) -> tuple[float, float]:
    """Where the true score lies with this confidence (normal approximation over examples), within 0 and 1."""
    if not scores:
        return 0.0, 1.0
    middle = fmean(scores)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * (stdev(scores) if len(scores) > 1 else 1) / sqrt(len(scores))
    return max(0.0, middle - half), min(1.0, middle + half)
