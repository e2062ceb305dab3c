"""Windows of use (RELIABILITY 4.6): what they count, what they are compared with, when they act."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from evaluations import signals, windows
from evaluations.models import Notice, SignalWindow
from evaluations.policy import Policy
from evaluations.statistics import is_worse_share
from executions.models import Execution
from ledger.models import LedgerEvent
from tests.evaluations.gating import ask_for
from tests.evaluations.living import labels, live
from tests.factories import TESTER
from versions.models import PromptVersion
from versions.seen import ANYTHING
from versions.verifying import problems

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def hour(number: int) -> datetime:
    """The beginning of the hour so many hours after the one in which the version that `live` returned went live.

    By its own time: a test that begins in one hour may end in the next.
    """
    deployed = PromptVersion.objects.filter(version__lte=2).exclude(deployed_at=None)
    version = deployed.order_by("-version", "pk")[0]
    return windows._floor(version.deployed_at, HOUR) + number * HOUR


def used(version: PromptVersion, number: int, *, failed: int = 0, slow: int = 0, texts: str = "fine", count: int = 200,
         **fields: Any) -> None:  # fmt: skip
    """Runs of a version in an hour: so many of them failed, so many slow."""
    moment = hour(number) + timedelta(minutes=5)
    Execution.objects.bulk_create(
        Execution(**{
            "prompt": version.prompt, "prompt_name": version.prompt.name, "version": version, "label": version.label,
            "template_hash": version.checksum_hash, "content_hash": version.content_hash, "rendered_prompt": "x",
            "environment": "prd", "provider": "offline", "model_name": "m", "created_by": "tests",
            "status": "failed" if n < failed else "succeeded", "response_text": None if n < failed else texts,
            "latency_ms": 900 if n >= count - slow else 100 + n % 50, "created_at": moment, "completed_at": moment,
            **fields,
        })
        for n in range(count)
    )  # fmt: skip


def judge(version: PromptVersion, until: int) -> list[str]:
    """Judge what is over at the beginning of this hour."""
    version.prompt.refresh_from_db()
    return [one.verdict for one in windows.judge(version.prompt, hour(until) + windows.SETTLE)]


@pytest.fixture
def version(db) -> PromptVersion:
    """Live since the beginning of this hour; the version before it had a healthy window with 5 % of failures."""
    found = live(auto_rollback="auto")
    first = found.prompt.versions.get(version=1)
    SignalWindow.objects.create(prompt=found.prompt, version=first, starts_at=hour(-9), ends_at=hour(-8), samples=200,
                                errors=10, timed=190, p95_ms=150, verdict="healthy")  # fmt: skip
    return found


def test_a_window_counts_runs_that_ended_in_it(version):
    used(version, 0, failed=12, slow=15)
    used(version, 0, count=7, is_test=True)
    used(version, 0, count=5, status="canceled")
    used(version, 0, count=3, status="running", completed_at=None)
    used(version, 1, count=4)
    used(version.prompt.versions.get(version=1), 0, count=9)
    assert judge(version, 1) == ["healthy"]
    window = SignalWindow.objects.get(version=version)
    assert (window.starts_at, window.ends_at) == (hour(0), hour(1))
    assert (window.samples, window.errors, window.timed, window.slow, window.p95_ms) == (200, 12, 188, 15, 900)
    assert (window.baseline["label"], window.baseline["samples"], window.baseline["errors"]) == ("v1.0", 200, 10)


def test_a_window_is_judged_once_and_only_when_it_is_over(version):
    used(version, 0)
    assert list(windows.judge(version.prompt, hour(1) - timedelta(seconds=1))) == []
    assert list(windows.judge(version.prompt, hour(1) + timedelta(seconds=9))) == []
    assert judge(version, 1) == ["healthy"]
    assert judge(version, 1) == []
    assert SignalWindow.objects.filter(version=version).count() == 1


def test_three_breaches_in_a_row_roll_back_and_the_reason_has_the_figures(version):
    for number in range(3):
        used(version, number, failed=40)
    assert judge(version, 2) == ["breach", "breach"]
    assert (labels(version)["v1.1"], Notice.objects.count()) == ("PRD", 0)
    assert judge(version, 3) == ["breach"]
    assert labels(version) == {"v1.0": "RET", "v1.1": "RET", "v1.2": "PRD"}
    event = LedgerEvent.objects.get(action="rolled_back")
    assert event.reason == (
        "v1.1, which is live, does worse than v1.0 did, 3 windows in a row: runs that fail: 20.0%, where 5.0% were."
    )
    assert event.at == hour(3) + windows.SETTLE
    assert list(problems()) == []


@pytest.mark.parametrize(
    ("between", "verdict"), [({"failed": 10}, "healthy"), ({"failed": 40, "count": 99}, "no_data"), (None, "no_data")]
)
def test_anything_else_in_between_breaks_the_row(version, between, verdict):
    for number in range(5):
        if number == 2:
            if between:
                used(version, 2, **between)
        else:
            used(version, number, failed=40)
    assert judge(version, 5) == ["breach", "breach", verdict, "breach", "breach"]
    assert labels(version)["v1.1"] == "PRD"


def test_three_breaches_of_different_signals_are_no_row(version):
    used(version, 0, failed=40)
    used(version, 1, failed=40)
    used(version, 2, slow=60)
    assert judge(version, 3) == ["breach"] * 3
    assert labels(version)["v1.1"] == "PRD"


def test_windows_that_nobody_judged_in_between_break_the_row(version, monkeypatch):
    monkeypatch.setattr(windows, "CAUGHT_UP", 1)
    for number in (0, 1, 9):
        used(version, number, failed=40)
    assert judge(version, 1) + judge(version, 2) + judge(version, 10) == ["breach"] * 3
    assert labels(version)["v1.1"] == "PRD"


def test_slow_answers_are_a_breach(version):
    for number in range(3):
        used(version, number, slow=60)
    judge(version, 3)
    assert "answers slower than 150 ms: 30.0%, where 5.3% were" in LedgerEvent.objects.get(action="rolled_back").reason


def test_answers_without_their_shape_are_a_breach(version):
    SignalWindow.objects.update(checked=200, invalid=4)
    ask_for(version.prompt, scorer={"type": "json_schema", "schema": {"required": ["a"]}}, auto_rollback="off")
    for number in range(3):
        used(version, number, texts='{"a": 1}', count=150)
        used(version, number, texts='{"b": 1}', count=50)
    assert judge(version, 3) == ["breach"] * 3
    assert SignalWindow.objects.filter(version=version).values_list("checked", "invalid").distinct().get() == (200, 50)
    assert "answers without their shape: 25.0%, where 2.0% were" in Notice.objects.get().text


@pytest.mark.parametrize(
    ("config", "scorer", "good", "bad"),
    [({"response_format": {"type": "json_object"}}, "exact", "{}", "no"),
     ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "array"}}}}, "exact", "[]", "{}"),
     ({}, {"type": "json_schema", "schema": {"type": "array"}}, "[]", "{}")],
)  # fmt: skip
def test_the_shape_of_an_answer_is_what_the_version_or_the_scorer_says(config, scorer, good, bad):
    version = PromptVersion(config=config)
    policy = Policy(scorer={"type": scorer} if isinstance(scorer, str) else scorer)
    shape = signals.shape_of(version, policy)
    assert (shape.score(None, good).passed, shape.score(None, bad).passed) == (True, False)


@pytest.mark.parametrize("config", [{}, {"response_format": "json"}, {"response_format": {"type": "json_schema"}}])
def test_where_nobody_said_a_shape_none_is_checked(config):
    assert signals.shape_of(PromptVersion(config=config), Policy()) is None


def test_only_what_is_watched_counts(version):
    ask_for(version.prompt, watch=["latency"])
    for number in range(3):
        used(version, number, failed=100)
    assert judge(version, 3) == ["healthy"] * 3


def test_too_little_use_is_said_once_and_holds(version):
    for number in range(4):
        used(version, number, failed=99, count=99)
    assert judge(version, 4) == ["no_data"] * 4
    notice = Notice.objects.get()
    assert (notice.kind, labels(version)["v1.1"]) == ("no_data", "PRD")
    assert "ran 99 times in 60 minutes: too little to judge it by (100 are asked for)" in notice.text
    used(version, 4)
    assert judge(version, 5) == ["healthy"]
    notice.refresh_from_db()
    assert notice.resolution == "overtaken"


def test_without_a_baseline_nothing_is_worse(db):
    version = live(auto_rollback="auto", versions=1)
    for number in range(3):
        used(version, number, failed=150)
    assert judge(version, 3) == ["healthy"] * 3


def test_the_baseline_is_the_first_healthy_windows_of_the_nearest_versions_before(version):
    first = version.prompt.versions.get(version=1)

    def window(of, at, **fields):
        return SignalWindow.objects.create(**{
            "prompt": version.prompt, "version": of, "starts_at": hour(at), "ends_at": hour(at + 1), "samples": 100,
            "errors": 1, "timed": 100, "p95_ms": 200, "verdict": "healthy", **fields,
        })  # fmt: skip

    window(version, 0)  # its own do not count
    window(first, -8, verdict="breach", samples=1000)
    window(first, -7, verdict="no_data", samples=10)
    assert signals.baseline_of(version)[0].samples == 200
    for at in range(-6, 6):
        window(first, at, p95_ms=200 + at)
    counts, label = signals.baseline_of(version)
    assert (label, counts.samples, counts.errors, counts.timed) == ("v1.0", 1100, 19, 1090)
    assert (counts.p95_ms, counts.slow) == (198, round(1090 * 0.05))


def test_few_healthy_windows_are_filled_up_with_those_of_the_version_before(version):
    newest = version.create_new(by=TESTER, seen=ANYTHING).promote(by=TESTER, to="TST", seen=ANYTHING)
    ask_for(version.prompt, threshold=None, auto_rollback=None)
    newest = newest.promote(by=TESTER, to="PRD", seen=ANYTHING)
    assert signals.baseline_of(newest)[1] == "v1.0"
    SignalWindow.objects.create(prompt=version.prompt, version=version, starts_at=hour(0), ends_at=hour(1),
                                samples=300, errors=3, verdict="healthy")  # fmt: skip
    counts, label = signals.baseline_of(newest)
    assert (label, counts.samples, counts.errors) == ("v1.1", 500, 13)


def test_with_rollback_off_a_watched_prompt_is_told(version):
    ask_for(version.prompt, auto_rollback="off", watch=["errors"])
    for number in range(3):
        used(version, number, failed=40)
    judge(version, 3)
    assert (labels(version)["v1.1"], Notice.objects.get().kind) == ("PRD", "signal")
    used(version, 3)
    judge(version, 4)
    assert Notice.objects.get().resolution == "overtaken"


def test_after_a_long_silence_only_the_last_day_is_looked_at(version):
    assert len(judge(version, 24 * 30)) == windows.CAUGHT_UP
    assert judge(version, 24 * 30) == []


def test_another_length_leaves_no_window_judged_twice(version):
    used(version, 0, failed=10)
    judge(version, 1)
    ask_for(version.prompt, window_minutes=45)
    judge(version, 6)
    rows = list(SignalWindow.objects.filter(version=version).order_by("starts_at"))
    assert len(rows) > 4
    assert all(earlier.ends_at <= later.starts_at for earlier, later in pairwise(rows))


def test_a_version_that_is_not_live_any_more_is_not_judged(version, monkeypatch):
    used(version, 0, failed=40)
    counted = signals.count

    def slowly(*args):
        found = counted(*args)
        first = version.prompt.versions.get(version=1)
        first.roll_back(by=TESTER, seen=ANYTHING, reason="Back.")
        return found

    monkeypatch.setattr(signals, "count", slowly)
    assert judge(version, 1) == []
    assert not SignalWindow.objects.filter(version=version).exists()


@pytest.mark.parametrize(
    ("bad", "number", "then", "number_then", "worse"),
    [(25, 100, 10, 100, True), (16, 100, 10, 100, False), (0, 100, 0, 100, False), (100, 100, 100, 100, False),
     (7, 100, 0, 100, True), (5, 100, 0, 100, False), (5, 0, 0, 100, False), (160, 10_000, 100, 10_000, False)],
)  # fmt: skip
def test_a_share_is_worse_by_more_than_a_margin_and_than_chance(bad, number, then, number_then, worse):
    assert is_worse_share(bad, number, then, number_then, margin=0.05, confidence=0.99) is worse


def test_the_worker_looks_at_prompts_that_ask_for_it(version):
    other = live("unwatched")
    for one in (version, other):
        used(one, 0)
    assert [one.version_id for one in windows.judge_due(hour(1) + windows.SETTLE)] == [version.pk]


def test_a_process_looks_now_and_then(version, settings):
    windows.pace = windows.Pace()
    assert windows.pace.due()
    assert not windows.pace.due()
    settings.AUTOMATION_POLL_SECONDS = 0
    windows.pace = windows.Pace()
    assert windows.pace.due()
    assert windows.pace.due()
