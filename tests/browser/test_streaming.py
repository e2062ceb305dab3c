"""The TEST panel while an answer comes: piece by piece with JavaScript, whole without."""

import time

import pytest
from playwright.sync_api import expect

from executions.models import Execution
from tests.factories import make_version

TEXT = "A poem about {{ name }}"


def panel(tab, model, typed="the sea"):
    version = make_version("DEV", template_source=TEXT, config={"model": model})
    tab.version(version, "test/")
    tab.page.locator("#var-1").fill(typed)
    return version


@pytest.fixture
def run(screen):
    def press(model, typed="the sea"):
        version = panel(screen, model, typed)
        screen.page.locator("[data-run]").click()
        return version

    return press


def test_pieces_show_before_the_end_and_then_the_whole_result(screen, llm_settings, run):
    run("slowly-2")  # between "A poem" and "sea" there is time enough to look
    streamed = screen.page.locator(".result[aria-busy=true] .text")
    expect(streamed).to_contain_text("A poem ")
    assert "sea" not in streamed.inner_text()
    assert Execution.objects.get().status == "running"
    expect(screen.page.locator("[data-result]")).to_have_text("A poem about the sea")
    expect(screen.page.locator("#test .result header")).to_contain_text("5 + 5 tokens")
    expect(screen.page.locator("[aria-busy=true]")).to_have_count(0)
    kept = Execution.objects.get()
    assert (kept.status, kept.response_text, kept.provider) == ("succeeded", "A poem about the sea", "compatible")
    assert [request["body"].get("stream") for request in llm_settings.seen()] == [True]


def test_what_is_typed_stays_and_the_next_test_runs(screen, llm_settings, run):
    run("echo", "<b>Ö</b> & co")
    expect(screen.page.locator("[data-result]")).to_have_text("A poem about <b>Ö</b> & co")
    expect(screen.page.locator("#var-1")).to_have_value("<b>Ö</b> & co")
    screen.page.locator("#var-1").fill("rain")
    screen.page.locator("[data-run]").click()
    expect(screen.page.locator("[data-result]")).to_have_text("A poem about rain")
    assert Execution.objects.count() == 2


def test_a_failure_in_the_middle_is_said_with_a_link_to_the_run(screen, llm_settings, run, settings):
    settings.EXECUTION_ATTEMPTS = 1
    run("cut-off")
    screen.says("The answer of compatible broke off before its end.")
    kept = Execution.objects.get()
    assert (kept.status, kept.error_type) == ("failed", "provider_bad_answer")
    screen.page.get_by_role("link", name="See the run").click()
    screen.page.wait_for_url(f"**/executions/{kept.pk}/")


def test_without_javascript_the_form_brings_it_whole(screen_for, people, llm_settings):
    tab = screen_for(people["engineer"], java_script=False)
    panel(tab, "echo")
    tab.page.locator("[data-run]").click()
    expect(tab.page.locator("[data-result]")).to_have_text("A poem about the sea")
    assert [request["body"].get("stream") for request in llm_settings.seen()] == [None]


def test_who_goes_elsewhere_is_not_called_back(screen, llm_settings, run):
    run("slowly-2")
    expect(screen.page.locator(".result[aria-busy=true] .text")).to_contain_text("A poem")
    screen.page.locator("a[data-action=edit]").click()
    expect(screen.page.locator("form[data-guard]")).to_be_visible()
    until = time.monotonic() + 60
    while Execution.objects.get().status == "running" and time.monotonic() < until:
        screen.page.wait_for_timeout(100)
    assert Execution.objects.get().status == "succeeded"
    screen.page.wait_for_timeout(500)
    expect(screen.page.locator("form[data-guard]")).to_be_visible()
