"""What higher apps have done by a worker, besides executions: settings.WORKER_JOBS.

Each entry is the dotted path of a callable that takes nothing, does the next piece of its work, and returns something
true when it did something. It claims what it works on by itself: a process does one job at a time, but there may be
several processes, and any of them may die.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.utils.module_loading import import_string

logger = logging.getLogger("promptledger.worker")

SECONDS_AFTER_ERROR = 5.0  # a job that fails whenever it is called does not fill the log
Job = Callable[[], Any]


class Jobs:
    """Calls the jobs one after the other, in a thread of its own, whenever the worker looks for work."""

    def __init__(self, poll: float) -> None:
        """Raises ImportError where a path of settings.WORKER_JOBS leads nowhere: a worker says so as it starts."""
        self.jobs: dict[str, Job] = {path: import_string(path) for path in settings.WORKER_JOBS}
        self.poll = poll
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="job")
        self._round: list[Future[bool]] = []
        self._begun = 0
        self._mark: int | None = None
        self._not_before = 0.0
        self._stopping = False

    @property
    def busy(self) -> bool:
        """Whether a job is under way."""
        return not all(piece.done() for piece in self._round)

    def look(self) -> None:
        """Let each job do one piece, unless one is under way; when they had nothing to do, `poll` seconds later."""
        if not self.jobs or self._stopping or self.busy or time.monotonic() < self._not_before:
            return
        self._begun += 1
        self._not_before = time.monotonic() + self.poll
        self._round = [self._pool.submit(self._piece, job) for job in self.jobs.values()]
        for path, piece in zip(self.jobs, self._round, strict=True):
            piece.add_done_callback(partial(self._ended, path))

    def rested(self) -> bool:
        """Whether a whole round that began since this was last asked found nothing to do. Never waits: ask again."""
        if not self.jobs:
            return True
        if self.busy:
            return False
        mark, self._mark = self._mark, self._begun
        if mark is not None and self._begun > mark:
            return not any(piece.exception() is None and piece.result() for piece in self._round)
        self._not_before = 0.0
        self.look()
        return False

    def stop(self) -> None:
        """Begin no further job; what is under way goes on."""
        self._stopping = True

    def close(self) -> None:
        """Have no thread left waiting for a job that will not come."""
        self._pool.shutdown(wait=False)

    def _piece(self, job: Job) -> bool:
        if self._stopping:
            return False
        close_old_connections()
        try:
            return bool(job())
        except (OperationalError, InterfaceError):
            connection.close()
            raise

    def _ended(self, path: str, piece: Future[bool]) -> None:
        error = piece.exception()
        if error is None:
            self._not_before = 0.0 if piece.result() else self._not_before
            return
        self._not_before = time.monotonic() + SECONDS_AFTER_ERROR
        if isinstance(error, OperationalError | InterfaceError):
            logger.warning("The database is away: %s", str(error).strip())
        else:
            logger.error("The job %s broke off; it is called again: %s", path, error, exc_info=error)
