"""Many who decide at once: exactly one acts (RELIABILITY 4.6), on both databases, in threads and in processes."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from evaluations import alerts, automation, running, schedule, signals, starting, windows
from evaluations.models import EvaluationRun, Notice, SignalWindow
from evaluations.signals import Counts
from ledger.models import LedgerEvent
from tests.evaluations.gating import ask_for, gated
from tests.evaluations.living import labels, live
from tests.factories import TESTER
from tests.proofs.processes import ROOT, database_url
from versions.models import Prompt, PromptVersion
from versions.verifying import problems

pytestmark = pytest.mark.django_db(transaction=True)
EIGHT = 8


def at_once(do: Callable[[int], Any], number: int = EIGHT) -> list[Any]:
    """Let so many threads do it at the same moment; what each got. What one raises fails the test."""
    barrier = threading.Barrier(number)

    def one(place: int) -> Any:
        try:
            barrier.wait()
            return do(place)
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(one, range(number)))


def test_of_eight_threads_that_find_the_same_trouble_one_rolls_back():
    version = live(versions=4, auto_rollback="auto")
    before = {row["id"]: row for row in PromptVersion.objects.filter(stage="RET").values()}
    acted = at_once(lambda place: automation.trouble(version, "signal", "It fails."))
    assert [one.rollback_of for one in acted if one] == [3]
    assert labels(version) == {"v1.0": "RET", "v1.1": "RET", "v1.2": "RET", "v1.3": "RET", "v1.4": "PRD"}
    after = {row["id"]: row for row in PromptVersion.objects.filter(stage="RET").values()}
    assert {key: after[key] for key in before} == before
    assert LedgerEvent.objects.filter(action="rolled_back").count() == Notice.objects.count() == 1
    assert list(problems()) == []


def test_of_eight_deciders_in_four_processes_one_rolls_back():
    version = live(versions=4, auto_rollback="auto")
    environment = {**os.environ, "DATABASE_URL": database_url()}
    command = [sys.executable, "-m", "tests.evaluations.deciders", str(version.pk), "2"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) for _ in range(4)]
    try:
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * 4
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        acted = [int(process.communicate(timeout=120)[0]) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert sum(acted) == 1
    assert labels(version)["v1.4"] == "PRD"
    assert LedgerEvent.objects.filter(action="rolled_back").count() == 1
    assert list(problems()) == []


def test_without_the_lock_there_would_be_more(monkeypatch):
    """The control: deciders that all look before any of them acts."""
    version = live(versions=4, auto_rollback="auto")
    seen = threading.Barrier(EIGHT)

    def decide(place):
        target = version.prompt.versions.select_related("prompt").get(version=3)
        seen.wait()
        return target.roll_back(by=alerts.BY, seen=automation.ANYTHING, reason="It fails.")

    at_once(decide)
    assert LedgerEvent.objects.filter(action="rolled_back").count() == EIGHT


def test_of_eight_who_judge_the_same_window_one_stores_it_and_acts(monkeypatch):
    version = live(auto_rollback="auto", threshold=None)
    start = windows._floor(timezone.now(), timedelta(hours=1))
    hour = timedelta(hours=1)
    SignalWindow.objects.create(prompt=version.prompt, version=version.prompt.versions.get(version=1), samples=1000,
                                starts_at=start - hour, ends_at=start, verdict="healthy")  # fmt: skip
    monkeypatch.setattr(signals, "count", lambda *args: Counts(samples=200, errors=100))
    found = at_once(lambda place: list(windows.judge(Prompt.objects.get(pk=version.prompt_id), start + hour * 3.5)))
    assert sum(len(one) for one in found) == 3
    assert SignalWindow.objects.filter(version=version).count() == 3
    assert labels(version) == {"v1.0": "RET", "v1.1": "RET", "v1.2": "PRD"}
    assert LedgerEvent.objects.filter(action="rolled_back").count() == 1


def test_of_eight_who_look_at_the_schedule_one_queues_the_run():
    version = live(schedule_hours=1)
    EvaluationRun.objects.update(created_at=timezone.now() - timedelta(days=2))
    found = at_once(lambda place: list(schedule.queue_due(timezone.now())))
    assert sum(len(one) for one in found) == 1
    assert EvaluationRun.objects.filter(version=version, status="queued").count() == 1


def test_of_eight_workers_who_want_the_same_run_one_carries_it_out_and_it_is_promoted_once():
    version = gated(examples=20, auto_promote="auto")
    run = starting.start(version, by=TESTER)
    found = at_once(lambda place: running.take_a_turn())
    assert [one.pk for one in found if one] == [run.pk]
    assert EvaluationRun.objects.get().results.count() == 20
    assert LedgerEvent.objects.filter(action="promoted", to_stage="PRD").count() == 1
    assert list(problems()) == []


def test_of_eight_who_give_the_same_alert_one_is_heard(settings):
    version = live()
    at_once(lambda place: alerts.give(version, "signal", f"{place} says so."))
    assert Notice.objects.count() == LedgerEvent.objects.filter(action="alerted").count() == 1
    ask_for(version.prompt, auto_rollback="propose")
    notice = Notice.objects.select_related("prompt").get()
    ended = at_once(lambda place: alerts.resolve(notice, "dismissed", by=TESTER))
    assert sum(ended) == 1
    assert LedgerEvent.objects.filter(action="notice_resolved").count() == 1
