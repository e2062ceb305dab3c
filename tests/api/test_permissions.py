"""Every endpoint for every kind of caller; what is refused changes nothing."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.models import ApiKey
from executions.models import Execution
from ledger.actors import system
from ledger.models import LedgerEvent
from tests.api.endpoints import ENDPOINTS, Endpoint, filled, make_world
from tests.conftest import Api, make_user

pytestmark = pytest.mark.django_db

EVERYTHING = {"nothing", "read", "run", "register", "write", "promote", "release"}
# Who may call what, by the word that an endpoint takes.
PEOPLE = {
    "nobody": {"nothing"},
    "outsider": {"nothing"},
    "viewer": {"nothing", "read"},
    "engineer": EVERYTHING - {"release"},
    "manager": EVERYTHING,
    "admin": EVERYTHING,
}
SCOPES = {
    "read": {"nothing", "read"},
    "run": {"nothing", "run"},
    "register": {"nothing", "register"},
    "write": {"nothing", "write"},
    "promote": {"nothing", "promote", "release"},
}


@pytest.fixture
def world(db: None) -> dict[str, str]:
    """What the paths speak of."""
    return make_world()


def counts() -> tuple[int, int]:
    return LedgerEvent.objects.count(), Execution.objects.count()


def call(api: Api, endpoint: Endpoint, world: dict[str, str]) -> Any:
    return api(endpoint.method, filled(endpoint.path, world), endpoint.body)


def key_of(user: Any, *scopes: str, **fields: Any) -> str:
    row, key = ApiKey.issue(user=user, by=system("tests"), name="test", scopes=list(scopes))
    if fields:
        ApiKey.objects.filter(pk=row.pk).update(**fields)
    return key


def judge(api: Api, allowed: set[str], world: dict[str, str], refusal: int = 403) -> None:
    """Every endpoint: its documented status where it is allowed, else the refusal and no trace of the call."""
    codes = {401: "not_authenticated", 403: "permission_denied"}
    for endpoint in ENDPOINTS:
        with transaction.atomic():
            before = counts()
            answer = call(api, endpoint, world)
            if endpoint.takes in allowed:
                assert answer.status_code == endpoint.status, f"{endpoint.id} {answer.content}"
            else:
                assert answer.status_code == refusal, f"{endpoint.id} {answer.content}"
                assert answer.json()["code"] == codes[refusal], endpoint.id
                assert counts() == before, endpoint.id
            transaction.set_rollback(True)


@pytest.mark.parametrize("who", PEOPLE)
def test_people_may_what_their_group_says(who: str, world: dict[str, str]):
    user = None if who == "nobody" else make_user(who, is_superuser=who == "admin")
    judge(Api(user), PEOPLE[who], world, 403 if user else 401)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_may_what_its_scopes_say(scope: str, world: dict[str, str], admin: Any):
    judge(Api(**{"Authorization": f"Bearer {key_of(admin.user, scope)}"}), SCOPES[scope], world)


def test_a_key_never_may_more_than_its_user(world: dict[str, str], viewer: Any):
    judge(Api(**{"X-API-Key": key_of(viewer.user, *SCOPES)}), PEOPLE["viewer"], world)


@pytest.mark.parametrize("header", ["Bearer {key}", "bearer {key}", "BEARER  {key}"])
def test_a_key_in_the_authorization_header(header: str, viewer: Any):
    assert (
        Api(**{"Authorization": header.format(key=key_of(viewer.user, "read"))})("GET", "/prompts").status_code == 200
    )


@pytest.mark.parametrize("state", ["unknown", "mistyped", "revoked", "expired", "of a user who left"])
def test_every_bad_key_gets_the_same_answer(state: str, viewer: Any):
    now = timezone.now()
    past = {"revoked": {"revoked_at": now}, "expired": {"expires_at": now - timedelta(seconds=1)}}
    key = key_of(viewer.user, "read", **past.get(state, {}))
    if state == "unknown":
        ApiKey.objects.all().delete()
    if state == "mistyped":
        key = key[:-1] + ("a" if key[-1] != "a" else "b")
    if state == "of a user who left":
        viewer.user.is_active = False
        viewer.user.save()
    answer = Api(**{"Authorization": f"Bearer {key}"})("GET", "/prompts")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_key")
    assert answer.json()["detail"] == "This API key is unknown, expired or revoked."
    assert answer["WWW-Authenticate"] == 'Bearer realm="PromptLedger"'


def test_a_session_needs_its_csrf_token_to_write(engineer: Any):
    client = Client(enforce_csrf_checks=True)
    client.force_login(engineer.user)
    answer = client.post("/v1/agents", json.dumps({"name": "x"}), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert "CSRF" in answer.json()["detail"]
    assert client.get("/v1/agents").json()["count"] == 0


def test_a_key_needs_no_csrf_token(engineer: Any):
    client = Client(enforce_csrf_checks=True, headers={"X-API-Key": key_of(engineer.user, "write")})
    answer = client.post("/v1/agents", json.dumps({"name": "x"}), content_type="application/json")
    assert answer.status_code == 201
    event = LedgerEvent.objects.get(action="agent_created")
    assert (event.actor, event.actor_id, event.api_key) == ("engineer", engineer.user_id, ApiKey.objects.get().prefix)


def test_an_unknown_path_is_a_404_in_json_also_without_a_csrf_token(db: None):
    client = Client(enforce_csrf_checks=True)
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        answer = client.generic(method, "/v1/nothing/here", "{}", content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_buttons_are_off_with_the_reason_for_those_who_may_not_press_them(viewer: Any, world: dict[str, str]):
    shown = Api(viewer.user)("GET", "/prompts/greet/versions/v1.3").json()
    assert [one["enabled"] for one in shown["allowed_actions"] + shown["more_actions"]] == [False] * 7
    assert shown["allowed_actions"][0]["reason"].startswith("You are not allowed to do this")


def test_local_mode_lets_programs_on_this_machine_act_as_the_engineer(local_mode: None, world: dict[str, str]):
    assert Api()("POST", "/agents", {"name": "Curl"}).status_code == 201
    assert LedgerEvent.objects.get(agent="Curl").actor == "engineer"


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}])
def test_local_mode_refuses_foreign_web_pages(headers: dict[str, str], local_mode: None, world: dict[str, str]):
    assert Api(**headers)("POST", "/agents", {"name": "Evil"}).status_code == 401


def test_local_mode_answers_nobody_else(local_mode: None, db: None):
    answer = Client().get("/v1/agents", REMOTE_ADDR="192.0.2.7")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
