"""How a process knows, without asking the database each time, whether what it keeps is still what is served.

The database counts up one number in the transaction of every change of what is served or of who may read it
(versions/guards.py, WATCHES). An answer that was made under the present number is right; any other is made anew.

SQLite: all processes are on one machine. Each maps the first bytes of the file `-shm` beside the database, which SQLite
writes anew at every commit, before the commit is acknowledged: as long as they stay the same, so does the number.
PostgreSQL: a process trusts its last look for LEASE seconds. Whoever changes what is served waits that long after the
commit, before the change is answered (`settle`): every older lease has run out by then.
"""

import ctypes
import mmap
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from django.db import Error, connections

# A part of the protocol, no setting: a process with a longer lease than the one that waits would serve old texts.
# Shorter, and requests that find it run out, which wait for one look, would be more than one in a hundred.
LEASE = 0.05
WAIT = 0.055  # two clocks may run a little apart
SQL = "SELECT sum(number) FROM served_generation"
HEADER = 48  # of the WAL-index: its counter of changes, the number of frames, their checksum and salts
FILE_CHECKED_EVERY = 1.0
# Suspended machines do not stop this clock, and nobody can set it.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Seconds on a clock that only goes forward, also while the machine sleeps."""
    return time.clock_gettime(CLOCK)


class Lease:
    """The generation on PostgreSQL: the last look, trusted for LEASE seconds from the moment it began."""

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias
        self.lock = threading.Lock()
        self.connection: Any = None
        self.seen: tuple[int | None, float] = (None, 0.0)

    def current(self) -> int | None:
        """The number as it is at this moment; None where the database does not say."""
        number, until = self.seen
        if now() < until:
            return number
        with self.lock:
            number, until = self.seen
            return number if now() < until else self._look()

    def settle(self, before: int | None) -> None:
        """Return when no process trusts a number any more that is older than the present one.

        `before` is the number at the start of what was done; while it stands, nothing needs to be waited for.
        """
        with self.lock:
            after = self._look()
        if after is None or after != before:
            time.sleep(WAIT)

    def _look(self) -> int | None:
        started = now()
        kept = self.connection is not None
        number: int | None = None
        try:
            number = self._ask()
        except Error:
            self.close()
            try:  # a connection that was kept may be of before the database's restart
                number = self._ask() if kept else None
            except Error:
                self.close()
        self.seen = number, started + LEASE if number is not None else 0.0
        return number

    def _ask(self) -> int:
        if self.connection is None:
            base = connections[self.alias]
            options = {"connect_timeout": 3, "tcp_user_timeout": 3000, **base.settings_dict.get("OPTIONS", {})}
            options.pop("pool", None)
            self.connection = type(base)({**base.settings_dict, "OPTIONS": options}, self.alias)
            self.connection.inc_thread_sharing()
        with self.connection.cursor() as cursor:
            cursor.execute(SQL)
            return int(cursor.fetchone()[0] or 0)

    def close(self) -> None:
        """Close the connection; forget what was seen."""
        self.seen = None, 0.0
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class SharedFile:
    """The generation on SQLite: asked again when the head of the WAL-index is another one."""

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias
        self.lock = threading.Lock()
        self.connection: Any = None
        self.map: Any = None
        self.file: tuple[int, int] | None = None
        self.checked = 0.0
        self.seen: tuple[bytes, int | None] = (b"", None)

    def current(self) -> int | None:
        """The number as it is at this moment; None where the database does not say."""
        if self.map is not None and now() < self.checked + FILE_CHECKED_EVERY:
            head, number = self.seen
            if self.map[:HEADER] == head:
                return number
        with self.lock:
            return self._look()

    def settle(self, before: int | None) -> None:
        """Nothing to wait for: a commit is seen by all processes at once."""

    def close(self) -> None:
        """Close the connection; forget what was seen. The map stays (FOR_EVER)."""
        if self.connection is not None:
            self.connection.close()
        self.connection = self.map = self.file = None

    def _look(self) -> int | None:
        try:
            self._be_at_the_file()
            # The head first: what is committed in between makes the next look, never a number that is too new.
            head = self.map[:HEADER] if self.map is not None else b""
            number = int(self.connection.execute(SQL).fetchall()[0][0] or 0)
        except (sqlite3.Error, OSError):
            self.seen = b"", None
            return None
        self.seen = head, number
        return number

    def _be_at_the_file(self) -> None:
        """Open the database; anew, where another file has taken its place (a backup, restored)."""
        path = Path(connections[self.alias].settings_dict["NAME"])
        found = path.stat()
        if self.file != (found.st_dev, found.st_ino):
            self.close()
            self.connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
            self.connection.execute(SQL).fetchall()  # which maps the WAL-index, and keeps it there
            if self.connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]:
                self.map = _mapped(path)
            self.file = found.st_dev, found.st_ino
        self.checked = now()


# What is never closed. Closing any descriptor of a file takes all locks of this process on it away (POSIX), those of
# SQLite's own connections too; and a connection that was opened before a fork belongs to the parent.
FOR_EVER: list[Any] = []


def _mapped(database: Path) -> Any:
    """Map the head of the WAL-index, for reading, for as long as the process lives."""
    descriptor = os.open(f"{database}-shm", os.O_RDONLY | os.O_CLOEXEC)
    mapped = mmap.mmap(descriptor, HEADER, access=mmap.ACCESS_READ)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(mapped))
    FOR_EVER.append(mapped)
    return mapped


class Generation:
    """The generation as the database in use has it; each process of a fork looks for itself."""

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias
        self.by: Lease | SharedFile
        self.begin()
        os.register_at_fork(after_in_child=self._begin_in_child)

    def _begin_in_child(self) -> None:
        FOR_EVER.append(self.by)  # its connection is the parent's
        self.begin()

    def close(self) -> None:
        """Give up the connection; the next question opens another one."""
        self.by.close()

    def begin(self) -> None:
        """Begin as if nothing was ever seen."""
        self.by = SharedFile(self.alias) if connections[self.alias].vendor == "sqlite" else Lease(self.alias)
        self.current = self.by.current
        self.settle = self.by.settle
