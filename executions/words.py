"""What went wrong, in words for people who did not write the adapter; the exact message stands beside it."""

import json
from datetime import datetime
from typing import Any

from executions.models import Execution, Status

ERRORS = {
    "provider_timeout": "The provider did not answer in time.",
    "provider_rate_limited": "The provider said that it is asked too often.",
    "provider_server_error": "The provider had a fault of its own.",
    "provider_connection": "The provider could not be reached.",
    "provider_refused": "The provider refused the request: its model, its parameters or the key are not right.",
    "provider_bad_answer": "The provider's answer could not be read, or broke off.",
    "provider_not_allowed": "The provider's address may not be reached from here.",
    "provider_not_configured": "The provider is not set up for this environment.",
    "worker_lost": "The worker ended while it ran.",
    "internal_error": "PromptLedger itself failed here; the server's log says more.",
}
WAITING = "Waiting for a worker. If it stays so, none is running: start one with manage.py worker."


def explained(error_type: str) -> str:
    """A sentence for an error_type, "" for none."""
    return ERRORS.get(error_type, "The run failed." if error_type else "")


def standing(run: Execution) -> str:
    """How an unfinished run stands."""
    if run.status == Status.RUNNING:
        return f"Running, attempt {run.attempts}."
    if run.attempts and run.not_before:
        return f"Attempt {run.attempts} failed. The next one begins at {run.not_before:%H:%M:%S} UTC."
    return WAITING if run.status == Status.QUEUED else ""


def as_text(value: Any) -> str:
    """A variable as people typed it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def seconds_between(begin: datetime, end: datetime | None) -> float | None:
    """How long it waited, to a tenth of a second; None before it began."""
    return None if end is None else max(round((end - begin).total_seconds(), 1), 0.0)
