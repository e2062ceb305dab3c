"""Providers for the tests, and no waiting."""

from typing import Any

import pytest

from tests.executions.providers import Scripted


@pytest.fixture
def scripted(settings: Any) -> type[Scripted]:
    """A provider whose answers the test writes down; attempts follow each other at once."""
    here = "tests.executions.providers"
    settings.PROVIDERS = {**settings.PROVIDERS, "scripted": f"{here}.Scripted", "buggy": f"{here}.Buggy"}
    settings.EXECUTION_RETRY_WAITS = [0.0, 0.0, 0.0]
    Scripted.script, Scripted.asked = [], []
    return Scripted
