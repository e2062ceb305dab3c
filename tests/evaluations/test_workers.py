"""Runs carried by workers as processes: none lost and none doubled, also when they are killed in the middle."""

import random
import time
from collections import Counter

import pytest

from evaluations import starting
from evaluations.models import EvaluationRun, ExampleResult
from executions.models import UNFINISHED, Execution
from tests.evaluations.gating import gated
from tests.executions.processes import counting, queue_up, until
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(300)]
AT_ONCE, SECONDS = 4, 0.1
JOBS = ("evaluations.running.take_a_turn", "evaluations.schedule.work", "evaluations.windows.work")


@pytest.fixture
def workers(tmp_path, settings):
    """Workers whose calls are counted."""
    environment = {
        "EVALUATION_AT_ONCE": str(AT_ONCE), "LOGGED_SECONDS": str(SECONDS), "EVALUATION_TURN_SECONDS": "1",
        "PROOF_JOBS": " ".join(JOBS),
    }  # fmt: skip
    with counting(tmp_path, settings, **environment) as found:
        yield found


def test_workers_that_are_killed_lose_nothing_and_double_nothing(workers):
    examples, repeats, kills = 30, 3, 2
    version = gated(examples=examples, provider="logged", repeat=repeats)
    run = starting.start(version, by=TESTER)
    running = [workers.start() for _ in range(2)]
    for turn in range(kills):
        until(lambda turn=turn: stored(run) > turn * 12, why=workers.said)
        time.sleep(random.uniform(0, 0.2))
        workers.kill(running.pop(0))
        running.append(workers.start())
    until(lambda: EvaluationRun.objects.get(pk=run.pk).status == "succeeded", 120, workers.said)
    rows = ExampleResult.objects.filter(run=run)
    places = Counter(rows.values_list("position", "repeat"))
    assert set(places) == {(place, turn) for place in range(1, examples + 1) for turn in range(1, repeats + 1)}
    assert set(places.values()) == {1}
    calls = workers.called()
    assert set(calls) == {f"{run.pk}/{place}.{turn}" for place, turn in places}
    # What each result says is an answer that was given for its own place, never another's.
    assert all(row.actual.startswith(f"{run.pk}/{row.position}.{row.repeat} ") for row in rows)
    # Paid twice is at most what a killed worker had not stored: what it asked, and a quarter of a second's answers.
    extra = sum(calls.values()) - len(calls)
    assert extra <= kills * (AT_ONCE + AT_ONCE * 0.5 / SECONDS + AT_ONCE), extra
    assert EvaluationRun.objects.get().fence > 1


def stored(run: EvaluationRun) -> int:
    return ExampleResult.objects.filter(run=run).count()


def test_a_long_run_holds_up_no_execution(workers):
    workers.environment["EVALUATION_AT_ONCE"] = "1"
    run = starting.start(gated(examples=1_000, provider="logged"), by=TESTER)
    workers.start()
    until(lambda: stored(run) > 0, why=workers.said)
    queue_up(8)
    until(lambda: not Execution.objects.filter(status__in=UNFINISHED).exists(), 60, workers.said)
    assert EvaluationRun.objects.get(pk=run.pk).status in ("queued", "running")
    starting.cancel(run, by=TESTER)
