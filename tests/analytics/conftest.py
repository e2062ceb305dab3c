"""A day that does not end while a test is under way."""

from datetime import UTC, datetime
from typing import Any

import pytest


@pytest.fixture
def noon(time_machine: Any) -> None:
    """It is noon, and today's date: what is stored today and shown today lies on one day."""
    time_machine.move_to(datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0))
