"""Whatever a stranger sends: no 5xx, an answer in JSON, and no row that would break a list afterwards."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator

from tests.api import hostile
from tests.api.endpoints import ENDPOINTS, Endpoint, filled, make_world

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.timeout(600)]

WRITING = [endpoint for endpoint in ENDPOINTS if endpoint.body is not None]
PARTS = {"greet", "draft", "Ada", "Idle", "v1.0", "v1.2", "v1.3", "HASH", "EVENT", "EXECUTION", "QUEUED", "tracked"}
each = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.id)
each_writing = pytest.mark.parametrize("endpoint", WRITING, ids=lambda endpoint: endpoint.id)


@pytest.fixture
def world(admin: Any) -> dict[str, str]:
    """What the paths speak of."""
    return make_world()


@pytest.fixture
def send(admin: Any, world: dict[str, str]) -> Callable[..., Any]:
    """Send one request as an admin, judge the answer, and take back what it did."""
    client = Client(raise_request_exception=False)
    client.force_login(admin.user)

    def judged(what: str, method: str, path: str, data: bytes = b"", **headers: str) -> int:
        kind = headers.pop("Content-Type", "application/json")
        length = headers.pop("Content-Length", None)
        cookies = headers.pop("Cookie", None)
        extra = {} if length is None else {"CONTENT_LENGTH": length}
        extra |= {} if cookies is None else {"HTTP_COOKIE": cookies}
        with transaction.atomic():
            answer = client.generic(
                method, f"/v1{filled(path, world)}", data, content_type=kind, headers=headers or None, **extra
            )
            said = f"{what}: {method} {path[:80]} -> {answer.status_code}"
            assert answer.status_code < 500, f"{said} {answer.content[:300]!r}"
            assert not 300 <= answer.status_code < 400 or answer.status_code == 304, said
            if answer.content and method != "HEAD" and not path.startswith("/docs"):
                assert answer["Content-Type"].startswith("application/json"), f"{said} {answer['Content-Type']}"
                body = json.loads(answer.content)
                if answer.status_code >= 400:
                    assert {"detail", "code"} <= set(body), f"{said} {body}"
            if answer.status_code in (200, 201, 204) and method.upper() not in ("GET", "HEAD", "OPTIONS"):
                for address in lists_about(method, path):
                    listed = client.get(f"/v1{address}")
                    assert listed.status_code == 200, f"{said}, and then {address} is {listed.status_code}"
            transaction.set_rollback(True)
        return answer.status_code

    return judged


def test_the_corpus_is_large_enough():
    assert hostile.COUNT >= 150


def test_every_route_is_in_the_table_of_endpoints():
    found = {(method, route) for route, view in routes() for method in methods_of(view)}
    known = {(endpoint.method, endpoint.route) for endpoint in ENDPOINTS}
    assert found == known


def lists_about(method: str, path: str) -> tuple[str, ...]:
    """The lists in which what was just written would show up."""
    parts = path.split("?")[0].split("/")
    if parts[1] == "agents":
        return ("/agents", "/prompts", "/events")
    name = parts[2] if len(parts) > 2 else ""
    if name == "register-code":
        return ("/prompts", "/agents", "/events")
    if parts[1] == "evaluations":
        return ("/prompts/smart/evaluations", "/events")
    if parts[1] == "executions":
        return ("/executions",)
    if (method, len(parts)) in (("DELETE", 3), ("PATCH", 3)) or not name:
        return ("/prompts", "/agents", "/events")
    if path.endswith(("/test", "/render", "/execute")):
        return ("/executions",)
    return ("/prompts", f"/prompts/{name}/versions", f"/prompts/{name}/history", f"/prompts/{name}/events")


def routes(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every route below /v1, as `prompts/{name}`, with its view class."""
    if patterns is None:
        patterns = next(one.url_patterns for one in get_resolver().url_patterns if str(one.pattern) == "v1/")
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route.replace("<str:", "{").replace(">", "}"), pattern.callback.view_class


def methods_of(view: Any) -> set[str]:
    return {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)}


@each
def test_a_right_request_is_answered_as_documented(endpoint: Endpoint, send: Any):
    if endpoint.route.endswith("unarchive"):
        send("first", "POST", endpoint.path.replace("unarchive", "archive"))
    body = b"" if endpoint.body is None else json.dumps(endpoint.body).encode()
    assert send("right", endpoint.method, endpoint.path, body) == endpoint.status


@each_writing
def test_hostile_bodies(endpoint: Endpoint, send: Any):
    for what, body in hostile.BODIES.items():
        send(what, endpoint.method, endpoint.path, body)


