"""The six scenarios and the edge cases of S0, over the API."""

from typing import Any

import pytest

from tests.api.story import Story

pytestmark = pytest.mark.django_db


def test_scenario_1_iterating_on_a_dev_draft(api: Any):
    story = Story(api, v2_2="PRD", v2_3="DEV")
    for text in ("First idea: {{ item }}", "Second idea: {{ item }}"):
        edited = story.write("v2.3", text)
        assert (edited["label"], edited["stage"], edited["template_source"]) == ("v2.3", "DEV", text)
        run = story.test("v2.3")
        assert (run["response_text"], run["environment"]) == (text.replace("{{ item }}", "part 7"), "dev")
    assert story.promote("v2.3", "TST")["stage"] == "TST"
    assert story.stages() == {"v2.2": "PRD", "v2.3": "TST"}
    assert story.live() == "This is v2.2: {{ item }}"


def test_scenario_2_testing_in_the_tst_stage(api: Any):
    story = Story(api, v2_2="PRD", v2_3="TST")
    assert story.test("v2.3")["environment"] == "tst"
    fixed = story.write("v2.3", "Fixed: {{ item }}")
    assert (fixed["label"], fixed["stage"]) == ("v2.3", "TST")
    assert story.test("v2.3")["response_text"] == "Fixed: part 7"
    deployed = story.promote("v2.3", "PRD")
    assert (deployed["stage"], deployed["retired_at"]) == ("PRD", None)
    assert story.stages() == {"v2.2": "RET", "v2.3": "PRD"}
    assert story["v2.2"]["retired_at"] == deployed["deployed_at"] is not None
    assert story.live() == "Fixed: {{ item }}"


def test_scenario_3_creating_a_new_version_from_prd(api: Any):
    story = Story(api, v2_3="PRD")
    edit = story.button("v2.3", "edit")
    assert (edit["enabled"], edit["reason"]) == (False, "Cannot edit production versions")
    made = story.act("v2.3", "create-new", {}, status=201)
    assert (made["label"], made["stage"], made["based_on"]) == ("v2.4", "DEV", "v2.3")
    assert made["template_source"] == story["v2.3"]["template_source"]
    story.write("v2.4", "Better: {{ item }}")
    assert story.stages() == {"v2.3": "PRD", "v2.4": "DEV"}
    assert story.live() == "This is v2.3: {{ item }}"


def test_scenario_4_multiple_drafts_exist(api: Any):
    story = Story(api, v2_2="PRD", v2_3="TST", v2_4="DEV")
    story.write("v2.4", "Draft four")
    story.write("v2.3", "Draft three")
    assert (story["v2.4"]["template_source"], story["v2.3"]["template_source"]) == ("Draft four", "Draft three")
    story.promote("v2.4", "TST")
    assert story.stages() == {"v2.2": "PRD", "v2.3": "TST", "v2.4": "TST"}
    story.promote("v2.3", "PRD")
    assert story.stages() == {"v2.2": "RET", "v2.3": "PRD", "v2.4": "TST"}


def test_scenario_4_a_draft_that_is_not_needed_is_deleted(api: Any):
    story = Story(api, v2_2="PRD", v2_3="TST", v2_4="DEV")
    story.must("DELETE", "/versions/v2.4", status=204)
    assert story.stages() == {"v2.2": "PRD", "v2.3": "TST"}
    story.must("GET", "/versions/v2.4", status=404)


def test_scenario_4_a_later_number_may_reach_production_first(api: Any):
    story = Story(api, v2_2="PRD", v2_3="TST", v2_4="DEV")
    story.promote("v2.4", "TST")
    story.promote("v2.4", "PRD")
    story.promote("v2.3", "PRD")
    assert story.stages() == {"v2.2": "RET", "v2.3": "PRD", "v2.4": "RET"}
    assert (story["v2.2"]["replaced_by"], story["v2.4"]["replaced_by"]) == ("v2.4", "v2.3")


