"""The gate on the pages: what is missing, in the panel, in the dialog and in the refusal."""

import pytest
from django.test import Client

from tests.conftest import make_user
from tests.evaluations.gating import ask_for, evidence, gated
from tests.factories import TESTER, make_prompt, make_version
from versions.models import PromptVersion
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db
PATH = "/prompts/gated/versions/v1.0/"


def as_(who: str) -> Client:
    client = Client()
    client.force_login(make_user(who))
    return client


def stage() -> str:
    return PromptVersion.objects.get(prompt__name="gated").stage


def seen(**more):
    return {"seen_stage": "TST", "seen_revision": "1", "to": "PRD", **more}


def test_the_panel_says_what_is_missing(page):
    evidence(gated(), 0.5)
    text = page.get(PATH).content.decode()
    assert 'data-condition="score"' in text
    assert "Its score 0.5 is below the threshold 0.85." in text


def test_there_is_no_panel_without_a_policy_and_none_where_production_is_not_next(page):
    version = make_version("TST", name="free")
    assert 'id="gate"' not in page.get(f"/prompts/free/versions/{version.label}/").content.decode()
    draft = gated().create_new(by=TESTER, seen=ANYTHING)
    assert 'id="gate"' not in page.get(f"/prompts/gated/versions/{draft.label}/").content.decode()


def test_a_press_is_refused_with_all_that_is_unmet(page):
    gated()
    answer = page.post(f"{PATH}promote/", seen())
    assert answer.status_code == 409
    assert 'data-refusal="gate_failed"' in answer.content.decode()
    assert "v1.0 is not evaluated. Evaluate it." in answer.content.decode()
    assert stage() == "TST"


def test_the_dialog_offers_an_override_only_to_those_who_may(page):
    gated()
    assert 'name="override"' not in page.get(f"{PATH}promote/").content.decode()
    manager = as_("manager")
    assert 'name="override"' in manager.get(f"{PATH}promote/").content.decode()
    refused = manager.post(f"{PATH}promote/", seen(override="1", reason="short"))
    assert (refused.status_code, stage()) == (400, "TST")
    done = manager.post(f"{PATH}promote/", seen(override="1", reason="The customer waits."), follow=True)
    assert (done.status_code, stage()) == (200, "PRD")
    assert "promoted by override" in done.content.decode()


def test_the_engineer_cannot_override_by_sending_the_field(page):
    gated()
    answer = page.post(f"{PATH}promote/", seen(override="1", reason="The customer waits."))
    assert (answer.status_code, stage()) == (403, "TST")


def test_approving_by_button(page, engineer):
    prompt = make_prompt(name="gated", by=engineer)
    ask_for(prompt, required_approvals=1)
    prompt.versions.get().promote(by=engineer, to="TST", seen=ANYTHING)
    own = page.get(PATH).content.decode()
    assert "You are not allowed to do this: Approve." in own
    manager = as_("manager")
    assert 'data-action="approve"' in manager.get(PATH).content.decode()
    done = manager.post(f"{PATH}approve/", {"seen_stage": "TST", "seen_revision": "1"}, follow=True).content.decode()
    assert "v1.0 has your approval." in done
    assert "Approved by manager." in done
    assert page.post(f"{PATH}promote/", seen(), follow=True).status_code == 200
    assert stage() == "PRD"
