"""Workers as processes of their own, on the test's database, and what became of the runs."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection

from executions import running
from executions.models import UNFINISHED, Execution, Status
from tests.factories import TESTER, make_version
from tests.proofs.processes import ROOT, database_url

LEASE = 2.0


class Workers:
    """Starts workers that call the provider `logged`, and counts its calls."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.calls = folder / "calls"
        self.calls.touch()
        self.log = (folder / "log").open("ab")
        self.environment = {
            "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "tests.executions.worker_settings",
            "LOGGED_CALLS": str(self.calls), "EXECUTION_LEASE_SECONDS": str(LEASE), "WORKER_POLL_SECONDS": "0.05",
            "WORKER_CONCURRENCY": "4", "EXECUTION_INTERRUPTIONS": "100", **environment,
        }  # fmt: skip
        self.alive: list[subprocess.Popen[bytes]] = []

    def never_late(self) -> "Workers":
        """Let no lease run out because this machine is busy: for tests in which nobody dies."""
        self.environment["EXECUTION_LEASE_SECONDS"] = "60"
        return self

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start one."""
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker", *arguments],
            cwd=ROOT, env={**os.environ, **self.environment, **environment}, stdout=self.log, stderr=self.log,
        )  # fmt: skip
        self.alive.append(process)
        return process

    def drain(self, number: int, seconds: float = 120) -> None:
        """Start so many, and wait until nothing is left."""
        for process in [self.start("--drain") for _ in range(number)]:
            assert process.wait(seconds) == 0, self.said()

    def stop(self) -> None:
        """End those that are left."""
        for process in self.alive:
            if process.poll() is None:
                process.terminate()
        for process in self.alive:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End one as the kernel does when memory runs out."""
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.alive.remove(process)

    def called(self) -> Counter[str]:
        """How often the provider was called for each run."""
        return Counter(line.split()[0] for line in self.calls.read_text().splitlines())

    def said(self) -> str:
        """What the workers said last."""
        return self.all_said()[-4_000:]

    def all_said(self) -> str:
        """All that the workers said."""
        self.log.flush()
        return Path(self.log.name).read_text()

    def until_at_work(self, number: int) -> None:
        """Wait until so many have begun to look for work."""
        until(lambda: self.all_said().count(" at once") == number, 120, self.said)


def jobs_to_do(folder: Path, number: int) -> dict[str, str]:
    """So many pieces of work for the job `logged`, as the environment of a worker that has it."""
    todo, done = folder / "jobs_todo", folder / "jobs_done"
    todo.write_text("".join(f"{turn}\n" for turn in range(number)))
    done.touch()
    return {"PROOF_JOBS": "tests.executions.jobs.logged", "JOBS_TODO": str(todo), "JOBS_DONE": str(done)}


def jobs_done(folder: Path) -> list[str]:
    """The pieces of work that were done, in order."""
    return [line.split()[0] for line in (folder / "jobs_done").read_text().splitlines()]


def queue_up(number: int) -> None:
    """So many runs that wait for a worker."""
    version = make_version("PRD", template_source="Hello {{ name }}!")
    for turn in range(number):
        running.run(version, by=TESTER, variables={"name": str(turn)}, provider="logged", mode="async")


def until(condition: Any, seconds: float = 60, why: Any = lambda: "") -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"It did not happen in {seconds} s. {why()}"
        time.sleep(0.05)


def all_ended() -> bool:
    """Whether every run has its end."""
    return not Execution.objects.filter(status__in=UNFINISHED).exists()


@contextmanager
def counting(folder: Path, settings: Any, **environment: str) -> Iterator[Workers]:
    """Workers that count their calls and their ends; ended afterwards."""
    settings.PROVIDERS = {**settings.PROVIDERS, "logged": "tests.executions.providers.Logged"}
    make_table_of_ends()
    found = Workers(folder, **environment)
    yield found
    found.stop()
    drop_table_of_ends()


def each_has_one_result(number: int) -> None:
    """So many runs, each with one end and the answer to its own call."""
    rows = Execution.objects.all()
    assert rows.count() == number
    assert set(rows.values_list("status", flat=True)) == {Status.SUCCEEDED}
    assert ends() == {str(row.pk): 1 for row in rows}
    for row in rows:
        assert row.response_text.startswith(f"{row.pk} ")
        assert row.attempts == len(row.attempt_log)


def make_table_of_ends() -> None:
    """Where the workers under test count the ends that they write."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS proof_ends")
        cursor.execute("CREATE TABLE proof_ends (execution_id varchar(36))")


def drop_table_of_ends() -> None:
    """The tests' database as it was."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS proof_ends")


def ends() -> Counter[str]:
    """How many ends were written for each run."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT execution_id FROM proof_ends")
        return Counter(row[0] for row in cursor.fetchall())


def interrupted() -> int:
    """The attempts whose worker ended."""
    logs = Execution.objects.values_list("attempt_log", flat=True)
    return sum(entry["error_type"] == "worker_lost" for log in logs for entry in log)
