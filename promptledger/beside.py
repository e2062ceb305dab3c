"""The worker that `manage.py up` runs beside the web server: started with it, again where it dies, and ended with it.

A process of its own keeps it: the server's process has threads by the time a worker dies, and is not forked any more.
"""

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from django.core.management import call_command
from django.db import connections

logger = logging.getLogger("promptledger.worker")

SECONDS_BEFORE_ANOTHER = 1.0
SECONDS_AT_MOST = 30.0
SECONDS_IN_ORDER = 60.0  # who lived so long did not die of how it was started
FORK = get_context("fork")


@contextmanager
def worker_beside(grace: float) -> Iterator[None]:
    """Run what is queued while this lasts; afterwards what runs has `grace` seconds to end. Forked: little memory."""
    connections.close_all()
    keeper = FORK.Process(target=keep, args=(grace,), name="keeper")
    keeper.start()
    try:
        yield
    finally:
        end(keeper, grace + 10)


def end(process: BaseProcess, seconds: float) -> None:
    """Tell a process to end, and see that it does."""
    process.terminate()
    process.join(seconds)
    if process.is_alive():
        process.kill()


def keep(grace: float) -> None:
    """Keep a worker alive, out of the terminal's reach, until told to end, or until the process that asked is gone."""
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent, told = os.getppid(), False

    def be_told(number: int, frame: FrameType | None) -> None:
        nonlocal told
        told = True

    signal.signal(signal.SIGTERM, be_told)
    keep_alive(lambda: FORK.Process(target=work, args=(grace,), name="worker"),
               wanted=lambda: not told and os.getppid() == parent, grace=grace)  # fmt: skip


def keep_alive(make: Callable[[], BaseProcess], *, wanted: Callable[[], bool], grace: float) -> None:
    """Start one, and another where it dies, with pauses that grow where it dies at once; end it when not wanted."""
    pause = SECONDS_BEFORE_ANOTHER
    while wanted():
        process, began = make(), time.monotonic()
        process.start()
        while wanted() and process.is_alive():
            process.join(0.2)
        if not wanted():
            end(process, grace + 5)
            return
        if time.monotonic() - began > SECONDS_IN_ORDER:
            pause = SECONDS_BEFORE_ANOTHER
        logger.warning("The worker ended (code %s). Another one begins in %.0f s.", process.exitcode, pause)
        until = time.monotonic() + pause
        while wanted() and time.monotonic() < until:
            time.sleep(0.1)
        pause = min(pause * 2, SECONDS_AT_MOST)


def work(grace: float) -> None:
    """Be a worker until told to end, or until who keeps it is gone."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the worker sets its own; until then it may simply end
    with Path(os.devnull).open("w") as nowhere:
        call_command("worker", with_parent=True, processes=1, grace=grace, stdout=nowhere)
