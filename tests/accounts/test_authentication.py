"""Who the API takes a caller for (SPEC 9, 10)."""

import logging
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts.models import ApiKey
from tests.factories import make_agent

pytestmark = pytest.mark.django_db

BODY = {"name": "New"}


@pytest.fixture
def key(engineer: Any) -> str:
    """A key of the engineer that may all an engineer may."""
    scopes = ["read", "run", "register", "write", "promote"]
    return ApiKey.issue(user=engineer.user, by=engineer, name="k", scopes=scopes)[1]


def get(**headers: str) -> Any:
    return Client(raise_request_exception=False).get("/v1/agents", headers=headers)


def post(client: Client | None = None, **headers: str) -> Any:
    return (client or Client()).post("/v1/agents", BODY, content_type="application/json", headers=headers)


def is_refused(answer: Any, code: str = "invalid_key") -> None:
    assert answer.status_code == 401, answer.content
    assert answer.json()["code"] == code
    assert answer.json()["detail"]
    assert answer["WWW-Authenticate"] == 'Bearer realm="PromptLedger"'


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER  {} "])
def test_a_key_as_bearer(key: str, form: str):
    assert get(Authorization=form.format(key)).status_code == 200


def test_a_key_as_header_of_its_own(key: str):
    assert get(**{"X-API-Key": key}).status_code == 200
    assert get(**{"X-API-Key": key, "Authorization": f"Bearer {key}"}).status_code == 200


def test_a_key_writes_without_any_csrf_token_as_its_user(key: str):
    answer = post(Client(enforce_csrf_checks=True), Authorization=f"Bearer {key}")
    assert answer.status_code == 201


def test_nobody_is_asked_to_sign_in(everything: Any):
    make_agent()
    before = everything()
    is_refused(get(), "not_authenticated")
    is_refused(post(), "not_authenticated")
    assert everything() == before


def test_two_different_keys_are_refused(key: str, engineer: Any, everything: Any):
    other = ApiKey.issue(user=engineer.user, by=engineer, name="o", scopes=["write"])[1]
    before = everything()
    is_refused(post(**{"X-API-Key": key, "Authorization": f"Bearer {other}"}))
    is_refused(post(**{"X-API-Key": "", "Authorization": f"Bearer {key}"}))
    assert everything() == before


def test_a_bad_key_is_not_covered_by_a_good_session(engineer: Any, everything: Any):
    client = Client()
    client.force_login(engineer.user)
    before = everything()
    is_refused(post(client, Authorization="Bearer nonsense"))
    assert everything() == before


@pytest.mark.parametrize("what", ["unknown", "other secret", "revoked", "expired", "switched off"])
def test_every_bad_key_gets_the_same_answer(what: str, key: str, engineer: Any, everything: Any):
    row = ApiKey.objects.get()
    if what == "unknown":
        ApiKey.objects.update(prefix="00000000")
    elif what == "other secret":
        ApiKey.objects.update(digest="0" * 64)
    elif what == "revoked":
        row.revoke(by=engineer)
    elif what == "expired":
        ApiKey.objects.update(expires_at=row.created_at)
    else:
        User.objects.update(is_active=False)
    before = everything()
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
        answer = post(**headers)
        is_refused(answer)
        assert answer.json() == {"detail": "This API key is unknown, expired or revoked.", "code": "invalid_key"}
    assert everything() == before


HOSTILE = {
    "nothing": "",
    "a space": " ",
    "NUL": "pl_live_\x00",
    "NUL alone": "\x00",
    "latin-1": "pl_live_caf\xe9",
    "bytes": "\xff\xfe\xfd",
    "newline": "a\nb",
    "100 KB": "a" * 100_000,
    "100 KB of underscores": "pl_live_" + "_" * 100_000,
    "100 KB of spaces": " " * 100_000,
    "the form without the checksum": "pl_live_" + "a" * 8 + "_" + "b" * 46,
    "other digits": "pl_live_" + "\u0661" * 8,
    "SQL": "' OR 1=1 --",
    "JSON": '{"key": null}',
    "a list": "a,b",
    "percent": "%00%ff",
    "a tab": "\tkey\t",
    "wildcards": "pl_live_%_%",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_keys_are_refused_and_nothing_breaks(what: str, key: str, everything: Any):
    before = everything()
    client = Client(raise_request_exception=False)
    for name, value in (
        ("HTTP_AUTHORIZATION", f"Bearer {HOSTILE[what]}"),
        ("HTTP_X_API_KEY", HOSTILE[what]),
    ):
        is_refused(client.get("/v1/agents", **{name: value}))
        is_refused(client.post("/v1/agents", BODY, content_type="application/json", **{name: value}))
    assert everything() == before


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic YWRhOmFkYQ==",
        "Token x",
        "Digest a=b",
        "Bearer",
        "Bearer ",
        "bearer\x00x",
        "\xff",
        "\x00",
        "=" * 100_000,
    ],
)
def test_other_ways_to_sign_in_are_refused_with_a_word_about_ours(value: str, everything: Any):
    before = everything()
    client = Client(raise_request_exception=False)
    is_refused(client.post("/v1/agents", BODY, content_type="application/json", HTTP_AUTHORIZATION=value))
    assert everything() == before


def test_a_key_in_the_address_or_the_body_is_no_key(key: str):
    is_refused(Client().get(f"/v1/agents?api_key={key}&key={key}&Authorization=Bearer {key}"), "not_authenticated")
    answer = Client().post("/v1/agents", {**BODY, "api_key": key}, content_type="application/json")
    is_refused(answer, "not_authenticated")


def test_no_key_is_logged(key: str, caplog: Any):
    caplog.set_level(logging.DEBUG)
    get(Authorization=f"Bearer {key}")
    get(Authorization=f"Bearer {key[:-1]}")
    get(Authorization=f"Basic {key}")
    assert key[20:40] not in caplog.text


def test_a_session_needs_its_csrf_token_to_write(engineer: Any, everything: Any, settings: Any):
    client = Client(enforce_csrf_checks=True)
    client.force_login(engineer.user)
    assert client.get("/v1/agents").status_code == 200
    before = everything()
    answer = post(client)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert "CSRF" in answer.json()["detail"]
    answer = post(client, **{"X-CSRFToken": "a" * 32})
    assert answer.status_code == 403
    assert everything() == before
    client.get("/account/")
    token = client.cookies[settings.CSRF_COOKIE_NAME].value
    assert post(client, **{"X-CSRFToken": token}).status_code == 201


def test_a_session_of_somebody_who_was_switched_off_is_nobody(engineer: Any):
    client = Client()
    client.force_login(engineer.user)
    User.objects.update(is_active=False)
    is_refused(client.get("/v1/agents"), "not_authenticated")


def test_the_version_and_health_are_open_and_all_else_is_not():
    assert Client().get("/v1/version").status_code == 200
    assert Client().get("/health").status_code == 200
    assert Client().get("/health/ready").status_code == 200
    for path in ("/v1/docs", "/v1/openapi.json", "/v1/prompts", "/v1/executions", "/v1/events"):
        is_refused(Client().get(path), "not_authenticated")


def test_a_request_by_key_reads_key_user_and_permissions_in_a_fixed_number_of_queries(
    key: str, django_assert_num_queries: Any
):
    headers = {"Authorization": f"Bearer {key}"}
    Client().get("/v1/agents", headers=headers)
    with django_assert_num_queries(4):  # the key with its user; permissions (2); the count of no agents
        Client().get("/v1/agents", headers=headers)
