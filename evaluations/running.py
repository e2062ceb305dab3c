"""Carrying a run to its end: examples answered side by side, results stored in batches, resumed after a kill."""

import queue
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connections

from common.errors import BadInput
from evaluations import claims, concluding, datasets, scorers
from evaluations.asking import Examiner, Outcome, Stopped, Text
from evaluations.models import EvaluationRun, Example, ExampleResult
from executions import providers
from versions.models import PromptVersion, SavedText

BATCH = 200
SECONDS_BETWEEN_BATCHES = 0.25

Place = tuple[int, int, Example]  # position, repeat, example


def take_a_turn() -> EvaluationRun | None:
    """What a worker does: a part of the oldest run that is due, so that other work gets its turn in between."""
    return work(seconds=settings.EVALUATION_TURN_SECONDS)


def work(pk: Any = None, *, seconds: float | None = None) -> EvaluationRun | None:
    """Claim one run that is due and carry it out, or as far as it gets in so many seconds; None where none is due."""
    run = claims.claim(pk)
    return carry_out(run, seconds=seconds) if run else None


def carry_out(run: EvaluationRun, *, seconds: float | None = None) -> EvaluationRun:
    """Run what is left of a held run, store every result, and conclude. Returns the run as it then is.

    After `seconds` no further example is begun, and the run goes back to the queue. A worker that dies leaves what it
    has not stored to the next: what is stored is never asked again.
    """
    try:
        examiner = prepare(run)
    except BadInput as refused:
        return concluding.fail(run, refused.detail)
    left = places(run)
    if not left:
        return concluding.conclude(run)
    return Crew(run, examiner, left, seconds).work()


def prepare(run: EvaluationRun) -> Examiner:
    """What the run asks, fixed at its beginning. Raises BadInput where text or judge cannot be found any more."""
    said = SavedText.find(run.prompt_id, run.content_hash)
    if said is None:
        raise BadInput(f"The text of {run.label} that was to be evaluated is not there any more.")
    chosen = providers.for_environment(
        run.environment, provider=run.provider, model_name=run.model_name, params=run.params, config=said["config"]
    )
    text = Text(said["template_source"], run.prompt.type, run.prompt.template_format, chosen.for_many())
    scorer = scorers.read(run.scorer)
    return Examiner(str(run.pk), text, scorer, judges(run), threading.Event())


def judges(run: EvaluationRun) -> dict[tuple[str, int], Text]:
    """The pinned versions that the scorer asks; one whose config names no provider is answered by the run's."""
    found = {}
    for name, number in pinned(run.scorer):
        version = PromptVersion.objects.select_related("prompt").filter(prompt__name=name, version=number).first()
        if version is None:
            raise BadInput(f"The judge '{name}' has no version {number}.")
        own = version.config.get("provider")
        chosen = providers.for_environment(
            run.environment, provider=None if own else run.provider, config=version.config
        )
        found[name, number] = Text(
            version.template_source, version.prompt.type, version.prompt.template_format, chosen.for_many()
        )
    return found


def pinned(spec: dict[str, Any]) -> list[tuple[str, int]]:
    """The (prompt, version) of every judge in a scorer, also within combined ones."""
    own = [(spec["prompt"], spec["version"])] if spec.get("type") == "judge" else []
    return own + [one for inner in spec.get("scorers", []) if isinstance(inner, dict) for one in pinned(inner)]


def places(run: EvaluationRun) -> list[Place]:
    """What is still to be asked: every example, as often as it repeats, less what is stored."""
    done = set(run.results.values_list("position", "repeat"))
    return [
        (position, repeat, example)
        for repeat in range(1, run.repeats + 1)
        for position, example in enumerate(datasets.rows(run.dataset), start=1)
        if (position, repeat) not in done
    ]


class Crew:
    """Threads that answer examples, and the one that stores what they bring."""

    def __init__(self, run: EvaluationRun, examiner: Examiner, left: list[Place], seconds: float | None = None) -> None:
        self.run, self.examiner = run, examiner
        self._left: queue.SimpleQueue[Place] = queue.SimpleQueue()
        for place in left:
            self._left.put(place)
        self._brought: queue.SimpleQueue[tuple[Place, Outcome]] = queue.SimpleQueue()
        self._out = len(left)  # how many results have not been brought yet
        self._hands = min(settings.EVALUATION_AT_ONCE, len(left))
        self._spent = run.cost_usd if run.results.exists() else Decimal(0)
        self._renewed = time.monotonic()
        self._until = None if seconds is None else self._renewed + seconds

    def work(self) -> EvaluationRun:
        """Until everything is answered, the turn or the budget is over, or the run was canceled or taken over."""
        over = False
        with ThreadPoolExecutor(self._hands, thread_name_prefix="evaluate") as pool:
            hands = [pool.submit(self._answer) for _ in range(self._hands)]
            try:
                # Who still waits for an answer is waited for, and the claim renewed meanwhile.
                while (held := self._store()) and self._out:
                    over = over or self._over_budget()
                    if over or self._turn_is_over() or any(hand.done() and hand.exception() for hand in hands):
                        self.examiner.stop.set()
                    if all(hand.done() for hand in hands) and self._brought.empty():
                        break
            finally:
                self.examiner.stop.set()
        for hand in hands:
            _raise_defect(hand)
        if not held:
            return concluding.reread(self.run)
        if over:
            done = self.run.results.count()
            return concluding.fail(
                self.run, f"Stopped after {done} answers: the budget of ${self.run.budget_usd} is spent."
            )
        if self._out:
            claims.give_back(self.run)
            return concluding.reread(self.run)
        return concluding.conclude(self.run)

    def _turn_is_over(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until

    def _answer(self) -> None:
        """What each thread does: take the next place, have it answered, bring it."""
        try:
            while not self.examiner.stop.is_set():
                try:
                    place = self._left.get_nowait()
                except queue.Empty:
                    return
                position, repeat, example = place
                outcome = self.examiner.examine(example.input, example.expected, f"{position}.{repeat}")
                self._brought.put((place, outcome))
        except Stopped:
            return
        finally:
            connections.close_all()

    def _store(self) -> bool:
        """Wait a moment for results, then store them all at once; False when the run is not ours any more."""
        batch: list[ExampleResult] = []
        until = time.monotonic() + SECONDS_BETWEEN_BATCHES
        while self._out and len(batch) < BATCH and (left := until - time.monotonic()) > 0:
            try:
                place, outcome = self._brought.get(timeout=left)
            except queue.Empty:
                break
            self._out -= 1
            batch.append(self._row(place, outcome))
        if not batch and time.monotonic() - self._renewed < settings.EXECUTION_LEASE_SECONDS / 3:
            return claims.held(self.run).exists()
        self._renewed = time.monotonic()
        return claims.keep(self.run, batch, self._spent)

    def _row(self, place: Place, outcome: Outcome) -> ExampleResult:
        position, repeat, example = place
        if outcome.cost is None or self._spent is None:
            self._spent = None
        else:
            self._spent += outcome.cost
        return ExampleResult(
            run=self.run, example=example, position=position, repeat=repeat, actual=outcome.actual,
            score=outcome.score, passed=outcome.passed, detail=outcome.detail, error=outcome.error,
            latency_ms=outcome.latency_ms, cost_usd=outcome.cost,
        )  # fmt: skip

    def _over_budget(self) -> bool:
        budget = self.run.budget_usd
        return budget is not None and self._spent is not None and self._spent >= budget and not self._left.empty()


def _raise_defect(hand: "Future[None]") -> None:
    """A thread that broke off has found a defect of ours: say so where it can be seen."""
    if error := hand.exception():
        raise error