def test_scenario_5_a_hotfix_goes_through_the_stages_without_waiting(api: Any):
    story = Story(api, v2_3="PRD")
    story.act("v2.3", "create-new", {}, status=201)
    story.write("v2.4", "Hotfix: {{ item }}")
    story.promote("v2.4", "TST")
    assert story.test("v2.4")["response_text"] == "Hotfix: part 7"
    story.promote("v2.4", "PRD")
    assert story.stages() == {"v2.3": "RET", "v2.4": "PRD"}
    assert story["v2.3"]["retired_at"] == story["v2.4"]["deployed_at"]
    assert story["v2.3"]["template_source"] == "This is v2.3: {{ item }}"


def test_scenario_6_viewing_production_history(api: Any):
    story = Story(api, v2_2="RET", v2_3="RET", v2_4="PRD")
    old = story["v2.3"]
    assert (old["replaced_by"], old["status"], old["is_active"]) == ("v2.4", "deprecated", False)
    assert story["v2.2"]["retired_at"] == old["deployed_at"] < old["retired_at"]
    edit = story.button("v2.3", "edit")
    assert (edit["enabled"], edit["reason"]) == (False, "Cannot edit production versions")
    run = story.test("v2.3")
    assert (run["response_text"], run["environment"]) == ("This is v2.3: part 7", "ret")
    made = story.act("v2.3", "create-new", {}, status=201)
    assert (made["label"], made["stage"], made["template_source"]) == ("v2.5", "DEV", old["template_source"])
    assert story.stages() == {"v2.2": "RET", "v2.3": "RET", "v2.4": "PRD", "v2.5": "DEV"}


def test_editing_a_draft_while_another_goes_to_production_is_no_conflict(api: Any):
    story = Story(api, v2_2="TST", v2_3="DEV")
    seen = story["v2.3"]
    story.promote("v2.2", "PRD")
    body = {"template_source": "Still mine", "revision": seen["revision"]}
    assert story.must("PATCH", "/versions/v2.3", body)["template_source"] == "Still mine"
    assert story.stages() == {"v2.2": "PRD", "v2.3": "DEV"}


def test_a_draft_in_tst_and_one_in_dev_progress_on_their_own(api: Any):
    story = Story(api, v2_3="TST", v2_4="DEV")
    story.promote("v2.3", "PRD")
    story.promote("v2.4", "TST")
    assert story.stages() == {"v2.3": "PRD", "v2.4": "TST"}


def test_giving_up_a_draft_and_going_back_to_the_one_before(api: Any):
    story = Story(api, v2_3="DEV", v2_4="DEV")
    story.must("DELETE", "/versions/v2.4", status=204)
    assert story.write("v2.3", "Back again")["label"] == "v2.3"
    assert story.act("v2.3", "create-new", {}, status=201)["label"] == "v2.5"


def test_a_typo_in_production_takes_a_new_version(api: Any):
    story = Story(api, v2_3="PRD")
    refused = story.write("v2.3", "Fixed typo", status=409)
    assert (refused["code"], refused["detail"]) == ("immutable", "Cannot edit production versions")
    assert story["v2.3"]["revision"] == 2
    assert story.live() == "This is v2.3: {{ item }}"


def test_there_is_no_demotion(api: Any):
    story = Story(api, v2_2="RET", v2_3="PRD", v2_4="TST")
    for label, to in (
        ("v2.4", "DEV"),
        ("v2.4", "RET"),
        ("v2.3", "TST"),
        ("v2.3", "RET"),
        ("v2.2", "PRD"),
        ("v2.2", "DEV"),
    ):
        story.promote(label, to, status=409)
    story.write("v2.2", "x", status=409)
    assert story.stages() == {"v2.2": "RET", "v2.3": "PRD", "v2.4": "TST"}


def test_a_retired_version_comes_back_only_as_a_new_one_through_the_stages(api: Any):
    story = Story(api, v2_2="RET", v2_3="PRD")
    made = story.act("v2.2", "create-new", {}, status=201)
    story.promote(made["label"], "TST")
    story.promote(made["label"], "PRD")
    assert story.stages() == {"v2.2": "RET", "v2.3": "RET", "v2.4": "PRD"}
    assert story.live() == "This is v2.2: {{ item }}"
