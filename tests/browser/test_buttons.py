"""The button table of S0 as people see it, and what a late or double press does."""

import pytest
from playwright.sync_api import expect

from ledger.models import LedgerEvent
from tests.evaluations.gating import gated
from tests.factories import TESTER, make_tracking_prompt, make_version
from versions.models import PromptVersion
from versions.seen import ANYTHING

NO_EDIT = "Cannot edit production versions"
NO_DELETE = "Cannot delete versions that have progressed beyond DEV"
# action: (stages where it is on, reason elsewhere); promote is absent elsewhere.
TABLE = {
    "edit": ({"DEV", "TST"}, NO_EDIT),
    "test": ({"DEV", "TST", "PRD", "RET"}, ""),
    "promote": ({"DEV", "TST"}, None),
    "create": ({"DEV", "TST", "PRD", "RET"}, ""),
    "delete": ({"DEV"}, NO_DELETE),
}
LABELS = {"edit": "Edit", "test": "Test", "create": "Create New Version", "delete": "Delete"}


@pytest.mark.parametrize("stage", ["DEV", "TST", "PRD", "RET"])
def test_the_button_table(screen, stage):
    version = make_version(stage)
    screen.version(version).shows(version.label, stage)
    for action, (on, reason) in TABLE.items():
        button = screen.button(action)
        if stage in on:
            expect(button).to_be_enabled()
            said = (
                {"DEV": "Promote to TST", "TST": "Promote to PRD"}.get(stage) if action == "promote" else LABELS[action]
            )
            expect(button).to_have_text(said)
        elif reason is None:
            expect(button).to_have_count(0)
        else:
            expect(button).to_be_disabled()
            expect(button).to_have_attribute("title", reason)
            button.locator("..").hover()
            expect(screen.page.locator(f"#why-{action}")).to_be_visible()


def test_a_viewer_sees_the_buttons_off_with_the_reason(screen_for, people):
    version = make_version("DEV")
    tab = screen_for(people["viewer"]).version(version)
    for action in TABLE:
        expect(tab.button(action)).to_be_disabled()
    expect(tab.button("edit")).to_have_attribute(
        "title", "You are not allowed to do this: Edit. Ask an admin for the permission."
    )


def test_tracking_prompts_have_their_buttons_off_but_test(screen):
    version = make_tracking_prompt(name="from code").versions.select_related("prompt").get()
    screen.version(version)
    expect(screen.button("test")).to_be_enabled()
    for action in ("edit", "create", "delete"):
        expect(screen.button(action)).to_be_disabled()
        title = screen.button(action).get_attribute("title")
        assert "tracking mode" in title


def test_a_late_press_on_an_old_page_changes_nothing(screen):
    version = make_version("DEV")
    screen.version(version)
    version.promote(by=TESTER, to="TST", seen=ANYTHING)
    before = LedgerEvent.objects.count()
    screen.press("promote")
    screen.says("is in TST now; you saw it in DEV. Nothing was changed.")
    screen.shows(version.label, "TST")
    assert PromptVersion.objects.get(pk=version.pk).stage == "TST"
    assert LedgerEvent.objects.count() == before


def test_rollback_by_the_release_manager(screen_for, people):
    old = make_version("RET")
    tab = screen_for(people["manager"]).version(old).press("rollback")
    tab.page.locator("#reason").fill("The new one is rude")
    tab.confirm()
    tab.shows("v1.2", "PRD")
    again = old.prompt.versions.get(version=3)
    assert (again.template_source, again.rollback_of) == (old.template_source, old.version)


def test_archive_and_unarchive(screen):
    version = make_version("TST")
    screen.version(version).press("archive")
    screen.says("is archived")
    expect(screen.button("edit")).to_be_disabled()
    expect(screen.button("promote")).to_be_disabled()
    screen.press("unarchive")
    screen.says("is back among the drafts")
    expect(screen.button("edit")).to_be_enabled()


def test_escape_leaves_a_dialog_and_nothing_happens(screen):
    version = make_version("TST")
    screen.version(version).press("promote")
    expect(screen.page.locator("dialog[open]")).to_be_visible()
    screen.page.keyboard.press("Escape")
    expect(screen.page.locator("dialog[open]")).to_have_count(0)
    assert PromptVersion.objects.get(pk=version.pk).stage == "TST"


def test_every_button_can_be_reached_and_pressed_by_keyboard(screen):
    version = make_version("DEV")
    screen.version(version)
    reached = set()
    for _ in range(60):
        screen.page.keyboard.press("Tab")
        reached.add(screen.page.evaluate("document.activeElement.dataset.action ?? ''"))
    assert {"edit", "test", "promote", "create", "delete"} <= reached
    screen.button("promote").focus()
    screen.page.keyboard.press("Enter")
    screen.shows("v1.0", "TST")


@pytest.mark.parametrize("java_script", [True, False])
def test_a_question_on_a_page_of_its_own_is_answered_there(screen_for, people, java_script):
    """Opened in a new tab, or reloaded: there is no screen behind it to be swapped."""
    tab = screen_for(people["manager"], java_script=java_script)
    version = make_version("TST")
    tab.version(version, "promote/").confirm()
    tab.shows("v1.0", "PRD")
    successor = make_version("TST", prompt=version.prompt)
    tab.version(successor, "promote/").confirm()
    tab.shows(successor.label, "PRD")
    tab.version(version, "rollback/").page.fill("#reason", "Answers are shorter now.")
    tab.confirm()
    tab.shows("v1.2", "PRD")


def test_a_refusal_is_said_on_the_page_of_the_question(screen):
    version = gated()
    screen.version(version, "promote/").confirm()
    screen.says("v1.0 is not evaluated. Evaluate it.")
    screen.shows("v1.0", "TST")


@pytest.mark.parametrize(("action", "opens"), [("promote", "dialog[open]"), ("edit", "form[data-guard]")])
def test_the_space_bar_presses_every_button(screen, action, opens):
    screen.version(make_version("TST")).button(action).focus()
    screen.page.keyboard.press(" ")
    expect(screen.page.locator(opens)).to_be_visible()


def test_two_presses_on_a_slow_server_are_one(screen):
    version = make_version("TST")
    screen.version(version).press("promote")
    expect(screen.page.locator("dialog[open] #reason")).to_be_focused()
    held = []
    screen.page.route("**/promote/", lambda route: route.continue_() if held else held.append(route))
    # Without waiting for what it leads to, as press() would: the answer is held back.
    enter = "document.querySelector('dialog[open] form').requestSubmit()"
    screen.page.evaluate(enter)
    expect(screen.page.locator("form.htmx-request")).to_be_visible()
    screen.page.evaluate(enter)
    while not held:
        screen.page.wait_for_timeout(10)
    held[0].continue_()
    screen.says("is in PRD now.")
    screen.page.wait_for_load_state("networkidle")
    expect(screen.page.locator("[data-refusal]")).to_have_count(0)
    assert [event.action for event in LedgerEvent.objects.order_by("-id")[:2]] == ["promoted", "promoted"]
    assert LedgerEvent.objects.filter(to_stage="PRD").count() == 1
