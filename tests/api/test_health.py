"""Is it alive, is it fit to serve, which release."""

from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from promptledger import __version__
from tests.conftest import Api
from versions import guards

pytestmark = pytest.mark.django_db


def test_alive_and_version_need_no_key(client: Any):
    assert client.get("/health").json() == {"status": "ok", "version": __version__}
    assert Api()("GET", "/version").json() == {"name": "PromptLedger", "version": __version__}


def test_ready_when_all_is_in_place(client: Any):
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": __version__})


def test_not_ready_while_a_guard_is_missing(client: Any):
    guard = guards.guards(connection.vendor)[0]
    with connection.cursor() as cursor:
        on = "" if connection.vendor == "sqlite" else f" ON {guard.table}"
        cursor.execute(f"DROP TRIGGER {guard.name}{on}")
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "version": __version__, "guards": [guard.name]}


def test_not_ready_while_a_migration_is_not_applied(client: Any):
    app, newest = MigrationLoader(connection).graph.leaf_nodes("versions")[0]
    MigrationRecorder(connection).record_unapplied(app, newest)
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert f"versions.{newest}" in answer.json()["migrations"]


def test_not_ready_while_the_database_does_not_answer(client: Any):
    with mock.patch("promptledger.health.MigrationExecutor", side_effect=OperationalError("gone")):
        answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["database"]) == (503, "does not answer")
    assert client.get("/health").status_code == 200


def test_the_api_says_when_the_database_does_not_answer(api: Any):
    with mock.patch("versions.api.prompts.find_prompt", side_effect=OperationalError("database is locked")):
        answer = api("GET", "/prompts/p")
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "unavailable", "1")
    assert "locked" not in answer.json()["detail"]
