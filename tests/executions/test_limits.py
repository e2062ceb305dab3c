"""How often, and how many at once, a provider may be asked: exactly, whoever asks (RELIABILITY 5, figure 16)."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, connections

from common.clock import database_now
from executions import leases, limits, running
from executions.limits import Busy
from executions.models import Execution, ProviderUse
from executions.providers import ProviderError
from tests.factories import TESTER, make_version

pytestmark = pytest.mark.django_db
AT_ONCE = 40


@pytest.fixture
def limit(settings: Any, scripted: Any) -> Callable[..., None]:
    """Providers a and b, and what they may be asked."""
    path = settings.PROVIDERS["scripted"]
    settings.PROVIDERS = {**settings.PROVIDERS, "a": path, "b": path}

    def set_(**of: dict[str, int]) -> None:
        settings.PROVIDER_LIMITS = of

    return set_


@pytest.fixture(autouse=True)
def within_a_minute(monkeypatch):
    """The minute in which calls are counted does not end while a test runs."""
    monkeypatch.setattr(limits, "MINUTE", 10**10)


def submit(provider: str, version: Any = None) -> Execution:
    version = version or make_version("PRD", template_source="Hello")
    return running.run(version, by=TESTER, provider=provider, mode="async")


def together(acts: list[Callable[[], Any]]) -> list[Any]:
    """Do these at once, each over a connection of its own; returns what each gave, or raised."""
    ready, found = threading.Barrier(len(acts)), []

    def go(act: Callable[[], Any]) -> None:
        ready.wait()
        try:
            found.append(act())
        except (Busy, OperationalError) as error:
            found.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_who_waits_is_told_when_to_come_again_and_nothing_is_kept(limit):
    limit(a={"per_minute": 1})
    version = make_version("PRD", template_source="Hello")
    running.run(version, by=TESTER, provider="a")
    with pytest.raises(Busy) as busy:
        running.run(version, by=TESTER, provider="a", idempotency_key="mine")
    assert (busy.value.status, busy.value.code, busy.value.data["retry_after"] >= 1) == (429, "provider_busy", True)
    assert (Execution.objects.count(), ProviderUse.objects.get().count) == (1, 1)
    running.run(version, by=TESTER, provider="b")


def test_what_is_queued_waits_and_others_go_before_it(limit):
    limit(a={"per_minute": 1})
    version = make_version("PRD", template_source="Hello")
    first, second, third, other = (submit(name, version) for name in ("a", "a", "a", "b"))
    assert leases.claim(worker="w").pk == first.pk
    assert leases.claim(worker="w").pk == other.pk
    assert leases.claim(worker="w") is None
    waiting = Execution.objects.get(pk=second.pk)
    assert (waiting.status, waiting.attempts, waiting.not_before > database_now()) == ("queued", 0, True)
    assert Execution.objects.get(pk=third.pk).status == "queued"
    assert leases.claim(worker="w", pk=third.pk) is None
    assert Execution.objects.get(pk=third.pk).announced_at is None, "to be announced again when its time has come"


def test_places_are_those_of_runs_whose_worker_lives(limit):
    limit(a={"at_once": 1})
    version = make_version("PRD", template_source="Hello")
    rows = [submit("a", version) for _ in range(3)]
    held = leases.claim(worker="w")
    assert leases.claim(worker="w") is None
    Execution.objects.update(not_before=None)
    leases.finish(held, "succeeded", response_text="done")
    assert leases.claim(worker="w").pk == rows[1].pk
    Execution.objects.filter(pk=rows[1].pk).update(lease_until=database_now() - timedelta(seconds=1))
    assert {leases.claim(worker="w").pk, leases.claim(worker="w")} == {rows[1].pk, None}


@pytest.mark.timeout(60)
def test_who_waits_for_a_place_for_the_next_attempt_notices_that_it_was_canceled(limit, scripted, monkeypatch):
    limit(a={"per_minute": 1})
    scripted.script = [ProviderError("It failed.", code="provider_server_error")]
    monkeypatch.setattr(running.time, "sleep", lambda _: leases.cancel(Execution.objects.get().pk))
    row = running.run(make_version("PRD", template_source="Hello"), by=TESTER, provider="a")
    assert (row.status, row.attempts, len(scripted.asked), ProviderUse.objects.get().count) == ("canceled", 1, 1, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_of_many_at_once_exactly_so_many_get_through(limit, mode):
    limit(a={"per_minute": 10})
    version = make_version("PRD", template_source="Hello")
    if mode == "sync":
        found = together([lambda: running.run(version, by=TESTER, provider="a").status] * AT_ONCE)
    else:
        for _ in range(AT_ONCE):
            submit("a", version)
        found = together([lambda: leases.claim(worker="w") and "succeeded"] * AT_ONCE)
    counted = Counter(one.code if isinstance(one, Busy) else one for one in found)
    assert counted == {"succeeded": 10, ("provider_busy" if mode == "sync" else None): AT_ONCE - 10}
    assert ProviderUse.objects.get().count == 10


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has one writer: nobody holds what another one waits for"
)
@pytest.mark.django_db(transaction=True)
def test_two_workers_do_not_wait_for_each_other(limit, monkeypatch):
    """Each finds another provider at its limit first, and then asks for the other one's count."""
    limit(a={"per_minute": 0}, b={"per_minute": 0})
    version = make_version("PRD", template_source="Hello")
    for turn in range(40):
        submit("ab"[(turn + turn // 20) % 2], version)
    both, take, asked = threading.Barrier(2), limits.take, threading.local()

    def then_wait_for_the_other(provider: str) -> float:
        found = take(provider)
        if not hasattr(asked, "once"):
            asked.once = both.wait(30) + 1
        return found

    monkeypatch.setattr(limits, "take", then_wait_for_the_other)
    assert together([lambda: leases.claim(worker="w")] * 2) == [None, None]
