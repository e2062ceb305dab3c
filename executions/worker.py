"""A worker: looks for executions that are due, claims one for each free place, and carries them out (SPEC 6).

It ends when it is told to: it takes nothing more, finishes what it has, and gives back what does not end in time.
"""

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from uuid import UUID

from django.db import InterfaceError, OperationalError, close_old_connections, connection

from common import telemetry
from executions import leases, running
from executions.jobs import Jobs
from executions.models import Execution, unfinished

logger = logging.getLogger("promptledger.worker")

SECONDS_BETWEEN_REPORTS = 60


class Worker:
    """Runs executions in threads of this process, `concurrency` at once."""

    def __init__(self, *, name: str, concurrency: int, poll: float, grace: float, drain: bool = False) -> None:
        self.name, self.concurrency, self.poll, self.grace, self.drain = name, concurrency, poll, grace, drain
        self.done: Counter[str] = Counter()
        self.on_done: Callable[[Execution], None] = lambda row: None
        self.alive: Callable[[], bool] = lambda: True
        # A flag, not an Event: it is set by a signal, at any point of this thread.
        self._stopping = False
        self._free = threading.Semaphore(concurrency)
        self._held: dict[UUID, Execution] = {}
        self._jobs = Jobs(poll)
        self._reported = time.monotonic()

    def stop(self, *_: object) -> None:
        """Take nothing more, and return from `run` when what is held has its end."""
        self._stopping = True
        self._jobs.stop()

    def run(self) -> bool:
        """Work until told to stop (or, with `drain`, until nothing is left). False when something did not end."""
        pool = ThreadPoolExecutor(self.concurrency, thread_name_prefix="run")
        while not self._stopping and self.alive():
            self._jobs.look()
            if not self._free.acquire(timeout=self.poll):
                continue
            row = self._claim()
            if row is None:
                self._free.release()
                if self.drain and not self._held and self._nothing_left() and self._jobs.rested():
                    break
                self._report()
                time.sleep(self.poll)
                continue
            self._held[row.pk] = row
            pool.submit(self._carry_out, row).add_done_callback(self._ended)
        return self._finish(pool)

    def _claim(self) -> Execution | None:
        try:
            return leases.claim(worker=self.name)
        except (OperationalError, InterfaceError) as error:
            logger.warning("The database is away: %s", str(error).strip())
            connection.close()
            time.sleep(1)
            return None

    def _carry_out(self, row: Execution) -> None:
        close_old_connections()
        try:
            ended = running.carry_out(row)
        finally:
            self._held.pop(row.pk, None)
        self.done[ended.status] += 1
        self.on_done(ended)

    def _ended(self, future: Future[None]) -> None:
        self._free.release()
        if error := future.exception():
            self.done["broken"] += 1
            logger.error("A run broke off: %s", error, exc_info=error)

    def _nothing_left(self) -> bool:
        try:
            return not Execution.objects.filter(unfinished()).exists()
        except (OperationalError, InterfaceError):  # as above; it is looked for again
            connection.close()
            return False

    def _report(self) -> None:
        if self.done and time.monotonic() - self._reported > SECONDS_BETWEEN_REPORTS:
            self._reported = time.monotonic()
            logger.info("%s so far: %s", self.name, self.so_far())

    def so_far(self) -> str:
        """What came of the runs up to now, in words."""
        return ", ".join(f"{count} {status}" for status, count in sorted(self.done.items())) or "nothing"

    def _finish(self, pool: ThreadPoolExecutor) -> bool:
        """Wait for what is held, at most `grace` seconds; give back the rest. A job gives back by its own lease."""
        pool.shutdown(wait=False)
        self._jobs.stop()
        self._jobs.close()
        deadline = time.monotonic() + self.grace
        while (self._held or self._jobs.busy) and time.monotonic() < deadline:
            time.sleep(0.05)
        return not give_back(list(self._held.values())) and not self._jobs.busy


def give_back(held: list[Execution]) -> int:
    """Return rows that this process must leave to the queue; how many there were."""
    for row in held:
        said = "The worker was told to end while it ran."
        leases.note(row, error_type="worker_lost", error_message=said)
        leases.surely(partial(leases.put_back, row))
    return len(held)


def end_now(code: int = 0) -> None:
    """End this process although threads of it still wait for a provider: what they ran is given back."""
    telemetry.close()
    logging.shutdown()
    os._exit(code)
