"""The six scenarios of S0, by clicking."""

import pytest
from playwright.sync_api import expect

from tests.factories import TESTER, make_prompt, make_version
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING


def walk(version: PromptVersion, *stages: str) -> PromptVersion:
    for stage in stages:
        version = version.promote(by=TESTER, to=stage, seen=ANYTHING)
    return version


@pytest.fixture
def prompt(people) -> Prompt:
    """v2.2 in PRD and nothing beside it; v1.0 to v2.1 stand before it."""
    prompt = make_prompt(name="support reply", template_source="Hello {{ name }}.")
    first = prompt.versions.get()
    v20 = first.create_new(by=TESTER, seen=ANYTHING, bump="major")
    v21 = v20.create_new(by=TESTER, seen=ANYTHING)
    walk(v21.create_new(by=TESTER, seen=ANYTHING), "TST", "PRD")
    return prompt


def named(prompt: Prompt, label: str) -> PromptVersion:
    found = prompt.versions.select_related("prompt").look_up(label)
    assert found is not None, label
    return found


def stages(prompt: Prompt) -> dict[str, str]:
    return {
        version.label: version.stage for version in prompt.versions.all() if version.major == 2 and version.minor > 1
    }


def test_scenario_1_iterating_on_a_dev_draft(screen, prompt):
    draft = named(prompt, "v2.2").create_new(by=TESTER, seen=ANYTHING)
    screen.version(draft).press("edit")
    screen.save("Hi {{ name }}, how are you?", "Warmer")
    screen.says("v2.3: Saved.")
    screen.press("test")
    screen.page.locator("#var-1").fill("Bo")
    screen.page.locator("[data-run]").click()
    expect(screen.page.locator("[data-result]")).to_have_text("Hi Bo, how are you?")
    screen.press("edit")
    screen.save("Hi {{ name }}!")
    screen.says("v2.3: Saved.")
    screen.press("promote")
    screen.shows("v2.3", "TST")
    assert stages(prompt) == {"v2.2": "PRD", "v2.3": "TST"}
    assert named(prompt, "v2.3").template_source == "Hi {{ name }}!"


def test_scenario_2_testing_in_tst(screen, prompt):
    draft = walk(named(prompt, "v2.2").create_new(by=TESTER, seen=ANYTHING), "TST")
    screen.version(draft).press("test")
    screen.says("Runs the saved text in the tst environment")
    screen.page.locator("#var-1").fill("Bo")
    screen.page.locator("[data-run]").click()
    screen.says("environment tst")
    screen.press("edit")
    screen.save("Fixed {{ name }}.")
    screen.says("v2.3: Saved.")
    screen.shows("v2.3", "TST")
    screen.press("promote")
    dialog = screen.page.locator("dialog[open]")
    expect(dialog).to_contain_text("takes the place of v2.2")
    expect(dialog.locator("ins").first).to_have_text("Fixed")
    screen.confirm()
    screen.shows("v2.3", "PRD")
    assert stages(prompt) == {"v2.2": "RET", "v2.3": "PRD"}
    old, new = named(prompt, "v2.2"), named(prompt, "v2.3")
    assert new.deployed_at == old.retired_at


def test_scenario_3_a_new_version_from_production(screen, prompt):
    live = named(prompt, "v2.2")
    screen.version(live)
    expect(screen.button("edit")).to_be_disabled()
    expect(screen.button("edit")).to_have_attribute("title", "Cannot edit production versions")
    screen.press("create")
    screen.shows("v2.3", "DEV")
    expect(screen.page.locator("[data-save]")).to_be_visible()
    expect(screen.page.locator(".cm-content")).to_contain_text("Hello {{ name }}.")
    screen.save("Changed {{ name }}.")
    screen.says("v2.3: Saved.")
    assert named(prompt, "v2.2").template_source == "Hello {{ name }}."
    assert stages(prompt) == {"v2.2": "PRD", "v2.3": "DEV"}


def test_scenario_4_several_drafts(screen, prompt):
    live = named(prompt, "v2.2")
    v23 = walk(live.create_new(by=TESTER, seen=ANYTHING), "TST")
    v24 = live.create_new(by=TESTER, seen=ANYTHING)
    v25 = live.create_new(by=TESTER, seen=ANYTHING)
    screen.version(v24).press("edit")
    screen.save("Only here.")
    screen.says("v2.4: Saved.")
    screen.version(v24).press("promote")
    screen.shows("v2.4", "TST")
    screen.version(v23).press("promote").confirm()
    screen.shows("v2.3", "PRD")
    screen.version(v25).press("delete").confirm()
    screen.says("v2.5 is deleted.")
    assert stages(prompt) == {"v2.2": "RET", "v2.3": "PRD", "v2.4": "TST"}
    assert named(prompt, "v2.4").template_source == "Only here."


def test_scenario_5_a_hotfix(screen, prompt):
    screen.version(named(prompt, "v2.2")).press("create")
    screen.shows("v2.3", "DEV")
    screen.save("Fixed {{ name }}.", "Hotfix")
    screen.says("v2.3: Saved.")
    screen.press("promote")
    screen.shows("v2.3", "TST")
    screen.press("test")
    screen.page.locator("#var-1").fill("Bo")
    screen.page.locator("[data-run]").click()
    expect(screen.page.locator("[data-result]")).to_have_text("Fixed Bo.")
    screen.press("promote").confirm()
    screen.shows("v2.3", "PRD")
    assert stages(prompt) == {"v2.2": "RET", "v2.3": "PRD"}


def test_scenario_6_looking_at_production_history(screen, people):
    old = make_version("RET", name="history")
    screen.version(old)
    screen.says("Replaced by: v1.1")
    expect(screen.page.locator("[data-metadata]")).to_contain_text("(0 days)")
    expect(screen.button("edit")).to_be_disabled()
    expect(screen.button("promote")).to_have_count(0)
    screen.press("test")
    screen.says("Runs the saved text in the ret environment")
    screen.page.locator("#var-1").fill("Bo")
    screen.page.locator("[data-run]").click()
    expect(screen.page.locator("[data-result]")).to_have_text("Hello Bo!")
    screen.press("create")
    screen.shows("v1.2", "DEV")