@each_writing
def test_hostile_values_in_every_field(endpoint: Endpoint, send: Any):
    for field in endpoint.fields:
        for what, value in hostile.VALUES.items():
            body = {**(endpoint.body or {}), field: value}
            if field == "messages":
                body.pop("template_source", None)
            send(f"{what} as {field}", endpoint.method, endpoint.path, json.dumps(body).encode())


@pytest.mark.parametrize("name", ["talk", "smart", "empty", "tracked"])
def test_hostile_values_for_every_kind_of_prompt(name: str, send: Any):
    fields = ("template_source", "messages", "config", "variables") if name != "smart" else ("template_source",)
    for field in fields:
        for what, value in hostile.VALUES.items():
            body = json.dumps({field: value}).encode()
            send(f"{what} as {field}", "PATCH", f"/prompts/{name}/versions/1", body)
            if name != "smart":  # Jinja takes a process each time
                send(f"{what} as {field}", "POST", f"/prompts/{name}/versions", body)
                send(f"{what} as {field}", "PUT", f"/prompts/{name}", body)
    for what, value in hostile.VALUES.items():
        for variables in ({"name": value, "history": value}, value, {"name": "x", "history": [value]}):
            body = json.dumps({"variables": variables}).encode()
            send(f"{what} in variables", "POST", f"/prompts/{name}/versions/1/test", body)
            if name == "smart":
                break
            send(f"{what} in variables", "POST", f"/prompts/{name}/render?version=1", body)


@each
def test_hostile_paths_queries_headers_and_methods(endpoint: Endpoint, send: Any):
    for attack in (hostile_paths, hostile_queries, hostile_headers, odd_methods):
        attack(endpoint, send)


def hostile_paths(endpoint: Endpoint, send: Any) -> None:
    parts = endpoint.path.split("?")[0].split("/")
    body = b"" if endpoint.body is None else json.dumps(endpoint.body).encode()
    for place in [n for n, part in enumerate(parts) if part in PARTS]:
        for what, segment in hostile.SEGMENTS.items():
            odd = "/".join([*parts[:place], segment, *parts[place + 1 :]])
            status = send(what, endpoint.method, odd, body)
            creates = endpoint.method == "PUT" and status in (201, 400)
            assert status in (400, 404) or creates, f"{what}: {odd[:80]} -> {status}"


def hostile_queries(endpoint: Endpoint, send: Any) -> None:
    body = b"" if endpoint.body is None else json.dumps(endpoint.body).encode()
    path = endpoint.path.split("?")[0]
    for what, value in hostile.QUERIES.items():
        for name in endpoint.query:
            send(f"{what} as {name}", endpoint.method, f"{path}?{name}={value.replace('{name}', name)}", body)
        if len(value) < 100:
            everything = "&".join(f"{name}={value.replace('{name}', name)}" for name in hostile.PARAMETERS)
            send(f"{what} everywhere", endpoint.method, f"{path}?{everything}", body)


def test_the_table_of_endpoints_knows_every_query_parameter(send: Any):
    known = {(endpoint.method, endpoint.route): set(endpoint.query) for endpoint in ENDPOINTS if endpoint.query}
    found = {}
    for path, calls in SchemaGenerator().get_schema(request=None, public=True)["paths"].items():
        for method, call in calls.items():
            names = {one["name"] for one in call.get("parameters", ()) if one["in"] == "query"}
            if names:
                found[method.upper(), path.removeprefix("/v1/")] = names
    assert found == known


def hostile_headers(endpoint: Endpoint, send: Any) -> None:
    body = b"" if endpoint.body is None else json.dumps(endpoint.body).encode()
    for what, headers in hostile.HEADERS.items():
        send(what, endpoint.method, endpoint.path, body, **headers)


def odd_methods(endpoint: Endpoint, send: Any) -> None:
    for method in hostile.METHODS:
        send("method", method, endpoint.path)


@pytest.mark.parametrize(
    "path", ["", "/", "//", "/prompts/", "/nothing", "/prompts//versions", "/agents/Ada/", "/v1/v1"]
)
def test_a_path_that_is_none_of_ours_is_a_404_in_json_for_every_method(path: str, send: Any):
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "FOO"):
        assert send("unknown", method, path) == 404


def test_a_body_over_16_mib_is_a_413(send: Any):
    body = b'{"name": "' + b"x" * (16 * 1024 * 1024) + b'"}'
    assert send("too large", "POST", "/agents", body) == 413


def test_16_mib_of_brackets_are_refused_in_time(send: Any):
    assert send("brackets", "POST", "/agents", b'{"a":"' + b'[{\\"' * 4_000_000 + b'"}') == 400


def test_the_database_is_the_one_that_is_claimed():
    assert connection.vendor in ("sqlite", "postgresql")
