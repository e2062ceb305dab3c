"""Providers that behave as a test needs it; settings name them by their dotted path."""

import os
import time
from typing import Any

from django.db import connection

from executions.providers import Answer, ProviderError


class Scripted:
    """Does what `script` says, call by call; then answers."""

    name = "scripted"
    script: list[ProviderError | str] = []
    asked: list[dict[str, Any]] = []

    def complete(self, prompt: Any, **asked: Any) -> Answer:
        type(self).asked.append({"prompt": prompt, **asked})
        step = type(self).script.pop(0) if type(self).script else "done"
        if isinstance(step, ProviderError):
            raise step
        return Answer(step, 3, 4)


class Buggy:
    """An adapter with a defect."""

    name = "buggy"

    def complete(self, prompt: Any, **asked: Any) -> Answer:
        raise ZeroDivisionError("a defect")


class Logged:
    """Takes its time, and writes each call down in a file: LOGGED_CALLS, LOGGED_SECONDS."""

    name = "logged"

    def complete(self, prompt: Any, *, idempotency_key: str = "", **asked: Any) -> Answer:
        call = f"{idempotency_key} {os.getpid()} {time.monotonic_ns()}"
        with open(os.environ["LOGGED_CALLS"], "a") as file:
            file.write(f"{call}\n")
        time.sleep(float(os.environ.get("LOGGED_SECONDS", "0.03")))
        return Answer(call, 1, 1)


def note_end(execution: Any) -> None:
    """Count the ends of a run, in the transaction that writes one: EXECUTION_FINISHED of the workers under test."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO proof_ends (execution_id) VALUES (%s)", [str(execution.pk)])


def go_wrong(how: str) -> None:
    """Take away what a proof proves, in this process: the negative controls."""
    from django.db.models import Value
    from django.utils import timezone

    from executions import leases
    from executions.models import Execution

    if how == "fence":
        leases._held = lambda row: Execution.objects.filter(pk=row.pk)
        leases.renew = lambda held: 0
    if how == "heartbeat":
        leases.renew = lambda held: 0
    if how == "clock":
        leases.DatabaseNow = lambda: Value(timezone.now())


go_wrong(os.environ.get("PROOF_WITHOUT", ""))
