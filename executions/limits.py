"""How often, and how many at once, a provider may be asked: counted exactly, over all processes together.

PROVIDER_LIMITS = {"openai": {"per_minute": 600, "at_once": 20}}; a provider that is not named has no limit.
"""

from django.conf import settings
from django.db import connection, transaction

from common.clock import DatabaseNow
from common.errors import Refusal
from executions.models import Execution, ProviderUse, Status

MINUTE = 60
SECONDS_UNTIL_A_PLACE = 1.0
# Makes the row, or locks the one that is there.
LOCK = """
INSERT INTO provider_use (provider, "window", count) VALUES (%s, 0, 0)
ON CONFLICT (provider) DO UPDATE SET count = provider_use.count
"""


class Busy(Refusal):
    """The provider is at its limit: 429, with the seconds after which it may be tried again."""

    status = 429
    code = "provider_busy"


def take(provider: str, *, running_already: int = 0) -> float:
    """Count one call that is about to be made. Returns 0, or the seconds to wait when the limit is reached.

    The caller makes the execution a running one in the same transaction: what runs at once is counted by the rows,
    of which `running_already` are the caller's own.
    """
    limit = settings.PROVIDER_LIMITS.get(provider)
    if not limit:
        return 0
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(LOCK, [provider])
        use = ProviderUse.objects.annotate(now=DatabaseNow()).get(pk=provider)
        now = use.now.timestamp()
        window = max(int(now) // MINUTE, use.window)
        count = use.count if window == use.window else 0
        if count >= limit.get("per_minute", float("inf")):
            return max((window + 1) * MINUTE - now, 0.1)
        running = Execution.objects.filter(status=Status.RUNNING, provider=provider, lease_until__gte=DatabaseNow())
        if "at_once" in limit and running.count() - running_already >= limit["at_once"]:
            return SECONDS_UNTIL_A_PLACE
        ProviderUse.objects.filter(pk=provider).update(window=window, count=count + 1)
    return 0


def take_or_refuse(provider: str) -> None:
    """The same for a caller who waits for the answer. Raises Busy (429)."""
    if wait := take(provider):
        seconds = int(wait) + 1
        raise Busy(
            f"The provider '{provider}' is asked as often as it may be. Try again in {seconds} s, or submit the run.",
            retry_after=seconds,
        )
