"""Evaluations in a real browser: asked for in a dialog, watched while they run, looked into, with and without JavaScript."""

import pytest
from playwright.sync_api import expect

from evaluations import datasets, running
from evaluations.models import EvaluationRun
from tests.evaluations.gating import gated, give_examples
from tests.factories import make_prompt
from versions.models import PromptVersion


@pytest.fixture
def version(people) -> PromptVersion:
    found = gated(examples=2)
    give_examples(found.prompt, 3, greeting="Goodbye")
    return found


def test_a_run_is_asked_for_watched_and_looked_into(screen, version):
    screen.version(version)
    screen.press("evaluate")
    dialog = screen.page.locator("dialog[open]")
    expect(dialog).to_contain_text("3 examples")
    dialog.locator("[name=repeat]").fill("99")
    dialog.locator("[name=repeat]").evaluate("field => field.removeAttribute('max')")
    screen.confirm()
    expect(dialog).to_contain_text("less than or equal to 20")
    dialog.locator("[name=repeat]").fill("2")
    screen.confirm()
    screen.page.wait_for_url("**/evaluations/*-*/")
    screen.says("Waiting")
    running.work(EvaluationRun.objects.get().pk)
    screen.says("The score 0 is below the threshold 0.85.")  # the page saw to that itself
    expect(screen.page.locator("#run")).to_have_attribute("data-status", "succeeded")
    screen.page.locator("#row-2").click()
    expect(dialog.locator("h1")).to_have_text("ex-1")
    expect(dialog.locator("del").first).to_have_text("Goodbye")
    dialog.get_by_role("link", name="Next").click()
    expect(dialog.locator("h1")).to_have_text("ex-2")
    screen.page.keyboard.press("Escape")
    expect(screen.page.locator("dialog[open]")).to_have_count(0)
    screen.page.get_by_role("link", name="Failed").click()
    screen.page.wait_for_url("**/?show=failed")


def test_a_bad_line_is_mended_in_the_page(screen, people):
    prompt = make_prompt(name="parts", template_source="{{ part_number }}")
    screen.open("/prompts/parts/examples/import/")
    good = '{"input": {"part_number": "AB-123-X"}, "expected": {"category": "resistor"}}'
    screen.page.locator("#id_text").fill(f"{good}\nnot json")
    screen.page.locator("[data-save]").click()
    screen.says("Nothing was stored.")
    expect(screen.page.locator(".problems dt")).to_have_text("line 2")
    assert datasets.current(prompt) is None
    screen.page.locator("#id_text").fill(good)
    screen.page.locator("[data-save]").click()
    screen.says("One example is read.")
    screen.page.get_by_label("Choose ex-").check()
    screen.page.get_by_role("button", name="Remove the chosen ones").click()
    screen.says("is removed")
    screen.says("No examples yet")
    screen.problems = [problem for problem in screen.problems if "status of 400" not in problem]


def test_it_all_works_without_javascript(screen_for, people, version):
    tab = screen_for(people["engineer"], java_script=False)
    tab.version(version)
    tab.press("evaluate")
    tab.confirm()
    tab.says("Waiting")
    running.work(EvaluationRun.objects.get().pk)
    tab.page.get_by_role("link", name="Look again").click()
    tab.says("The score 0 is below the threshold 0.85.")
    tab.page.locator("#row-1").click()
    tab.says("Goodbye n0")
    assert tab.problems == []
