"""One example of a run: fill the text, have it answered, score the answer. Knows no rows: runs in threads."""

import threading
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connections

from common.errors import BadInput
from evaluations.scorers import Scorer
from executions import limits, retries
from executions.models import Execution
from executions.providers import Chosen, ProviderError
from versions import templating

ANSWER_LIMIT = 500 * 1024
ERROR_LENGTH = 500


class Stopped(Exception):
    """The run ended while an example waited for its next attempt."""


@dataclass(frozen=True)
class Text:
    """What is asked, as it was when the run began: a later edit changes no run."""

    source: str
    kind: str
    style: str
    chosen: Chosen


@dataclass
class Outcome:
    """What came of one example: its answer and score, or why there is none."""

    actual: str = ""
    score: float | None = None
    passed: bool | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    latency_ms: int | None = None
    cost: Decimal | None = None


@dataclass(frozen=True)
class Examiner:
    """Answers and scores examples of one run; `judges` are the pinned versions that its scorer asks."""

    run_id: str
    text: Text
    scorer: Scorer
    judges: dict[tuple[str, int], Text]
    stop: threading.Event
    counter: threading.Lock = field(default_factory=threading.Lock)

    def examine(self, given: dict[str, Any], expected: dict[str, Any] | None, place: str) -> Outcome:
        """Return what comes of one example; `place` tells its repeats apart, so that no answer serves two of them."""
        found = Outcome()
        spent: list[Decimal | None] = []
        began = time.perf_counter()
        try:
            found.actual = self._ask(self.text, given, f"{self.run_id}/{place}", spent)
        except (ProviderError, BadInput) as error:
            found.error = error.detail[:ERROR_LENGTH]
            found.cost = _sum(spent)
            return found
        found.latency_ms = round((time.perf_counter() - began) * 1000)

        def ask(prompt: str, version: int, variables: dict[str, Any]) -> str:
            return self._ask(self.judges[prompt, version], variables, f"{self.run_id}/{place}/judge", spent)

        scored = self.scorer.score(
            expected, found.actual, input=given, latency_ms=found.latency_ms, cost_usd=_sum(spent), ask=ask
        )
        found.detail, found.error, found.cost = scored.detail, scored.error, _sum(spent)
        if not scored.error:
            found.score, found.passed = scored.score, scored.passed
        return found

    def _ask(self, text: Text, variables: dict[str, Any], key: str, spent: list[Decimal | None]) -> str:
        """The answer of the provider, tried again as executions are. Raises ProviderError, BadInput or Stopped."""
        filled = templating.render(text.source, variables, kind=text.kind, style=text.style)
        tries = Execution(provider=text.chosen.name)
        while True:
            self._wait_for_a_place(text.chosen.name)
            try:
                answer = text.chosen.provider.complete(
                    filled, model=text.chosen.model, params=text.chosen.params, idempotency_key=key
                )
            except ProviderError as error:
                tries.attempt_log = [*tries.attempt_log, {"error_type": error.code}]
                wait = retries.wait_after(tries, error)
                if wait is None:
                    raise
                if self.stop.wait(wait):
                    raise Stopped from error
            else:
                spent.append(answer.cost_usd)
                return (
                    answer.text.replace("\0", "\ufffd")
                    .encode("utf-8", "replace")[:ANSWER_LIMIT]
                    .decode(errors="ignore")
                )

    def _wait_for_a_place(self, provider: str) -> None:
        while wait := self._place(provider):
            if self.stop.wait(min(wait, 1.0)):
                raise Stopped

    def _place(self, provider: str) -> float:
        """What limits.take says; one thread after the other, so that all of them together take one connection."""
        if provider not in settings.PROVIDER_LIMITS:
            return 0
        with self.counter:
            try:
                return limits.take(provider)
            finally:
                connections.close_all()


def _sum(spent: list[Decimal | None]) -> Decimal | None:
    """What was spent in all; None where any of it is unknown."""
    known = [one for one in spent if one is not None]
    return sum(known, Decimal(0)) if len(known) == len(spent) else None
