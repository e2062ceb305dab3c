"""Automatic rollback over a stepped clock, from fixed seeds (RELIABILITY 4.6 and figure 22).

Prompts, versions, windows, rollbacks and the ledger are real; what is thrown with dice is how often a version fails.
"""

import itertools
import random
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from evaluations import signals, windows
from evaluations.models import Notice, SignalWindow
from evaluations.signals import Counts
from ledger.models import LedgerEvent
from tests.evaluations.living import labels, live
from tests.factories import TESTER
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING
from versions.verifying import problems

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
RUNS = 100  # in a window: as few as count at all
USUAL, DROP = 0.1, 0.15


class World:
    """A prompt whose versions fail as often as `rates` says, and a clock that is stepped by the hour."""

    def __init__(self, monkeypatch, seed: int, **policy) -> None:
        self.dice = random.Random(seed)
        self.rates: dict[str, float] = {}  # by content, so that a text fails as often whatever its number
        self.version = live(f"world-{seed}", auto_rollback="auto", **policy)
        self.prompt = Prompt.objects.get(pk=self.version.prompt_id)
        self.now: datetime = windows._floor(timezone.now(), HOUR) + windows.SETTLE
        monkeypatch.setattr(signals, "count", self.count)
        self.past(self.prompt.versions.get(version=1))

    def past(self, version: PromptVersion) -> None:
        """A day of use of a version that is retired."""
        for hour in range(1, 11):
            counts = self.throw(USUAL)
            SignalWindow.objects.create(
                prompt=self.prompt, version=version, starts_at=self.now - (hour + 1) * HOUR,
                ends_at=self.now - hour * HOUR, verdict="healthy", **vars(counts),
            )  # fmt: skip

    def throw(self, rate: float) -> Counts:
        failed = sum(self.dice.random() < rate for _ in range(RUNS))
        answered = RUNS - failed
        return Counts(samples=RUNS, errors=failed, timed=answered, p95_ms=200,
                      slow=sum(self.dice.random() < signals.SLOW for _ in range(answered)))  # fmt: skip

    def count(self, version, policy, start, end, baseline) -> Counts:
        return self.throw(self.rates.get(version.content_hash, USUAL))

    def step(self, hours: int, every: int = 1) -> list[SignalWindow]:
        """So many hours later, with a look at the windows every so many: what was judged."""
        found = []
        for _ in range(hours // every):
            self.now += every * HOUR
            found += windows.judge(self.prompt, self.now)
        return found

    def promote(self, text: str, rate: float = USUAL) -> PromptVersion:
        """A person brings the next version to production."""
        newest = self.prompt.versions.newest_first().first()
        newest.prompt = self.prompt
        draft = newest.create_new(by=TESTER, seen=ANYTHING, template_source=f"{text} {{{{ name }}}}")
        self.rates[draft.content_hash] = rate
        draft = draft.promote(by=TESTER, to="TST", seen=ANYTHING, at=self.now)
        return draft.promote(by=TESTER, to="PRD", seen=ANYTHING, at=self.now)

    def rollbacks(self) -> int:
        return LedgerEvent.objects.filter(prompt_id=self.prompt.pk, action="rolled_back").count()


def retired() -> dict[int, dict]:
    return {row["id"]: row for row in PromptVersion.objects.filter(stage="RET").values()}


def test_of_a_thousand_healthy_windows_at_most_one_is_taken_for_bad(monkeypatch):
    judged = rollbacks = 0
    for seed in range(10):
        world = World(monkeypatch, seed, threshold=None)
        judged += len(world.step(100, every=5))
        rollbacks += world.rollbacks()
    assert judged >= 1_000
    assert rollbacks <= 1
    assert SignalWindow.objects.filter(verdict="breach").exists()  # single ones there were


def test_a_drop_of_fifteen_points_is_rolled_back_within_five_windows(monkeypatch):
    caught = 0
    for seed in range(12):
        world = World(monkeypatch, seed, threshold=None)
        before = retired()
        bad = world.promote("Bad", USUAL + DROP)
        world.step(5)
        caught += world.rollbacks()
        if world.rollbacks():
            assert PromptVersion.objects.get(pk=bad.pk).stage == "RET"
            assert world.prompt.production.content_hash == world.version.content_hash
        after = retired()
        assert {key: after[key] for key in before} == before
    assert caught >= 11
    assert list(problems()) == []


def test_a_rollback_that_does_not_help_stops_after_three_and_calls_a_person(monkeypatch):
    """Everything fails, whatever the text: the provider is broken. Nobody is moved back to the first version of all."""
    world = World(monkeypatch, 1, threshold=None)
    for name in ("C", "D", "E", "F"):
        world.promote(name)
    monkeypatch.setattr(world, "count", lambda *args: world.throw(0.9))
    monkeypatch.setattr(signals, "count", world.count)
    before = retired()
    world.step(60)
    assert world.rollbacks() == 3
    assert "3 times in a row without a person" in Notice.objects.get(resolved_at=None, kind="signal").text
    after = retired()
    assert {key: after[key] for key in before} == before
    moments = list(LedgerEvent.objects.filter(action="rolled_back").order_by("at").values_list("at", flat=True))
    assert all(later - earlier >= HOUR for earlier, later in itertools.pairwise(moments))
    assert list(problems()) == []


def test_two_bad_texts_are_not_swung_between(monkeypatch):
    """A and B by turns: each is left once, then a person is called."""
    world = World(monkeypatch, 2, threshold=None)
    world.rates = dict.fromkeys(world.prompt.versions.values_list("content_hash", flat=True), 0.9)
    world.step(60)
    assert world.rollbacks() == 1
    assert labels(world.version) == {"v1.0": "RET", "v1.1": "RET", "v1.2": "PRD"}
    assert "There is no earlier version to go back to" in Notice.objects.get(resolved_at=None, kind="signal").text
