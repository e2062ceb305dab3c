"""Requests generated from the schema: no 5xx, and every answer as the schema says (RELIABILITY 2.4)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import ApiKey
from ledger.actors import system
from tests.api.endpoints import make_world

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.timeout(600)]

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs" / "openapi.json").read_text())
schema = schemathesis.openapi.from_dict(SCHEMA)
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


# What a path may name, so that not every generated path leads to a 404.
KNOWN = {
    "agent": ("Ada", "Idle"),
    "name": ("greet", "draft", "talk", "tracked"),
    "version": ("v1.0", "1.1", "3", "v1.3"),
}


@schema.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any]) -> dict[str, Any]:
    """Put names that are there in two of three paths."""
    for name, known in KNOWN.items():
        if path_parameters and name in path_parameters and (luck := sum(map(ord, str(path_parameters[name])))) % 3:
            path_parameters[name] = known[luck % len(known)]
    return path_parameters


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """The requests run in the test's own transaction: the connection stays open from one to the next."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def key(admin: Any) -> str:
    """A key that may everything, in a world with something in it."""
    make_world()
    scopes = ["read", "run", "register", "write", "promote"]
    return ApiKey.issue(user=admin.user, by=system("tests"), name="generated", scopes=scopes)[1]


@schema.parametrize()
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_what_the_schema_allows_is_answered_as_it_says(case: Any, key: str):
    with transaction.atomic():
        case.call_and_validate(
            app=get_wsgi_application(),
            base_url="http://localhost",
            headers={"Authorization": f"Bearer {key}"},
            checks=CHECKS,
        )
        transaction.set_rollback(True)
