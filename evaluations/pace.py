"""How often a process looks for work that falls due by the clock. The rows say what is due; this saves queries."""

import time

from django.conf import settings


class Pace:
    """Lets one in through every AUTOMATION_POLL_SECONDS."""

    def __init__(self) -> None:
        self._not_before = 0.0

    def due(self) -> bool:
        """Whether it is time to look again; the next look is counted from now."""
        now = time.monotonic()
        if now < self._not_before:
            return False
        self._not_before = now + settings.AUTOMATION_POLL_SECONDS
        return True
