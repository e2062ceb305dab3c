"""Workers as processes: each run once, also when they are killed, when the database goes away, when a clock is wrong.

RELIABILITY 1.3 and 5 (rows 4, 5, 7). A part of the rounds; PROMPTLEDGER_PROOFS=1 asks for all of them.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from executions.models import Execution, Status
from tests.executions.processes import (
    LEASE,
    Workers,
    all_ended,
    counting,
    each_has_one_result,
    ends,
    interrupted,
    jobs_done,
    jobs_to_do,
    queue_up,
    until,
)
from tests.factories import make_version
from tests.proofs.processes import ROOT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(900)]
POSTGRESQL = connection.vendor == "postgresql"
PART = float(os.environ.get("PROMPTLEDGER_PROOFS", "0.25"))


@pytest.fixture
def workers(tmp_path: Path, settings: Any) -> Iterator[Workers]:
    """Workers that look for work themselves."""
    with counting(tmp_path, settings) as found:
        yield found


def test_two_workers_run_each_of_many_once(workers):
    number = int(500 * PART)
    workers.never_late()
    for _ in range(2):
        workers.start(LOGGED_SECONDS="0.1")
    workers.until_at_work(2)  # before there is work: else the first could have done it all
    queue_up(number)
    until(all_ended, 120, workers.said)
    each_has_one_result(number)
    assert set(workers.called().values()) == {1}
    assert interrupted() == 0
    names = Execution.objects.values_list("worker", flat=True).distinct().order_by("worker")
    assert len(names) == 2


def test_killed_workers_lose_nothing_and_double_nothing(workers):
    number, kills = int(400 * PART), int(60 * PART)
    queue_up(number)
    running = [workers.start(LOGGED_SECONDS="0.2") for _ in range(4)]
    until(lambda: sum(workers.called().values()) > 4, why=workers.said)
    for _ in range(kills):
        time.sleep(random.uniform(0.02, 0.2))
        victim = running.pop(random.randrange(len(running)))
        workers.kill(victim)
        running.append(workers.start(LOGGED_SECONDS="0.2"))
    until(all_ended, 200, workers.said)
    each_has_one_result(number)
    extra = sum(workers.called().values()) - number
    print(f"kills {kills}, interrupted {interrupted()}, extra calls {extra}")
    assert interrupted() > 0
    assert 0 <= extra <= interrupted()


def test_a_run_whose_caller_is_killed_while_he_waits_is_carried_on_by_a_worker(workers):
    """A web server that dies: the run was promised to nobody any more, but it was begun, and is not lost."""
    version = make_version("PRD", template_source="Hello")
    ask = f"""
