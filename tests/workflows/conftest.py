"""Workflows have nothing to do with the database: once is enough."""

import os

import pytest
from django.db import connection

HERE = os.path.dirname(__file__)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On PostgreSQL these tests stand aside; they run beside those on SQLite."""
    if connection.vendor == "postgresql":
        for item in items:
            if str(item.path).startswith(HERE):
                item.add_marker(pytest.mark.skip(reason="has nothing to do with the database: runs with SQLite"))
