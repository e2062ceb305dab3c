"""Set-active: in PRD there is nothing to do, in TST it is Promote to PRD, in DEV and RET it is refused (SPEC 4, S4-18)."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from ledger.models import LedgerEvent
from tests.conftest import Api
from tests.factories import TESTER, make_agent, make_tracking_prompt, make_version
from tests.versions.refusing import everything, refused
from versions.actions import perform
from versions.models import PromptVersion
from versions.seen import ANYTHING, Seen

pytestmark = pytest.mark.django_db


def path(version: PromptVersion) -> str:
    return f"/prompts/{version.prompt.name}/versions/{version.label}/set-active"


def test_what_is_in_tst_goes_to_production_and_the_present_one_retires(api: Any):
    agent = make_agent(name="Stan")
    old = make_version("PRD", agent=agent, name="p")
    new = make_version("TST", prompt=old.prompt, template_source="Better.")
    answer = api("POST", path(new), {"stage": "TST", "revision": 1, "reason": "Read by support"})
    assert (answer.status_code, answer.json()["label"], answer.json()["stage"]) == (200, "v1.1", "PRD")
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.stage, old.retired_at) == ("RET", new.deployed_at)
    event = LedgerEvent.objects.latest("id")
    assert (event.action, event.actor, event.reason, event.replaced) == ("promoted", "engineer", "Read by support", 1)
    assert api("GET", "/agents/Stan").json()["active_default_prompt_id"] == new.pk


def test_what_is_in_production_stays_and_nothing_is_written(api: Any):
    live = make_version("PRD", name="p")
    before = everything()
    for body in ({}, {"stage": "PRD"}, {"stage": "PRD", "revision": 1, "reason": "Again"}):
        answer = api("POST", path(live), body)
        assert (answer.status_code, answer.json()["stage"]) == (200, "PRD")
    assert everything() == before


@pytest.mark.parametrize(
    ("stage", "said"),
    [("DEV", "A draft in DEV cannot be set active. Promote it to TST first, then to PRD."),
     ("RET", "A retired version cannot be set active again. Roll back to it, or create a new version from it.")],
)  # fmt: skip
def test_a_draft_and_a_retired_version_are_refused_with_what_to_do(api: Any, stage: str, said: str):
    version = make_version(stage, name="p")
    before = everything()
    answer = api("POST", path(version), {"stage": stage})
    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (409, "wrong_stage", said)
    assert everything() == before


def test_an_archived_draft_is_refused(api: Any):
    version = make_version("TST", name="p").archive(by=TESTER, seen=ANYTHING)
    before = everything()
    answer = api("POST", path(version), {})
    assert (answer.status_code, answer.json()["code"]) == (409, "archived")
    assert everything() == before


@pytest.mark.parametrize("body", [{"stage": "DEV"}, {"revision": 7}, {"stage": "PRD"}])
def test_a_late_press_is_refused(api: Any, body: dict[str, Any]):
    version = make_version("TST", name="p")
    before = everything()
    answer = api("POST", path(version), body)
    assert (answer.status_code, answer.json()["code"], answer.json()["stage"]) == (409, "stale", "TST")
    assert everything() == before


@pytest.mark.parametrize("stage", ["TST", "PRD"])
def test_if_match_is_heeded(api: Any, stage: str):
    version = make_version(stage, name="p")
    before = everything()
    answer = api("POST", path(version), {}, **{"If-Match": f'"r9-{stage}"'})
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert everything() == before
    assert api("POST", path(version), {}, **{"If-Match": f'"r1-{stage}"'}).status_code == 200


def test_git_owns_a_tracking_prompt(api: Any):
    version = make_tracking_prompt(name="owned").versions.get()
    before = everything()
    answer = api("POST", path(version), {})
    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_mode")
    assert answer.json()["detail"] == "Prompt 'owned' is in tracking mode. Use code-based endpoints instead."
    assert everything() == before


@pytest.mark.parametrize("stage", ["DEV", "TST", "PRD", "RET"])
def test_it_takes_the_permission_of_promote_to_prd(viewer: Any, stage: str):
    version = make_version(stage, name="p")
    before = everything()
    answer = Api(viewer.user)("POST", path(version), {})
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert everything() == before


@pytest.mark.parametrize("missing", ["/prompts/no/versions/v1.0/set-active", "/prompts/p/versions/v9.9/set-active"])
def test_what_is_not_there_is_a_404(api: Any, missing: str):
    make_version("TST", name="p")
    assert api("POST", missing, {}).status_code == 404


def test_what_retired_between_reading_and_pressing_is_not_called_active(engineer: Any):
    found = make_version("PRD", name="p")
    make_version("PRD", prompt=found.prompt, template_source="Meanwhile.")
    with refused("stale") as caught:
        perform("set_active", found, by=engineer, seen=Seen.of(found))
    assert caught.value.data["stage"] == "RET"


def test_a_shell_may_press_it(engineer: Any):
    make_version("TST", name="p")
    out = StringIO()
    call_command("version_action", "set_active", "p", "v1.0", "--from", "TST", "--user", "engineer", stdout=out)
    assert out.getvalue() == "p v1.0 is in PRD.\n"
