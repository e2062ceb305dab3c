"""PUT: create or update by name, for scripts that own no version numbers (S1-28; SPEC 3)."""

from typing import Any

import pytest

from ledger.models import LedgerEvent
from tests.factories import make_prompt, make_tracking_prompt, make_version
from versions.models import Prompt, PromptVersion

pytestmark = pytest.mark.django_db


def put(api: Any, text: str, status: int = 200, **more: Any) -> dict[str, Any]:
    answer = api("PUT", "/prompts/p", {"template_source": text, **more})
    assert answer.status_code == status, answer.content
    return answer.json()


def texts() -> list[tuple[str, str, str]]:
    return [(one.label, one.stage, one.template_source) for one in PromptVersion.objects.order_by("version")]


def test_a_new_name_makes_a_full_mode_prompt_with_a_dev_draft(api: Any):
    said = put(api, "One", 201, description="D", owner_team="O", config={"model": "m"})
    prompt, version = Prompt.objects.get(), PromptVersion.objects.get()
    assert said == {
        "prompt": {"prompt_id": prompt.pk, "name": "p"},
        "version": {"version_id": version.pk, "version_number": 1, "label": "v1.0", "stage": "DEV"},
        "version_change": "created",
    }
    assert (prompt.mode, prompt.description, prompt.owner_team, version.config) == ("full", "D", "O", {"model": "m"})


def test_the_newest_dev_draft_is_edited_in_place(api: Any):
    make_prompt(name="p", template_source="One")
    said = put(api, "Two")
    assert (said["version"]["version_number"], said["version_change"]) == (1, "updated")
    assert texts() == [("v1.0", "DEV", "Two")]


def test_identical_text_changes_nothing(api: Any):
    make_prompt(name="p", template_source="One")
    before = LedgerEvent.objects.count()
    assert put(api, "One")["version_change"] == "unchanged"
    assert (LedgerEvent.objects.count(), PromptVersion.objects.get().revision) == (before, 1)


@pytest.mark.parametrize("stage", ["TST", "PRD"])
def test_without_a_dev_draft_the_next_version_is_made(stage: str, api: Any):
    make_version(stage, name="p", template_source="One")
    said = put(api, "Two")
    assert (said["version"]["label"], said["version"]["stage"], said["version_change"]) == (
        "v1.1",
        "DEV",
        "new_version",
    )
    assert texts() == [("v1.0", stage, "One"), ("v1.1", "DEV", "Two")]


@pytest.mark.parametrize("stage", ["TST", "PRD"])
def test_the_text_that_stands_in_test_or_production_makes_no_version(stage: str, api: Any):
    make_version(stage, name="p", template_source="One")
    assert put(api, "One")["version_change"] == "unchanged"
    assert texts() == [("v1.0", stage, "One")]


def test_an_archived_draft_is_not_edited(api: Any):
    make_prompt(name="p", template_source="One")
    api("POST", "/prompts/p/versions/v1.0/archive", {})
    assert put(api, "Two")["version"]["label"] == "v1.1"
    assert texts() == [("v1.0", "DEV", "One"), ("v1.1", "DEV", "Two")]


def test_a_draft_that_was_given_up_does_not_say_what_stands(api: Any):
    """Its text is wanted again: there is a draft with it. The text in production: nothing to do."""
    version = make_version("PRD", name="p", template_source="One")
    put(api, "Two")
    api("POST", "/prompts/p/versions/v1.1/archive", {})
    said = put(api, "One")
    assert (said["version_change"], said["version"]["version_id"]) == ("unchanged", version.pk)
    assert texts() == [("v1.0", "PRD", "One"), ("v1.1", "DEV", "Two")]
    assert put(api, "Two")["version"]["label"] == "v1.2"
    assert texts() == [("v1.0", "PRD", "One"), ("v1.1", "DEV", "Two"), ("v1.2", "DEV", "Two")]


def test_a_prompt_without_versions_gets_its_first(api: Any):
    make_prompt(name="p", template_source=None)
    assert put(api, "One")["version"]["label"] == "v1.0"


def test_what_is_left_out_stays_as_it_is(api: Any):
    put(api, "One", 201, description="D", owner_team="O", config={"model": "m"}, commit_message="c")
    put(api, "Two", description=None)
    prompt, version = Prompt.objects.get(), PromptVersion.objects.get()
    assert (prompt.description, prompt.owner_team, version.config, version.commit_message) == (
        "D",
        "O",
        {"model": "m"},
        "c",
    )
    put(api, "Two", description="", owner_team="N")
    prompt.refresh_from_db()
    assert (prompt.description, prompt.owner_team) == ("", "N")


def test_set_active_is_refused_and_nothing_stored(api: Any):
    assert put(api, "One", 409, set_active=True)["code"] == "not_by_put"
    assert not Prompt.objects.exists()
    assert put(api, "One", 201, set_active=False)["version"]["stage"] == "DEV"


def test_a_tracking_prompt_is_refused_with_the_text_of_s1(api: Any):
    make_tracking_prompt(name="p")
    before = LedgerEvent.objects.count()
    said = put(api, "Two", 400)
    assert said["detail"] == "Prompt 'p' is in tracking mode. Use code-based endpoints instead."
    assert said["code"] == "wrong_mode"
    assert LedgerEvent.objects.count() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "template_source"), ({"template_source": None}, "template_source"),
     ({"template_source": ""}, "template_source"), ({"template_source": 7}, "template_source"), ({"template_source": "x", "mode": "tracking"}, "mode"),
     ({"template_source": "x", "name": "other"}, "name"), ({"template_source": "x", "stage": "PRD"}, "stage"),
     ({"template_source": "x", "set_active": "maybe"}, "set_active")],
)  # fmt: skip
def test_a_bad_body_is_refused_by_field(body: dict[str, Any], field: str, api: Any):
    answer = api("PUT", "/prompts/p", body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not Prompt.objects.exists()


def test_a_bad_text_leaves_the_description_alone_too(api: Any):
    make_prompt(name="p", template_source="One")
    put(api, " ", 400, description="New")
    assert Prompt.objects.get().description == ""


def test_what_was_in_production_is_not_touched(api: Any):
    live = make_version("PRD", name="p", template_source="One")
    put(api, "Two")
    put(api, "Three")
    assert texts() == [("v1.0", "PRD", "One"), ("v1.1", "DEV", "Three")]
    assert api("GET", "/prompts/p/active").json()["version"] == live.version
