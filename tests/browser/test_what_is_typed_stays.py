"""What is typed stays: signed out, signed in anew elsewhere, no server, the version gone."""

import pytest
from playwright.sync_api import expect

from tests.factories import TESTER, make_prompt, make_version
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING

MINE = "Typed for an hour, {{ name }}."
SIGNED_OUT = "You are signed out."


def sign_out(tab):
    tab.page.context.clear_cookies()


def sign_in_beside(tab):
    """In another tab of the same browser, as the link of the notice leads there."""
    beside = tab.page.context.new_page()
    beside.goto(tab.base + "/login/")
    beside.locator("#id_login").fill("engineer")
    beside.locator("#id_password").fill("engineer-password-42")
    beside.get_by_role("button", name="Sign in").click()
    beside.wait_for_url(tab.base + "/")


@pytest.fixture
def tab(screen_for, people):
    return screen_for(people["engineer"])


def test_signed_out_in_the_middle_of_an_edit_one_signs_in_elsewhere_and_saves(tab):
    version = make_version("DEV", template_source="Old.")
    tab.version(version, "edit/")
    sign_out(tab)
    tab.save(MINE)
    notice = tab.page.locator("#failed")
    expect(notice).to_contain_text(SIGNED_OUT)
    expect(notice.get_by_role("link", name="Sign in")).to_have_attribute("target", "_blank")
    expect(tab.page.locator(".cm-content")).to_have_text(MINE)
    assert PromptVersion.objects.get(pk=version.pk).template_source == "Old."
    sign_in_beside(tab)
    tab.page.locator("[data-save]").click()
    tab.says("v1.0: Saved.")
    expect(notice).to_be_hidden()
    assert PromptVersion.objects.get(pk=version.pk).template_source == MINE


def test_signed_in_anew_elsewhere_the_open_editor_still_saves(tab):
    version = make_version("DEV", template_source="Old.")
    tab.version(version, "edit/")
    sign_out(tab)
    sign_in_beside(tab)
    tab.save(MINE)
    tab.says("v1.0: Saved.")
    assert PromptVersion.objects.get(pk=version.pk).template_source == MINE


def test_a_new_prompt_is_not_lost_by_being_signed_out(tab):
    tab.open("/new-prompt/")
    tab.page.locator("#id_template_source[data-grown]").wait_for(state="attached")
    tab.page.locator("#id_name").fill("poem")
    tab.page.locator(".cm-content").fill(MINE)
    sign_out(tab)
    create = tab.page.get_by_role("button", name="Create prompt")
    create.click()
    expect(tab.page.locator("#failed")).to_contain_text(SIGNED_OUT)
    expect(tab.page.locator(".cm-content")).to_have_text(MINE)
    assert not Prompt.objects.exists()
    sign_in_beside(tab)
    create.click()
    tab.says("poem is there")
    assert PromptVersion.objects.get().template_source == MINE


def test_which_button_sent_a_plain_form_is_kept(screen):
    """`Save and write another` says so by its name."""
    prompt = make_prompt(name="greet")
    screen.open(f"/prompts/{prompt.name}/examples/add/")
    screen.page.locator("#in-1").fill("Bo")
    screen.page.locator("#expected").fill("Hello Bo!")
    screen.page.get_by_role("button", name="Save and write another").click()
    screen.page.wait_for_url("**/examples/add/**")
    expect(screen.page.locator("#in-1")).to_have_value("")


@pytest.mark.parametrize("path", ["/new-prompt/", "/prompts/greet/versions/v1.0/edit/"])
def test_without_a_server_the_text_stays_and_that_is_said_in_sight(tab, path):
    make_version("DEV", name="greet")
    tab.open(path)
    tab.page.locator("#id_template_source[data-grown]").wait_for(state="attached")
    if path == "/new-prompt/":
        tab.page.locator("#id_name").fill("poem")
    tab.page.locator(".cm-content").fill("line\n" * 80)
    tab.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    tab.page.context.set_offline(True)
    tab.page.locator("form[data-guard] .btn.primary").click()
    notice = tab.page.locator("#failed")
    expect(notice).to_contain_text("What you typed is still here")
    covered = "([x, y]) => document.elementFromPoint(x, y).closest('#failed') === null"
    box = notice.bounding_box()
    assert not tab.page.evaluate(covered, [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
    expect(tab.page.locator(".cm-content")).to_contain_text("line")
    tab.page.context.set_offline(False)
    tab.page.locator("form[data-guard] .btn.primary").click()
    tab.says("poem is there" if path == "/new-prompt/" else "v1.0: Saved.")


def test_the_draft_is_gone_when_it_is_saved(tab):
    version = make_version("DEV", template_source="Old.")
    tab.version(version, "edit/")
    version.delete_draft(by=TESTER, seen=ANYTHING)
    tab.save(MINE)
    expect(tab.page.locator("#failed")).to_contain_text("What you typed is still here")
    expect(tab.page.locator(".cm-content")).to_have_text(MINE)


def test_without_a_server_a_dialog_says_so_itself(tab):
    version = make_version("TST")
    tab.version(version).press("promote")
    dialog = tab.page.locator("dialog[open]")
    expect(dialog).to_be_visible()
    tab.page.context.set_offline(True)
    tab.confirm()
    expect(dialog.locator("[role=alert]")).to_contain_text("The server did not answer")
    tab.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(tab.page.locator("#failed")).to_be_hidden()
    tab.page.context.set_offline(False)
    tab.press("promote").confirm()
    tab.shows(version.label, "PRD")


def test_a_test_when_signed_out_says_so(tab):
    version = make_version("DEV")
    tab.version(version, "test/")
    tab.page.locator("#var-1").fill("Bo")
    sign_out(tab)
    tab.page.locator("[data-run]").click()
    expect(tab.page.locator("#failed")).to_contain_text(SIGNED_OUT)
    expect(tab.page.locator("#var-1")).to_have_value("Bo")


def test_leaving_changed_words_about_a_prompt_asks_first(tab):
    make_version("DEV", name="greet")
    asked = []
    tab.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    tab.open("/prompts/greet/change/")
    tab.page.locator("#id_title").press_sequentially("Greeting")
    tab.page.locator(".brand").click()
    tab.page.wait_for_url(tab.base + "/")
    assert asked == ["beforeunload"]
