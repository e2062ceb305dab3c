"""The OpenAPI schema: committed, complete, and served; the page over it works without a network."""

import json
import re
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.core.management import call_command
from drf_spectacular.validation import validate_schema

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def committed() -> dict[str, Any]:
    return json.loads(COMMITTED.read_text())


def test_the_committed_schema_is_the_present_one(tmp_path: Path):
    made = tmp_path / "openapi.json"
    call_command("spectacular", "--format", "openapi-json", "--file", str(made), "--validate", "--fail-on-warn")
    assert made.read_text() == COMMITTED.read_text(), "The API changed: run make schema, and say so in the changelog."


def test_the_schema_is_valid_openapi():
    validate_schema(committed())


def test_every_operation_says_what_it_does_and_how_it_refuses():
    for path, calls in committed()["paths"].items():
        for method, call in calls.items():
            assert call["summary"], f"{method} {path}"
            assert "SPEC" not in call["description"], f"{method} {path}"
            refused = call["responses"]["default"]["content"]["application/json"]["schema"]
            assert refused == {"$ref": "#/components/schemas/Refusal"}, f"{method} {path}"


def test_the_schema_is_served_as_committed(api: Any):
    answer = api("GET", "/openapi.json")
    assert answer["Content-Type"] == "application/json"
    assert answer.json() == committed()


def test_the_page_over_the_schema_loads_nothing_from_elsewhere(page: Any):
    answer = page.get("/v1/docs")
    text = answer.content.decode()
    addresses = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert len(addresses) == 7
    for address in addresses:
        assert address == "/" or address.startswith(("/static/", "/v1/docs?script=")), address
        if address.startswith("/static/"):
            assert finders.find(address.removeprefix("/static/")), address
    assert "<script>" not in text
    assert "<style" not in text
    assert "style=" not in text


def test_the_script_of_that_page_asks_for_the_schema(page: Any):
    answer = page.get("/v1/docs?script=")
    assert answer["Content-Type"].startswith("application/javascript")
    assert b"/v1/openapi.json" in answer.content
