"""POST /v1/prompts/register-code, S1 literally, and the checks of the mode, both ways (S1-22 to S1-35)."""

import json
import random

import pytest

from tests.conftest import Api
from tests.factories import make_agent, make_tracking_prompt, make_version
from tests.repository.registering import everything, stages
from versions.exceptions import WrongMode
from versions.models import Prompt, PromptVersion

pytestmark = pytest.mark.django_db

WELCOME = {"name": "WELCOME", "template_source": "Hello {{name}}", "template_hash": "abc123..."}


def register(api: Api, *items, **more):
    return api("POST", "/prompts/register-code", {"prompts": list(items), **more})


def test_prompt_defaults_to_full_mode(api):
    assert api("POST", "/prompts", {"name": "p", "description": "d"}).json()["mode"] == "full"
    assert Prompt.objects.create(name="q", description="d").mode == "full"


def test_prompt_can_be_created_with_tracking_mode():
    assert Prompt.objects.create(name="q", mode="tracking").mode == "tracking"


def test_register_new_code_prompts(api):
    answer = register(api, WELCOME)
    assert answer.status_code == 200
    assert len(answer.json()["registered"]) == 1
    result = answer.json()["registered"][0]
    assert {key: result[key] for key in ("name", "mode", "version", "change_detected", "previous_version")} == {
        "name": "WELCOME", "mode": "tracking", "version": 1, "change_detected": False, "previous_version": None,
    }  # fmt: skip
    assert result["hash_mismatch"] is True
    assert api("GET", "/prompts/WELCOME/active").json()["template_source"] == "Hello {{name}}"


def test_register_detects_content_changes(api):
    register(api, WELCOME)
    result = register(api, {**WELCOME, "template_source": "Hi {{name}}"}).json()["registered"][0]
    assert (result["version"], result["change_detected"], result["previous_version"]) == (2, True, 1)
    history = api("GET", "/prompts/WELCOME/history").json()
    assert (history["mode"], history["current_version"], history["latest_version"]) == ("tracking", 2, 2)
    assert [row["version"] for row in history["versions"]] == [2, 1]


@pytest.mark.parametrize("body", [{}, {"prompts": []}, {"prompts": None}, {"dry_run": True}])
def test_nothing_to_register_is_said_so(api, body):
    answer = api("POST", "/prompts/register-code", body)
    assert (answer.status_code, answer.json()["detail"]) == (400, "No prompts provided")


@pytest.mark.parametrize(
    ("body", "said"),
    [({"prompts": {}}, "prompts must be a list of objects."),
     ({"prompts": "x"}, "prompts must be a list of objects."),
     ({"prompts": [None]}, "prompts[0]: It is not an object."),
     ({"prompts": [{"name": ["x"], "template_source": "x"}]}, "prompts[0]: name must be text."),
     ({"prompts": [{"name": "x", "template_source": {"a": 1}}]}, "prompts[0] 'x': template_source must be text."),
     ({"prompts": [WELCOME] * 10_001}, "10,001 prompts were sent; 10,000 can be registered in one call.")],
)  # fmt: skip
def test_what_is_no_registration_is_refused(api, body, said):
    answer = api("POST", "/prompts/register-code", body)
    assert (answer.status_code, answer.json()["detail"]) == (400, said)
    assert Prompt.objects.count() == 0


def test_a_body_over_sixteen_mebibytes_is_refused_and_ten_thousand_items_are_not(api):
    answer = register(api, *({"name": f"p{n}", "template_source": f"Hello {n}"} for n in range(10_000)))
    assert (answer.status_code, len(answer.json()["registered"])) == (200, 10_000)
    assert PromptVersion.objects.in_production().count() == 10_000
    big = register(api, *({"name": f"p{n}", "template_source": "x" * 200_000} for n in range(90)))
    assert big.status_code == 413


def test_a_dry_run_over_the_api_writes_nothing(api):
    before = everything()
    said = register(api, WELCOME, dry_run=True).json()
    assert everything() == before
    assert register(api, WELCOME).json() == said


def test_bad_items_are_named_by_index_and_name(api):
    answer = register(api, WELCOME, {"name": "B", "template_source": ""}, {"name": "C/D", "template_source": "x"})
    body = answer.json()
    assert answer.status_code == 400
    assert body["detail"] == "prompts[1] 'B': Prompt text cannot be empty."
    assert [(row["index"], row["name"]) for row in body["items"]] == [(1, "B"), (2, "C/D")]
    assert list(body["errors"]) == ["prompts[1]", "prompts[2]"]
    assert Prompt.objects.count() == 0


