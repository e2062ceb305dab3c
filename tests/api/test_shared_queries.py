"""A query that is made once and used by many threads: putting it into SQL must not change it for the others."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from versions.api.lookup import shown

THREADS, ROUNDS = 8, 60


@pytest.fixture
def switching() -> Iterator[None]:
    """Threads take turns every few instructions: what can go wrong, does."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def test_every_thread_gets_the_same_sql(switching: None):
    """Seen once in a storm on SQLite: "no such column: U1.name". Django counts the joins of a query while it compiles."""

    def said(_: int) -> set[str]:
        return {str(shown().filter(prompt=1).newest_first().query) for _ in range(ROUNDS)}

    with ThreadPoolExecutor(THREADS) as pool:
        found = set().union(*pool.map(said, range(THREADS)))
    assert len(found) == 1
