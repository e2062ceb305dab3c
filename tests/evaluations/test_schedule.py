"""Scheduled evaluation of what is live (SPEC 7): when it is due, once, whoever looks."""

from datetime import timedelta

import pytest
from django.utils import timezone

from evaluations import schedule, starting, switch
from evaluations.models import EvaluationRun, Notice
from tests.evaluations.gating import ask_for, gated, give_examples
from tests.evaluations.living import live
from tests.factories import TESTER

pytestmark = pytest.mark.django_db


def due(after: timedelta = timedelta(0)) -> list[str]:
    return [run.label for run in schedule.queue_due(timezone.now() + after)]


@pytest.fixture
def version(db):
    """Live, evaluated a month ago, to be evaluated every day."""
    found = live(schedule_hours=24)
    EvaluationRun.objects.update(created_at=timezone.now() - timedelta(days=30))
    return found


def test_what_is_live_is_queued_when_it_is_due_and_then_not_again_for_a_day(version):
    assert due() == ["v1.1"]
    run = EvaluationRun.objects.get(status="queued")
    assert (run.version_id, run.environment, run.created_by) == (version.pk, "prd", "system:automation")
    EvaluationRun.objects.filter(pk=run.pk).update(status="succeeded", score=1.0)
    assert due(timedelta(hours=23)) == []
    assert due(timedelta(hours=25)) == ["v1.1"]


def test_a_clock_that_jumped_ahead_and_back_holds_nothing_up(version):
    EvaluationRun.objects.update(created_at=timezone.now() + timedelta(days=90))
    assert due() == ["v1.1"]
    EvaluationRun.objects.filter(status="queued").update(status="succeeded", score=1.0)
    assert due() == []


def test_a_run_by_hand_counts_and_one_that_was_canceled_does_not(version):
    run = starting.start(version, by=TESTER)
    assert due() == []
    starting.cancel(run, by=TESTER)
    assert due() == ["v1.1"]


def test_a_run_on_older_examples_does_not_count(version):
    starting.start(version, by=TESTER)
    give_examples(version.prompt, 5)
    assert due() == ["v1.1"]


@pytest.mark.parametrize("without", ["a schedule", "examples", "its place in the lists"])
def test_nothing_is_due(version, without):
    if without == "a schedule":
        ask_for(version.prompt, schedule_hours=None)
    elif without == "examples":
        give_examples(version.prompt, 0)
    else:
        version.prompt.archive(by=TESTER)
    assert due() == []


def test_a_draft_alone_is_never_due():
    gated(schedule_hours=1)
    assert due() == []


def test_switched_off_nothing_is_queued(version):
    schedule.pace = schedule.Pace()
    switch.turn(False, by=TESTER)
    assert schedule.work() == 0
    switch.turn(True, by=TESTER)
    schedule.pace = schedule.Pace()
    assert schedule.work() == 1
    assert schedule.work() == 0


def test_what_is_refused_is_told_once_until_it_is_due_again(version, monkeypatch):
    ask_for(version.prompt, budget_usd="1")
    monkeypatch.setattr("evaluations.starting.estimated", lambda *args: 5)
    assert due() == []
    notice = Notice.objects.get()
    assert (notice.kind, notice.label) == ("not_evaluated", "v1.1")
    assert "was not evaluated as scheduled: This run would cost about $5.0000" in notice.text
    Notice.objects.update(resolved_at=timezone.now(), resolution="dismissed", resolved_by="anna")
    assert due(timedelta(hours=23)) == []
    assert Notice.objects.count() == 1
    assert due(timedelta(hours=25)) == []
    assert Notice.objects.count() == 2
