"""How long a server that failed is left alone."""

from random import uniform
from time import monotonic

FIRST = 1.0  # seconds; doubled with each failure
LONGEST = 30.0
LONGEST_ASKED = 300.0  # what Retry-After may ask for at most


class Backoff:
    """Failures in a row, and the time (monotonic) until which nothing is asked."""

    __slots__ = ("asked_for", "failures", "until", "why")

    def __init__(self) -> None:
        self.ok()

    def ok(self) -> None:
        """It answered."""
        self.failures = 0
        self.until = 0.0
        self.asked_for = False
        self.why: Exception | None = None

    def failed(self, why: Exception, retry_after: float | None = None) -> None:
        """It did not. Waits twice as long as the last time, with jitter, or for what the server asks."""
        self.failures += 1
        wait = min(LONGEST, FIRST * 2.0 ** min(self.failures - 1, 10)) * uniform(0.8, 1.0)
        self.asked_for = retry_after is not None
        if retry_after is not None:
            wait = min(max(retry_after, FIRST), LONGEST_ASKED)
        self.why = why
        self.until = monotonic() + wait

    @property
    def waits(self) -> bool:
        """Whether it is to be left alone now."""
        return self.failures > 0 and monotonic() < self.until
