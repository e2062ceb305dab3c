"""The main job over JSON: a draft becomes what agents get."""

import pytest

from ledger.models import LedgerEvent
from tests.conftest import Api

pytestmark = pytest.mark.django_db


def test_a_draft_goes_to_production_and_an_agent_gets_it(api):
    assert api("POST", "/agents", {"name": "StanAgent"}).status_code == 201
    made = api("POST", "/prompts", {"agent": "StanAgent", "status_key": "APPROVED", "template_source": "Hi {{ name }}"})
    assert made.status_code == 201, made.content
    assert made.json()["name"] == "StanAgent.APPROVED"
    url = "/prompts/StanAgent.APPROVED/versions/v1.0"
    draft = api("GET", url).json()
    assert (draft["stage"], draft["label"], draft["variables"]) == ("DEV", "v1.0", ["name"])
    edited = api("PATCH", url, {"template_source": "Hello {{ name }}!", "revision": draft["revision"]})
    assert (edited.status_code, edited.json()["revision"], edited.json()["version"]) == (200, 2, 1)
    tested = api("POST", f"{url}/test", {"variables": {"name": "Bo"}})
    assert tested.status_code == 200, tested.content
    assert (tested.json()["response_text"], tested.json()["environment"], tested.json()["provider"]) == (
        "Hello Bo!",
        "dev",
        "offline",
    )
    assert api("GET", "/prompts/StanAgent.APPROVED/active").status_code == 404
    assert api("POST", f"{url}/promote", {"to": "TST"}).json()["stage"] == "TST"
    assert api("POST", f"{url}/promote", {"to": "PRD"}).json()["stage"] == "PRD"
    live = api("GET", "/prompts/StanAgent.APPROVED/active")
    assert live.json()["template_source"] == "Hello {{ name }}!"
    again = api("GET", "/prompts/StanAgent.APPROVED/active", **{"If-None-Match": live["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    actions = list(LedgerEvent.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["agent_created", "prompt_created", "created", "edited", "promoted", "promoted"]


def test_a_stranger_gets_nothing(client, db):
    for path in ("/agents", "/prompts", "/events", "/executions", "/openapi.json"):
        answer = Api()("GET", path)
        assert answer.status_code == 401, path
        assert answer.json()["code"] == "not_authenticated"
