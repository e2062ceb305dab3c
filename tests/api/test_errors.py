"""One shape for every refusal, with the right status; nothing but JSON in and out."""

import json
from typing import Any
from unittest import mock

import pytest
from django.db import DataError, IntegrityError, InterfaceError
from django.http import UnreadablePostError
from django.test import Client

from agents.models import Agent
from tests.factories import make_prompt

pytestmark = pytest.mark.django_db


@pytest.fixture
def raw(engineer: Any) -> Client:
    """A client that sends bytes as they are, and answers for a defect as a server does."""
    client = Client(raise_request_exception=False)
    client.force_login(engineer.user)
    return client


def post(raw: Client, body: bytes, kind: str = "application/json") -> tuple[int, dict[str, Any]]:
    answer = raw.post("/v1/agents", body, content_type=kind)
    assert answer["Content-Type"] == "application/json"
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "The body is not JSON: Expecting property name enclosed in double quotes at line 1 column 2."),
        (b"[]", "The body must be a JSON object."),
        (b"null", "The body must be a JSON object."),
        (b'{"a": 1, "a": 2}', "An object in the JSON names a key twice."),
        (b'{"a": NaN}', "NaN is not JSON."),
        (b'{"a": [-Infinity]}', "-Infinity is not JSON."),
        (b'{"a": 1e999}', "A number in the JSON is too large."),
        (b'{"a": ' + b"9" * 5_000 + b"}", "A number in the JSON has too many digits."),
        (b'{"a": ' + b"[" * 64 + b"]" * 64 + b"}", "The JSON is nested more than 64 levels deep."),
        (b"[" * 100_000, "The JSON is nested more than 64 levels deep."),
        (b'{"a": "\\u0000"}', "A text in the JSON contains a NUL character."),
        (b'{"\\ud800": 1}', "A text in the JSON contains half a surrogate pair, which is not valid Unicode."),
        (
            b'{"a": {"b": ["\\udfff"]}}',
            "A text in the JSON contains half a surrogate pair, which is not valid Unicode.",
        ),
        (b'{"a": "\xff"}', "The body is not UTF-8."),
    ],
)
def test_json_that_cannot_be_taken_is_a_400_that_says_why(body: bytes, said: str, raw: Client):
    assert post(raw, body) == (400, {"detail": said, "code": "parse_error"})


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "' + b"[" * 200 + b'"}',
        b'{"name": "\\ud83d\\ude00"}',
        b'\xef\xbb\xbf{"name": "x"}',
        b' {"name"\n:"x"}\t',
    ],
)
def test_unusual_json_that_is_right_is_taken(body: bytes, raw: Client):
    assert post(raw, body)[0] == 201


def test_63_levels_of_metadata_are_taken_and_come_back_as_they_were(api: Any):
    deep = json.loads('{"a":' * 62 + "[]" + "}" * 62)
    assert api("POST", "/prompts", {"name": "p", "metadata": deep}).json()["metadata"] == deep


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/yaml",
             "text/json", "application/merge-patch+json"],
)  # fmt: skip
def test_anything_but_json_is_a_415(kind: str, raw: Client):
    status, said = post(raw, b'{"name": "x"}', kind)
    assert (status, said["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON", "application/json; charset=utf-8"])
def test_json_is_taken_whatever_its_spelling(kind: str, raw: Client):
    assert post(raw, b'{"name": "x"}', kind)[0] == 201


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "image/png;q=0.1", "nonsense"])
def test_the_answer_is_json_whatever_is_accepted(accept: str, api: Any):
    answer = api("GET", "/agents", Accept=accept)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


def test_a_method_that_is_not_there_is_a_405(api: Any):
    answer = api("DELETE", "/agents")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert set(answer["Allow"].split(", ")) == {"GET", "POST", "HEAD", "OPTIONS"}


def test_field_errors_name_their_fields(api: Any):
    answer = api("POST", "/agents", {"name": 7, "description": [], "extra": 1})
    assert answer.status_code == 400
    assert answer.json()["errors"] == {"extra": ["Unknown field. Known here: description, name, primary_status_key."]}
    answer = api("POST", "/agents", {"name": 7, "description": []})
    assert answer.json() == {
        "detail": "Some fields are not valid.",
        "code": "invalid",
        "errors": {"name": ["Not a valid string."], "description": ["Not a valid string."]},
    }


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (IntegrityError("promptledger: a version past DEV is never deleted"), 409, "guarded"),
        (IntegrityError("UNIQUE constraint failed: agents.name"), 409, "conflict"),
        (DataError("value too long"), 400, "invalid"),
        (OverflowError("too large"), 400, "invalid"),
        (InterfaceError("connection already closed"), 503, "unavailable"),
        (UnreadablePostError("cut off"), 400, "parse_error"),
        (Agent.DoesNotExist("gone"), 404, "not_found"),
    ],
)
def test_what_the_database_refuses_is_told_without_its_words(error: Exception, status: int, code: str, api: Any):
    with mock.patch("agents.api.find", side_effect=error):
        answer = api("GET", "/agents/x")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "UNIQUE" not in answer.json()["detail"]


def test_a_defect_of_ours_is_a_500_in_json_that_tells_nothing(raw: Client):
    with mock.patch("agents.api.find", side_effect=KeyError("secret")):
        answer = raw.get("/v1/agents/x")
    assert (answer.status_code, answer.json()["code"]) == (500, "server_error")
    assert b"secret" not in answer.content


@pytest.mark.parametrize(
    "path", ["/v1/", "/v1/nothing", "/v1/prompts/", "/v1/prompts/p/", "/v1/prompts/p/versions/1.0/"]
)
def test_no_trailing_slash_and_no_redirect(path: str, raw: Client):
    make_prompt(name="p")
    answer = raw.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_host_that_is_not_ours_is_a_400_in_json(raw: Client):
    answer = raw.get("/v1/agents", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_answers_are_not_kept_by_caches(api: Any):
    assert api("GET", "/agents")["Cache-Control"] == "private, no-store"
    assert api("GET", "/agents/nobody")["Cache-Control"] == "private, no-store"


def test_unknown_parameters_are_ignored(api: Any):
    assert api("GET", "/agents?nonsense=1").status_code == 200
