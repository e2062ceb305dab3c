"""What the tests of telemetry share: the warm path, and telemetry that keeps what it is told."""

from collections.abc import Iterator

import pytest

from common import telemetry
from tests.serving.conftest import both, key
from tests.telemetry.keeping import Kept

__all__ = ["both", "kept", "key", "off"]


@pytest.fixture
def kept() -> Iterator[Kept]:
    """Telemetry that is on, into memory."""
    before = telemetry.wanted
    made = Kept()
    made.turn_on()
    yield made
    telemetry.use(before)


@pytest.fixture
def off() -> Iterator[None]:
    """Telemetry that nobody asked for."""
    before = telemetry.wanted
    telemetry.use(telemetry.Asked())
    yield
    telemetry.use(before)
