"""Scorers: how well an answer is what was expected, as a number from 0 to 1 (SPEC 7; docs/evaluations.md).

A scorer is chosen by a spec, JSON that names its type and options: {"type": "similarity", "threshold": 0.9}.
"""

from collections.abc import Iterable
from math import fsum
from typing import Any

from common.canonical import canonical_json, sha256
from common.errors import BadInput
from evaluations.scorers import judging, limits, patterns, shapes, texts
from evaluations.scorers.base import Case, Outcome, Scorer, refused
from evaluations.scorers.combined import AllOf, AnyOf

__all__ = ["SCORERS", "Case", "Outcome", "Scorer", "read", "scorer_hash", "weighted_mean"]

SCORERS: dict[str, type[Scorer]] = {
    one.type: one
    for one in (
        texts.Exact, texts.Contains, patterns.Regex, shapes.JsonSchema, shapes.JsonEquals, limits.Numeric,
        texts.Similarity, limits.Latency, limits.Cost, judging.Judge, AllOf, AnyOf,
    )
}  # fmt: skip
SPEC_LIMIT = 64 * 1024


def read(spec: Any) -> Scorer:
    """Return the scorer that a spec (or a type's name alone) asks for. Raises BadInput that names the wrong field."""
    spec = {"type": spec} if isinstance(spec, str) else spec
    if not isinstance(spec, dict):
        raise refused("scorer", f"A scorer is an object with a type out of {', '.join(SCORERS)}.")
    kind = spec.get("type")
    if not isinstance(kind, str) or kind not in SCORERS:
        raise refused("scorer.type", f"Not a scorer. Known: {', '.join(SCORERS)}.")
    try:
        size = len(canonical_json(spec))
    except (TypeError, ValueError, RecursionError) as error:
        raise refused("scorer", "A scorer is plain JSON.") from error
    if size > SPEC_LIMIT:
        raise refused("scorer", f"The scorer is {size:,} bytes; the limit is {SPEC_LIMIT:,}.")
    return SCORERS[kind].read(spec, read)


def scorer_hash(spec: Any) -> str:
    """SHA-256 of what a spec means: defaults are filled in, so that saying one changes nothing."""
    return sha256(canonical_json(read(spec).spec))


def weighted_mean(scores: Iterable[tuple[float, float]]) -> float | None:
    """The mean of (score, weight) pairs, 0 to 1; None where there is nothing to take it of."""
    pairs = list(scores)
    if not pairs:
        return None
    heaviest = max(weight for _, weight in pairs)
    if heaviest <= 0:
        raise BadInput("Every weight must be above 0.")
    shares = [(score, weight / heaviest) for score, weight in pairs]
    mean = fsum(score * share for score, share in shares) / fsum(share for _, share in shares)
    return min(1.0, max(0.0, mean))