from executions import running
from tests.factories import TESTER
from versions.models import PromptVersion
running.run(PromptVersion.objects.get(pk={version.pk}), by=TESTER, provider="logged")
"""
    web = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-v0", "-c", ask], cwd=ROOT, stdout=workers.log, stderr=workers.log,
        env={**os.environ, **workers.environment, "LOGGED_SECONDS": "60"},
    )  # fmt: skip
    until(lambda: len(workers.called()) == 1, why=workers.said)
    web.kill()
    web.wait()
    assert list(Execution.objects.values_list("status", "mode")) == [("running", "sync")]
    workers.drain(1)
    each_has_one_result(1)
    assert (Execution.objects.get().attempts, interrupted(), sum(workers.called().values())) == (2, 1, 2)


@pytest.mark.skipif(not POSTGRESQL, reason="SQLite is a file of this process: there is no server that could go away")
def test_a_database_that_goes_away_loses_nothing(workers):
    number = int(400 * PART)
    queue_up(number)
    for _ in range(2):
        workers.start(LOGGED_SECONDS="0.1")
    until(lambda: sum(workers.called().values()) > 4, why=workers.said)
    cut = 0
    for _ in range(8):
        time.sleep(0.4)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                           "WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip
            cut += cursor.fetchone()[0]
    until(all_ended, 200, workers.said)
    each_has_one_result(number)
    assert cut > 8
    assert sum(workers.called().values()) - number <= interrupted()


@pytest.mark.skipif(not POSTGRESQL, reason="SQLite is a file of this process: there is no server that could go away")
def test_an_answer_that_comes_while_the_database_is_away_is_kept(workers):
    """It was paid for: the provider is not asked again, though its price is looked up over a connection that is cut."""
    queue_up(4)
    workers.never_late().start(LOGGED_SECONDS="1.5")
    until(lambda: len(workers.called()) == 4, why=workers.said)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                       "WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip
    until(all_ended, why=workers.said)
    each_has_one_result(4)
    assert (sum(workers.called().values()), interrupted()) == (4, 0), workers.said()


@pytest.mark.skipif(not POSTGRESQL, reason="on SQLite all processes have the clock of one machine")
@pytest.mark.parametrize("off", ["3600", "-3600"])
def test_a_worker_whose_clock_is_off_steals_nothing(workers, off):
    number = int(100 * PART) + 8
    right = workers.never_late().start(LOGGED_SECONDS="1.2")
    wrong = workers.start(LOGGED_SECONDS="1.2", PROOF_CLOCK=off)
    workers.until_at_work(2)
    queue_up(number)
    until(all_ended, 200, workers.said)
    each_has_one_result(number)
    assert set(workers.called().values()) == {1}
    assert interrupted() == 0
    assert (right.poll(), wrong.poll()) == (None, None)
    assert len(set(Execution.objects.values_list("worker", flat=True))) == 2


def test_a_run_that_takes_longer_than_its_lease_is_not_taken_over(workers):
    queue_up(2)
    workers.environment |= {"EXECUTION_LEASE_SECONDS": "5", "LOGGED_SECONDS": "8"}
    workers.drain(2)
    each_has_one_result(2)
    assert set(workers.called().values()) == {1}


def test_a_worker_that_is_told_to_end_finishes_what_it_runs(workers):
    queue_up(8)
    process = workers.never_late().start(LOGGED_SECONDS="3")
    until(lambda: len(workers.called()) >= 4, why=workers.said)
    process.send_signal(signal.SIGTERM)
    assert process.wait(40) == 0, workers.said()
    begun = len(workers.called())
    assert 4 <= begun < 8
    assert Execution.objects.filter(status=Status.SUCCEEDED).count() == begun
    assert Execution.objects.filter(status=Status.QUEUED, attempts=0).count() == 8 - begun
    assert interrupted() == 0
    assert f"ended: {begun} succeeded." in workers.all_said()


def test_what_does_not_end_in_time_is_given_back_at_once(workers):
    queue_up(2)
    process = workers.start("--grace", "0.5", LOGGED_SECONDS="60")
    until(lambda: len(workers.called()) == 2, why=workers.said)
    process.terminate()
    assert process.wait(20) == 0, workers.said()
    assert list(Execution.objects.values_list("status", "attempts", "lease_until")) == [("queued", 1, None)] * 2
    workers.drain(1, seconds=LEASE + 20)
    each_has_one_result(2)
    assert interrupted() == 2


def test_several_processes_end_together(workers):
    queue_up(4)
    process = workers.start("--processes", "2", LOGGED_SECONDS="0.2")
    until(lambda: all_ended() and workers.all_said().count("at once") == 2, why=workers.said)
    process.terminate()
    assert process.wait(30) == 0, workers.said()
    assert workers.all_said().count("ended:") == 2
    each_has_one_result(4)


def test_a_worker_ends_with_the_process_that_started_it(workers):
    process = workers.start("--processes", "2")
    until(lambda: workers.all_said().count("at once") == 2, why=workers.said)
    workers.kill(process)
    until(lambda: workers.all_said().count("ended:") == 2, why=workers.said)
    connections.close_all()


def test_jobs_are_done_beside_runs(workers, tmp_path):
    queue_up(4)
    process = workers.start("--drain", LOGGED_SECONDS="0.2", **jobs_to_do(tmp_path, 5))
    assert process.wait(60) == 0, workers.said()
    each_has_one_result(4)
    assert jobs_done(tmp_path) == ["0", "1", "2", "3", "4"]


def test_a_worker_whose_job_does_not_end_ends_in_time(workers, tmp_path):
    process = workers.start("--grace", "0.5", **jobs_to_do(tmp_path, 1), JOBS_SECONDS="60")
    until((tmp_path / "jobs_begun").exists, why=workers.said)
    process.terminate()
    assert process.wait(30) == 0, workers.said()
    assert jobs_done(tmp_path) == []


def take_over_from_each_other(workers: Workers, without: str) -> None:
    """Two workers that do not renew their leases, and a free place for each run in either: both are at work first."""
    for _ in range(2):
        workers.start(PROOF_WITHOUT=without, EXECUTION_LEASE_SECONDS="0.7", LOGGED_SECONDS="3")
    workers.until_at_work(2)
    queue_up(4)


def test_without_fence_and_heartbeat_results_are_doubled(workers):
    """The negative control: the same counting sees what the fence prevents."""
    take_over_from_each_other(workers, "fence")
    until(lambda: all_ended() and any(count > 1 for count in ends().values()), why=workers.said)


def test_without_heartbeat_calls_are_paid_twice_but_no_result_is_doubled(workers):
    take_over_from_each_other(workers, "heartbeat")
    until(lambda: sum(workers.called().values()) > 4, why=workers.said)
    workers.stop()
    assert set(ends().values()) <= {1}


@pytest.mark.skipif(not POSTGRESQL, reason="on SQLite all processes have the clock of one machine")
def test_by_its_own_clock_a_worker_an_hour_ahead_steals(workers):
    """The negative control: leases that are judged by the worker's clock."""
    queue_up(5)  # four for the first; by the fifth the second loads what breaks its rule
    workers.never_late().start("--grace", "0.2", LOGGED_SECONDS="60")
    until(lambda: sum(workers.called().values()) == 4, why=workers.said)
    workers.start("--grace", "0.2", LOGGED_SECONDS="60", PROOF_CLOCK="3600", PROOF_WITHOUT="clock")
    until(lambda: interrupted() > 0, why=workers.said)
