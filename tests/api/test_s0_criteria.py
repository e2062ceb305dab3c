"""The nine success criteria of S0, over the API."""

import json
from typing import Any

import pytest

from executions.models import Execution
from tests.api.story import Story
from versions.models import Prompt, PromptVersion

pytestmark = pytest.mark.django_db
EVERY_STAGE = {"v2.1": "RET", "v2.2": "PRD", "v2.3": "TST", "v2.4": "DEV"}


@pytest.fixture
def story(api: Any) -> Story:
    """One version in each stage."""
    return Story(api, **{label.replace(".", "_"): stage for label, stage in EVERY_STAGE.items()})


def test_1_drafts_are_edited_in_place_without_a_new_number(story: Story):
    for label in ("v2.3", "v2.4"):
        before = story[label]
        after = story.write(label, "Edited")
        assert (after["id"], after["version"], after["label"]) == (before["id"], before["version"], label)
        assert (after["revision"], after["stage"]) == (before["revision"] + 1, before["stage"])
    assert story.stages() == EVERY_STAGE


def test_2_prd_and_ret_versions_cannot_be_edited(story: Story):
    for label in ("v2.1", "v2.2"):
        before = story[label]
        for body in ({"template_source": "x"}, {"config": {"model": "x"}}, {"commit_message": "x"}):
            refused = story.must("PATCH", f"/versions/{label}", body, status=409)
            assert refused["detail"] == "Cannot edit production versions"
        assert story[label] == before


def test_3_a_new_version_is_made_from_any_existing_one(story: Story):
    for number, label in enumerate(EVERY_STAGE, start=5):
        made = story.act(label, "create-new", {}, status=201)
        assert (made["label"], made["stage"], made["based_on"]) == (f"v2.{number}", "DEV", label)
        assert made["template_source"] == story[label]["template_source"]


def test_4_every_answer_says_the_stage(story: Story):
    for label, stage in EVERY_STAGE.items():
        assert story[label]["stage"] == stage
    assert {one["label"]: one["stage"] for one in story.must("GET", "/history")["versions"]} == EVERY_STAGE
    assert story.must("GET", "/active")["stage"] == "PRD"


def test_5_unused_dev_drafts_and_only_they_are_deleted(story: Story):
    story.test("v2.4")
    for label in ("v2.1", "v2.2", "v2.3"):
        refused = story.must("DELETE", f"/versions/{label}", status=409)
        assert refused["detail"] == "Cannot delete versions that have progressed beyond DEV"
    story.must("DELETE", "/versions/v2.4", status=204)
    assert list(story.stages()) == ["v2.1", "v2.2", "v2.3"]
    run = Execution.objects.get(label="v2.4")
    assert (run.version, run.rendered_prompt) == (None, "This is v2.4: part 7")


def test_5_a_draft_in_use_is_not_deleted(story: Story):
    story.test("v2.4")
    Execution.objects.filter(label="v2.4").update(is_test=False)
    assert story.must("DELETE", "/versions/v2.4", status=409)["code"] == "in_use"
    assert story.stages() == EVERY_STAGE


def test_6_one_version_at_a_time_is_in_production(story: Story):
    for label in ("v2.3", "v2.4"):
        if story[label]["stage"] == "DEV":
            story.promote(label, "TST")
        story.promote(label, "PRD")
        assert list(story.stages().values()).count("PRD") == 1
    assert story.must("GET", "", at="/prompts/Stan.APPROVED")["production"] == "v2.4"


def test_7_production_history_is_preserved(story: Story):
    retired = story["v2.1"]
    story.promote("v2.3", "PRD")
    story.promote("v2.4", "TST")
    story.promote("v2.4", "PRD")
    assert story.stages() == {"v2.1": "RET", "v2.2": "RET", "v2.3": "RET", "v2.4": "PRD"}
    assert story["v2.1"] == retired
    assert story["v2.2"]["template_source"] == "This is v2.2: {{ item }}"


def test_8_the_ledger_says_when_each_version_was_in_production(story: Story):
    story.promote("v2.3", "PRD")
    found = story.must("GET", "/events?action=promoted&page_size=200")["results"]
    deployed = {one["label"]: one["at"] for one in found if one["to_stage"] == "PRD"}
    assert deployed == {label: story[label]["deployed_at"] for label in ("v2.1", "v2.2", "v2.3")}
    assert story["v2.1"]["retired_at"] == deployed["v2.2"]
    assert story["v2.2"]["retired_at"] == deployed["v2.3"]
    assert {one["actor"] for one in found} == {"engineer"}


def test_9_no_flag_beside_the_stage_is_stored(story: Story):
    for model in (Prompt, PromptVersion):
        columns = {field.column for field in model._meta.concrete_fields}
        assert not {name for name in columns if name.startswith("is_current") or "active" in name or name == "status"}
    shown = [story[label] for label in EVERY_STAGE]
    assert [(one["is_active"], one["status"]) for one in shown] == [
        (False, "deprecated"), (True, "active"), (False, "draft"), (False, "draft"),
    ]  # fmt: skip
    assert "is_current" not in json.dumps(shown)
