"""Who works on an execution, and what came of it: every change of a row is one conditional statement.

A claim raises the row's fence and gives it a lease on the database's clock; who holds the newest fence may store a
result, nobody else. A lease is renewed at a third of its length, so it runs out only for who died (RELIABILITY 1.3).
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.module_loading import import_string

from common.clock import DatabaseNow
from executions import limits
from executions.models import Execution, Status, unfinished

logger = logging.getLogger("promptledger.executions")

SECONDS_AWAY = 120  # how long a database may be away before an answer is given up


def name_of_process() -> str:
    """Who this is, for people: machine and process."""
    return f"{socket.gethostname()}:{os.getpid()}"[:255]


def due() -> Q:
    """Rows that nobody works on: waiting and their time has come, or their worker's lease has run out."""
    now = DatabaseNow()
    waiting = Q(status=Status.QUEUED) & (Q(not_before=None) | Q(not_before__lte=now))
    return unfinished() & (waiting | (Q(status=Status.RUNNING) & (Q(lease_until=None) | Q(lease_until__lt=now))))


def until(seconds: float) -> Any:
    """An instant on the database's clock, from now."""
    return DatabaseNow() + timedelta(seconds=seconds)


def claim(*, worker: str, pk: UUID | None = None) -> Execution | None:
    """Take one row that is due (this one, or the oldest), and return it with its new fence; None when there is none.

    Rows whose provider is at its limit are passed over. Each transaction asks for one provider only: two workers that
    hold one's count and want the other's would wait for each other.
    """
    rows = Execution.objects.filter(due(), **({"pk": pk} if pk else {}))
    while rows.exists():  # on SQLite, without the write lock
        with transaction.atomic():
            row = rows.select_for_update(skip_locked=True, no_key=True).order_by("created_at").first()
            if row is None:
                break
            if _ended_for_good(row):
                continue
            wait = limits.take(row.provider)
            if not wait:
                return _taken(row, worker)
            Execution.objects.filter(pk=row.pk).update(not_before=until(wait), announced_at=None)
        rows = rows.exclude(provider=row.provider)
    return None


def _taken(row: Execution, worker: str) -> Execution:
    if row.status == Status.RUNNING:
        row.attempt_log = [*row.attempt_log, _lost(row)]
    row.fence, row.attempts, row.status, row.worker = row.fence + 1, row.attempts + 1, Status.RUNNING, worker
    Execution.objects.filter(pk=row.pk).update(
        status=Status.RUNNING,
        fence=row.fence,
        attempts=row.attempts,
        attempt_log=row.attempt_log,
        worker=worker,
        started_at=Coalesce(F("started_at"), DatabaseNow()),
        lease_until=until(settings.EXECUTION_LEASE_SECONDS),
        not_before=None,
        announced_at=None,
    )
    return row


def _lost(row: Execution) -> dict[str, Any]:
    said = f"{row.worker or 'Its worker'} ended while it ran, or was not heard of any more."
    return {"attempt": row.attempts, "worker": row.worker, "error_type": "worker_lost", "error_message": said}


def _ended_for_good(row: Execution) -> bool:
    """Fail a row that ended its workers again and again: it would end the next one, too."""
    lost = sum(entry["error_type"] == "worker_lost" for entry in row.attempt_log)
    if row.status != Status.RUNNING or lost + 1 < settings.EXECUTION_INTERRUPTIONS:
        return False
    said = f"{lost + 1} workers ended while they ran it. It is not tried again."
    _end(row, Status.FAILED, attempt_log=[*row.attempt_log, _lost(row)], error_type="worker_lost", error_message=said)
    return True


def again(row: Execution) -> bool:
    """Begin the next attempt of a row that is held; False when it is not held any more."""
    held = _held(row).update(attempts=F("attempts") + 1, lease_until=until(settings.EXECUTION_LEASE_SECONDS))
    row.attempts += held
    return bool(held)


def note(row: Execution, **entry: Any) -> None:
    """Write down what an attempt came to; stored with whatever happens to the row next."""
    row.attempt_log = [*row.attempt_log, {"attempt": row.attempts, "worker": row.worker, **entry}]


def keep_log(row: Execution) -> bool:
    """Store the attempts of a row that waits for its next one; False when it is not held any more."""
    return bool(_held(row).update(attempt_log=row.attempt_log))


def put_back(row: Execution, *, wait: float = 0) -> bool:
    """Give a held row back to the queue, to be tried in `wait` seconds; False when it is not held any more."""
    return bool(
        _held(row).update(
            status=Status.QUEUED,
            attempt_log=row.attempt_log,
            lease_until=None,
            not_before=until(wait) if wait else None,
            announced_at=None,
        )
    )


def finish(row: Execution, status: str, **fields: Any) -> Execution:
    """Store the end of a held row, with what others keep about it, and return the row as it now is.

    Who lost the row stores nothing: what is returned then is what became of it.
    """

    def store() -> None:
        with transaction.atomic():
            if _held(row).select_for_update(no_key=True).exists():
                _end(row, status, attempt_log=row.attempt_log, **fields)

    surely(store)
    return reread(row)


def cancel(pk: UUID) -> bool:
    """End a row that is queued or running; False when it has its end already."""
    with transaction.atomic():
        row = Execution.objects.select_for_update(no_key=True).filter(pk=pk).first()
        if row is None or row.is_finished:
            return False
        _end(row, Status.CANCELED, fence=row.fence + 1)
        return True


def _end(row: Execution, status: str, **fields: Any) -> None:
    """Write the end of a locked row and tell who keeps figures, in one transaction."""
    Execution.objects.filter(pk=row.pk).update(
        status=status, completed_at=DatabaseNow(), lease_until=None, not_before=None, **fields
    )
    ended = Execution.objects.select_related("prompt", "version").get(pk=row.pk)
    for path in settings.EXECUTION_FINISHED:
        import_string(path)(ended)


def _held(row: Execution) -> Any:
    return Execution.objects.filter(pk=row.pk, fence=row.fence, status=Status.RUNNING)


def reread(row: Execution) -> Execution:
    """The row as it is in the database."""
    return Execution.objects.select_related("prompt", "version").get(pk=row.pk)


def surely(change: Callable[[], Any]) -> Any:
    """Do a change although the database may be away for a while: an answer that was paid for is not thrown away."""
    deadline = time.monotonic() + SECONDS_AWAY
    while True:
        try:
            return change()
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block or time.monotonic() > deadline:
                raise
            logger.warning("The database is away, trying again: %s", error)
            connection.close()
            time.sleep(0.25)


class Heart:
    """Renews the leases of what this process runs, at a third of their length, in a thread of its own."""

    def __init__(self) -> None:
        self._held: dict[UUID, int] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def beating_for(self, row: Execution) -> Iterator[None]:
        """While this lasts, the row's lease does not run out."""
        with self._lock:
            self._held[row.pk] = row.fence
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._beat_for_ever, name="leases", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._held.pop(row.pk, None)

    def _beat_for_ever(self) -> None:
        while True:
            time.sleep(settings.EXECUTION_LEASE_SECONDS / 3)
            with self._lock:
                held = dict(self._held)
            if held:
                surely(partial(renew, held))
                connection.close()


def renew(held: dict[UUID, int]) -> int:
    """Give these rows a new lease, each if it is still ours; returns how many are."""
    ours = Q()
    for pk, fence in held.items():
        ours |= Q(pk=pk, fence=fence)
    rows = Execution.objects.filter(ours, status=Status.RUNNING)
    return rows.update(lease_until=until(settings.EXECUTION_LEASE_SECONDS))


heart = Heart()
