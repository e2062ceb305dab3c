"""What the tests of access share."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session

from accounts.models import ApiKey, Attempts
from agents.models import Agent
from ledger.models import LedgerEvent
from versions.models import Prompt


@pytest.fixture
def time_machine_at() -> Callable[..., Any]:
    """The clock stands at an instant, as a context manager."""
    return lambda instant: time_machine.travel(instant, tick=False)


@pytest.fixture
def everything() -> Callable[[], list[Any]]:
    """All that a refused request must leave as it was."""

    def read() -> list[Any]:
        models = (Agent, ApiKey, LedgerEvent, Prompt, User)
        return [list(model.objects.order_by("pk").values()) for model in models]

    return read


@pytest.fixture
def sessions() -> Callable[[], int]:
    """How many sessions there are."""
    return Session.objects.count


@pytest.fixture
def no_attempts(db: None) -> None:
    """Nobody has tried to sign in yet."""
    Attempts.objects.all().delete()
