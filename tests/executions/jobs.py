"""Jobs for the tests of settings.WORKER_JOBS: callables without arguments, named by their dotted path."""

import os
import time
from collections.abc import Callable
from pathlib import Path

called: list[str] = []
script: list[bool | BaseException] = []
during: list[Callable[[], None]] = []


def scripted() -> bool:
    """Do what the test wrote down, call by call; then there is nothing to do."""
    called.append("scripted")
    for one in during:
        one()
    step = script.pop(0) if script else False
    if isinstance(step, BaseException):
        raise step
    return step


def other() -> bool:
    """Another app's job, which has nothing to do."""
    called.append("other")
    return False


def logged() -> bool:
    """Take one line of the file JOBS_TODO away and write it into JOBS_DONE: for workers of their own."""
    todo, done = Path(os.environ["JOBS_TODO"]), Path(os.environ["JOBS_DONE"])
    lines = todo.read_text().splitlines()
    if not lines:
        return False
    done.with_name("jobs_begun").touch()
    time.sleep(float(os.environ.get("JOBS_SECONDS", "0.05")))
    todo.write_text("".join(f"{line}\n" for line in lines[1:]))
    with done.open("a") as file:
        file.write(f"{lines[0]} {os.getpid()}\n")
    return True
