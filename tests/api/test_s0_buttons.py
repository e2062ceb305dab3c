"""The table of buttons, over the API: what allowed_actions says, and what pressing each really does."""

from typing import Any

import pytest

from ledger.models import LedgerEvent
from tests.api.story import Story

pytestmark = pytest.mark.django_db

STAGES = {"DEV": "v2.4", "TST": "v2.3", "PRD": "v2.2", "RET": "v2.1"}
NO_EDIT = "Cannot edit production versions"
NO_DELETE = "Cannot delete versions that have progressed beyond DEV"
# stage -> [(name, label, why it is off)]; a button that is not in the list is absent.
MATRIX = {
    "DEV": [("edit", "Edit", ""), ("test", "Test", ""), ("promote", "Promote to TST", ""),
            ("create", "Create New Version", ""), ("delete", "Delete", "")],
    "TST": [("edit", "Edit", ""), ("test", "Test", ""), ("promote", "Promote to PRD", ""),
            ("create", "Create New Version", ""), ("delete", "Delete", NO_DELETE)],
    "PRD": [("edit", "Edit", NO_EDIT), ("test", "Test", ""), ("create", "Create New Version", ""),
            ("delete", "Delete", NO_DELETE)],
    "RET": [("edit", "Edit", NO_EDIT), ("test", "Test", ""), ("create", "Create New Version", ""),
            ("delete", "Delete", NO_DELETE)],
}  # fmt: skip
PRESSES = {
    "edit": ("PATCH", "", {"template_source": "Pressed: {{ item }}"}, 200),
    "test": ("POST", "/test", {"variables": {"item": "x"}}, 200),
    "create": ("POST", "/create-new", {}, 201),
    "delete": ("DELETE", "", None, 204),
}


@pytest.fixture
def story(api: Any) -> Story:
    """One version in each stage."""
    return Story(api, v2_1="RET", v2_2="PRD", v2_3="TST", v2_4="DEV")


@pytest.mark.parametrize("stage", STAGES)
def test_allowed_actions_is_the_row_of_the_table(story: Story, stage: str):
    shown = story[STAGES[stage]]["allowed_actions"]
    assert [(one["name"], one["label"], one["reason"]) for one in shown] == MATRIX[stage]
    assert [one["enabled"] for one in shown] == [not why for _, _, why in MATRIX[stage]]


@pytest.mark.parametrize("name", PRESSES)
@pytest.mark.parametrize("stage", STAGES)
def test_a_press_does_what_its_button_promised(story: Story, stage: str, name: str):
    label = STAGES[stage]
    button = story.button(label, name)
    method, path, body, status = PRESSES[name]
    assert (button["method"], button["url"]) == (method, f"/v1/prompts/Stan.APPROVED/versions/{label}{path}")
    before, events = story[label], LedgerEvent.objects.count()
    answer = story.api(method, button["url"].removeprefix("/v1"), body)
    assert answer.status_code == (status if button["enabled"] else 409), answer.content
    if not button["enabled"]:
        assert answer.json()["detail"] == button["reason"]
        assert (story[label], LedgerEvent.objects.count()) == (before, events)


@pytest.mark.parametrize("to", ["DEV", "TST", "PRD", "RET"])
@pytest.mark.parametrize("stage", STAGES)
def test_promotion_goes_one_step_and_no_other_way(story: Story, stage: str, to: str):
    label, before = STAGES[stage], story.stages()
    legal = (stage, to) in (("DEV", "TST"), ("TST", "PRD"))
    answer = story.api("POST", f"/prompts/Stan.APPROVED/versions/{label}/promote", {"to": to})
    assert answer.status_code == (200 if legal else 409)
    if legal:
        assert story[label]["stage"] == to
    else:
        assert answer.json()["code"] in ("illegal_move", "wrong_stage", "stale")
        assert story.stages() == before


def test_a_late_press_does_nothing(story: Story):
    path = "/prompts/Stan.APPROVED/versions/v2.4/promote"
    seen = story["v2.4"]
    story.promote("v2.4", "TST")
    for body in ({"to": "TST"}, {"to": "TST", "stage": "DEV"}, {"to": "PRD", "stage": "DEV"},
                 {"to": "PRD", "revision": seen["revision"] + 1}):  # fmt: skip
        answer = story.api("POST", path, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "stale"), body
        assert answer.json()["stage"] == "TST"
    assert story["v2.4"]["stage"] == "TST"


@pytest.mark.parametrize(
    ("label", "names"),
    [
        ("v2.4", ["evaluate", "archive"]),
        ("v2.3", ["evaluate", "archive"]),
        ("v2.2", ["evaluate"]),
        ("v2.1", ["evaluate", "rollback"]),
    ],
)
def test_more_actions_stand_where_they_do_something(story: Story, label: str, names: list[str]):
    assert [one["name"] for one in story[label]["more_actions"]] == names


def test_an_archived_draft_is_hidden_keeps_its_stage_and_comes_back(story: Story):
    story.act("v2.3", "archive", {})
    assert "v2.3" not in story.stages()
    hidden = story["v2.3"]
    assert (hidden["stage"], [one["name"] for one in hidden["more_actions"]]) == ("TST", ["evaluate", "unarchive"])
    assert hidden["archived_at"] is not None
    assert story.write("v2.3", "x", status=409)["code"] == "archived"
    assert story.promote("v2.3", "PRD", status=409)["code"] == "archived"
    assert len(story.must("GET", "/versions?archived=1")["results"]) == 4
    story.act("v2.3", "unarchive", {})
    assert story.stages()["v2.3"] == "TST"


@pytest.mark.parametrize("label", ["v2.1", "v2.2"])
def test_what_was_in_production_is_never_archived(story: Story, label: str):
    assert story.act(label, "archive", {}, status=409)["code"] == "wrong_stage"
    assert story[label]["archived_at"] is None
