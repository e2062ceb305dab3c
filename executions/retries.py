"""Whether and when a failed attempt is made again (SPEC 6): the same for both modes of prompts, sync and async."""

import random

from django.conf import settings

from executions.models import Execution
from executions.providers import ProviderError

JITTER = 0.1  # up to so much longer, so that what failed together does not come back together
LONGEST = 3_600


def wait_after(row: Execution, error: ProviderError) -> float | None:
    """Return the seconds until the next attempt, or None when there is none.

    Only time-outs, 429, 5xx and connection errors are tried again, and as often as EXECUTION_ATTEMPTS says: an attempt
    whose worker ended is none that failed. A provider that names its time (Retry-After) gets at least that, up to an
    hour; who wants longer is not waited for.
    """
    failed = sum(entry["error_type"] != "worker_lost" for entry in row.attempt_log)
    asked = error.retry_after or 0.0
    if not error.retryable or asked > LONGEST or failed >= settings.EXECUTION_ATTEMPTS:
        return None
    waits = settings.EXECUTION_RETRY_WAITS
    wait = waits[min(failed, len(waits)) - 1] if waits else 0.0
    wait *= 1 + random.random() * JITTER
    return max(wait, asked)
