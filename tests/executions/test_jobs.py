"""What workers do besides executions: settings.WORKER_JOBS."""

import threading
import time
from typing import Any

import pytest
from django.db import OperationalError

from executions import jobs as carrying
from executions import running
from executions.jobs import Jobs
from executions.models import Execution, Status
from executions.worker import Worker
from tests.executions import jobs
from tests.factories import TESTER, make_version

pytestmark = pytest.mark.django_db(transaction=True)
HERE = "tests.executions.jobs"


@pytest.fixture(autouse=True)
def listed(settings: Any, monkeypatch: Any) -> None:
    """Two jobs, of which the test writes down what the first does."""
    settings.WORKER_JOBS = [f"{HERE}.scripted", f"{HERE}.other"]
    monkeypatch.setattr(carrying, "SECONDS_AFTER_ERROR", 0.05)
    jobs.called.clear(), jobs.script.clear(), jobs.during.clear()


def worker(**more: Any) -> Worker:
    return Worker(name="here", concurrency=2, poll=0.02, grace=10, **more)


def drained() -> bool:
    return worker(drain=True).run()


def test_a_worker_that_drains_calls_each_job_until_it_has_nothing_more_to_do():
    jobs.script[:] = [True, True, True]
    assert drained() is True
    assert jobs.script == []
    assert jobs.called.count("scripted") >= 4  # the last time it found nothing
    assert jobs.called.count("other") >= 1


def test_a_worker_without_jobs_drains_executions_only(settings):
    settings.WORKER_JOBS = []
    running.run(make_version("PRD", template_source="Hello"), by=TESTER, mode="async")
    assert drained() is True
    assert Execution.objects.get().status == Status.SUCCEEDED
    assert jobs.called == []


def test_runs_are_carried_while_a_job_is_under_way():
    """A long job holds up nobody: it has a thread of its own."""
    jobs.script[:] = [True]
    row = running.run(make_version("PRD", template_source="Hello"), by=TESTER, mode="async")
    seen = []

    def until_it_ran() -> None:
        deadline = time.monotonic() + 30
        while not seen and time.monotonic() < deadline:
            time.sleep(0.01)

    jobs.during.append(until_it_ran)
    one = worker(drain=True)
    one.on_done = lambda ended: seen.append(ended.pk)
    assert one.run() is True
    assert seen == [row.pk]


def test_what_a_job_queues_is_run_before_the_worker_has_drained():
    version = make_version("PRD", template_source="Hello")

    def queue_one() -> None:
        if jobs.script:
            running.run(version, by=TESTER, mode="async")

    jobs.during.append(queue_one)
    jobs.script[:] = [True]
    assert drained() is True
    assert list(Execution.objects.values_list("status", flat=True)) == [Status.SUCCEEDED]


def test_a_process_does_one_job_at_a_time():
    at_once, most, lock = 0, 0, threading.Lock()

    def count() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.05)
        with lock:
            at_once -= 1

    jobs.during.append(count)
    jobs.script[:] = [True] * 4
    found = Jobs(poll=0.001)
    while jobs.script:
        found.look()
        time.sleep(0.002)
    while not found.rested():
        time.sleep(0.005)
    found.close()
    assert jobs.script == []
    assert most == 1


@pytest.mark.parametrize("error", [ZeroDivisionError("a defect"), OperationalError("the server closed the connection")])
def test_an_error_in_a_job_is_logged_and_ends_neither_worker_nor_other_jobs(caplog, error):
    jobs.script[:] = [error, True]
    running.run(make_version("PRD", template_source="Hello"), by=TESTER, mode="async")
    one = worker()
    ended = []
    thread = threading.Thread(target=lambda: ended.append(one.run()))
    thread.start()
    deadline = time.monotonic() + 30
    while jobs.script and time.monotonic() < deadline:
        time.sleep(0.01)
    one.stop()
    thread.join(30)
    assert ended == [True]
    assert jobs.script == []
    assert "other" in jobs.called
    assert Execution.objects.get().status == Status.SUCCEEDED
    if isinstance(error, OperationalError):
        assert "The database is away: the server closed the connection" in caplog.text
    else:
        assert f"The job {HERE}.scripted broke off" in caplog.text
        assert "ZeroDivisionError: a defect" in caplog.text


def test_a_job_that_fails_always_is_not_called_all_the_time(monkeypatch):
    monkeypatch.setattr(carrying, "SECONDS_AFTER_ERROR", 60)
    jobs.script[:] = [ZeroDivisionError("a defect")] * 50
    found = Jobs(poll=0.001)
    while len(jobs.script) == 50:  # until its thread has had its turn
        found.look()
        time.sleep(0.005)
    for _ in range(30):
        found.look()
        time.sleep(0.005)
    found.close()
    assert len(jobs.script) == 49


def test_a_worker_does_not_start_with_a_path_that_leads_nowhere(settings):
    settings.WORKER_JOBS = [f"{HERE}.there_is_none"]
    with pytest.raises(ImportError, match="there_is_none"):
        worker()


def test_a_worker_that_is_told_to_end_waits_for_its_job_and_begins_no_other():
    begun, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        go_on.wait(30)

    jobs.during.append(wait)
    jobs.script[:] = [True, True, True]
    one = worker()
    ended = []
    thread = threading.Thread(target=lambda: ended.append(one.run()))
    thread.start()
    assert begun.wait(30)
    one.stop()
    time.sleep(0.2)
    assert not ended
    go_on.set()
    thread.join(30)
    assert ended == [True]
    assert jobs.called == ["scripted"]


def test_a_job_that_does_not_end_in_time_is_left_to_its_lease():
    begun, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        go_on.wait(30)

    jobs.during.append(wait)
    one = worker()
    one.grace = 0.1
    ended = []
    thread = threading.Thread(target=lambda: ended.append(one.run()))
    thread.start()
    assert begun.wait(30)
    one.stop()
    thread.join(30)
    go_on.set()
    assert ended == [False]  # who runs it ends the process
