"""The id under which what belongs together is found again: in the answer, in log lines, in the runs a request makes.

A request brings it as `X-Request-ID`, or gets one; a worker takes that of the run it carries out (docs/telemetry.md).
"""

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count

HEADER = "X-Request-ID"
KEY = "promptledger.correlation_id"  # of a request's environ
LENGTH = 128
# What UUIDs, ULIDs, trace ids and the ids of proxies are made of; nothing that breaks a header, a log line or a page.
SANE = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{{0,{LENGTH - 1}}}", re.ASCII)

_current: ContextVar[str] = ContextVar("correlation", default="")
_made = count(1)
_prefix = uuid.uuid4().hex


def _begin_anew() -> None:
    """A forked process must not go on with the ids of its parent."""
    global _prefix
    _prefix = uuid.uuid4().hex


os.register_at_fork(after_in_child=_begin_anew)


def new() -> str:
    """Return an id that nobody had: a random one of this process, and a number. Quick: the warm path makes some."""
    return f"{_prefix}-{next(_made):x}"


def taken(sent: str | None) -> str:
    """Return the id that was sent, if it is one; else a new one. What is too long or odd is not repeated."""
    return sent if sent and SANE.fullmatch(sent) else new()


def current() -> str:
    """Return the id of what goes on here, or ""."""
    return _current.get()


@contextmanager
def named(correlation_id: str) -> Iterator[None]:
    """While this lasts, what goes on here has this id."""
    token = _current.set(correlation_id)
    try:
        yield
    finally:
        _current.reset(token)
