"""Many registrations at the same moment, over many connections: one version, and everybody is answered."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connection

from agents.models import Agent
from ledger.models import LedgerEvent
from tests.repository.registering import T1, T2, one, send, stages
from versions.models import Prompt, PromptVersion
from versions.verifying import problems

pytestmark = pytest.mark.django_db(transaction=True)
CLIENTS = 20


def at_once(*works: Any) -> list[Any]:
    """Call all of them at the same moment, each on a connection of its own; returns what they gave."""
    start = Barrier(len(works))

    def call(work: Any) -> Any:
        start.wait()
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as clients:
        return list(clients.map(call, works))


@pytest.mark.parametrize("first", [True, False], ids=["a new prompt", "a change"])
def test_twenty_equal_registrations_make_one_version(first):
    if not first:
        one("before")
    results = at_once(*[lambda: one("after", agent="Stan")] * CLIENTS)
    number = 1 if first else 2
    assert {row["version"] for row in results} == {number}
    made = [row for row in results if row["change_detected"] or row["created"]]
    assert len(made) == 1
    assert stages()[-1] == (number, "PRD", "after")
    assert PromptVersion.objects.count() == number
    assert Agent.objects.count() == 1
    assert Counter(LedgerEvent.objects.values_list("action", flat=True))["registered"] == number
    assert list(problems()) == []


def test_overlapping_batches_in_any_order_all_succeed():
    names = [f"p{n}" for n in range(12)]

    def batch(turn: int) -> Any:
        mine = names[turn % 3 :] if turn % 2 else list(reversed(names[: 12 - turn % 3]))
        return lambda: [
            send(*({"name": name, "template_source": f"{name} {round_}", "agent": f"A{name}"} for name in mine))
            for round_ in range(4)
        ]

    at_once(*(batch(turn) for turn in range(8)))
    assert Prompt.objects.count() == 12
    assert PromptVersion.objects.in_production().count() == 12
    assert list(problems()) == []


def test_old_and_new_instances_at_once_end_with_the_newest():
    one("old", committed_at=T1)
    at_once(*[lambda: one("new", committed_at=T2), lambda: one("old", committed_at=T1)] * 8)
    assert stages() == [(1, "RET", "old"), (2, "PRD", "new")]
    assert list(problems()) == []


def test_readers_see_one_text_in_production_while_code_registers():
    one("text 0")
    over = Event()
    seen: list[int] = []

    def read() -> None:
        while not over.is_set():
            seen.append(PromptVersion.objects.filter(stage="PRD").count())

    def write() -> None:
        try:
            round_ = 0
            while round_ < 40 or len(seen) <= 100:
                round_ += 1
                one(f"text {round_}")
        finally:
            over.set()

    at_once(read, read, write)
    assert set(seen) == {1}
    assert len(seen) > 100