class TestModes:
    def test_validate_full_mode_prompt(self):
        assert make_version("PRD", name="p").prompt.require_mode("full") is None

    def test_validate_mode_mismatch_raises_error(self):
        with pytest.raises(WrongMode) as refused:
            make_tracking_prompt(name="p").require_mode("full")
        assert refused.value.detail == "Prompt 'p' is in tracking mode. Use code-based endpoints instead."
        assert refused.value.status == 400

    def test_registering_a_prompt_that_people_own_is_refused(self, api):
        make_version("PRD", name="p")
        before = everything()
        answer = register(api, WELCOME, {"name": "p", "template_source": "x"})
        assert answer.status_code == 400
        assert answer.json()["detail"] == "Prompt 'p' is in full mode. Use PUT /v1/prompts/p instead."
        assert answer.json()["index"] == 1
        assert everything() == before

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [("PUT", "", {"template_source": "x"}),
         ("POST", "/versions", {"from": "v1.0"}),
         ("PATCH", "/versions/v1.0", {"template_source": "x", "revision": 1}),
         ("DELETE", "/versions/v1.0", None),
         ("POST", "/versions/v1.0/create-new", {}),
         ("POST", "/versions/v1.0/promote", {"to": "PRD"}),
         ("POST", "/versions/v1.0/promote", {"to": "TST"}),
         ("POST", "/versions/v1.0/set-active", {"stage": "DEV"}),
         ("POST", "/versions/v1.0/archive", {"stage": "DEV"}),
         ("POST", "/versions/v1.0/rollback", {"reason": "x"}),
         ("POST", "/rollback", {"to": "v1.0", "reason": "x"})],
    )  # fmt: skip
    @pytest.mark.parametrize("stage", ["DEV", "TST", "PRD", "RET"])
    def test_what_git_owns_people_do_not_change(self, method, path, body, stage, manager):
        environment = {"DEV": "dev", "TST": "tst"}.get(stage, "prd")
        make_tracking_prompt(name="p", template_source="one", environment=environment)
        if stage == "RET":
            make_tracking_prompt(name="p", template_source="two")
        if body and "stage" in body:
            body = {**body, "stage": stage}
        before = everything()
        answer = Api(manager.user)(method, f"/prompts/p{path}", body)
        assert (answer.status_code, answer.json()["detail"]) == (
            400, "Prompt 'p' is in tracking mode. Use code-based endpoints instead.",
        )  # fmt: skip
        assert everything() == before

    def test_a_prompt_that_only_ever_was_tried_can_be_deleted(self, api):
        make_tracking_prompt(name="p", environment="dev")
        assert api("DELETE", "/prompts/p").status_code == 204
        make_tracking_prompt(name="q")
        assert api("DELETE", "/prompts/q").status_code == 409

    def test_what_describes_it_may_change_in_both_modes(self, api):
        make_tracking_prompt(name="p")
        assert api("PATCH", "/prompts/p", {"title": "T", "tags": ["a"]}).json()["title"] == "T"
        assert api("PATCH", "/prompts/p", {"mode": "full"}).status_code == 400


def test_both_modes_live_in_one_ledger(api):
    """S1-59: a mixed system, end to end."""
    make_agent(name="Stan")
    register(api, WELCOME, {"agent": "Stan", "status_key": "CODE", "template_source": "from code"})
    api("PUT", "/prompts/people", {"template_source": "by people"})
    for stage in ("TST", "PRD"):
        assert api("POST", "/prompts/people/versions/v1.0/promote", {"to": stage}).status_code == 200
    modes = {row["name"]: row["mode"] for row in api("GET", "/prompts").json()["results"]}
    assert modes == {"WELCOME": "tracking", "Stan.CODE": "tracking", "people": "full"}
    assert [row["name"] for row in api("GET", "/prompts?mode=full").json()["results"]] == ["people"]
    for name, text in (("people", "by people"), ("Stan.CODE", "from code")):
        served = api("GET", f"/prompts/{name}/active").json()
        assert (served["template_source"], served["stage"]) == (text, "PRD")
    assert stages("people") == [(1, "PRD", "by people")]


def test_odd_registrations_never_break_the_server(api):
    """Five hundred odd bodies from a fixed seed: each is taken or refused with a reason, and the list stays readable."""
    dice = random.Random(20261121)
    odd = [None, "", " ", "x", 0, -1, 1.5, True, [], {}, ["x"], {"a": {}}, "a/b", "é" * 300, "💥", "register-code",
           "2026-01-01T00:00:00Z", "0000-00-00T00:00:00Z", "dev", "chat", "jinja2", "{{ a }}", "{% x", "\u202e", "9" * 400,
           [{"role": "user", "content": "hi"}], [{"role": "x"}], [[]]]  # fmt: skip
    keys = ["name", "template_source", "template_hash", "agent", "status_key", "title", "type", "template_format", "config",
            "is_primary_default", "environment", "commit", "committed_at", "nonsense"]  # fmt: skip
    for _ in range(500):
        item = {key: dice.choice(odd) for key in keys if dice.random() < 0.5}
        answer = register(api, item)
        assert answer.status_code in (200, 400), json.dumps(item)
        if answer.status_code == 400:
            assert answer.json()["detail"]
    assert api("GET", "/prompts?page_size=100").status_code == 200
    assert api("GET", "/events?page_size=100").status_code == 200
