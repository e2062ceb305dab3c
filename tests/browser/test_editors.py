"""Editing: two people at once, chat as cards, without JavaScript, and nothing typed is lost."""

import pytest
from playwright.sync_api import expect

from tests.factories import TESTER, make_prompt, make_version
from versions.models import PromptVersion
from versions.seen import ANYTHING, Seen


def test_two_editors_the_second_sees_both_texts_and_loses_nothing(screen):
    version = make_version("DEV", template_source="The first text.")
    screen.version(version, "edit/")
    version.edit(by=TESTER, seen=Seen("DEV", 1), template_source="Their text.")
    screen.save("My text.")
    screen.says("Two texts")
    screen.says("Their text.")
    screen.says("My text.")
    assert PromptVersion.objects.get(pk=version.pk).template_source == "Their text."
    screen.page.locator("[data-save]").click()
    screen.says("v1.0: Saved.")
    assert PromptVersion.objects.get(pk=version.pk).template_source == "My text."


def test_a_text_whose_version_went_to_production_can_become_a_new_version(screen):
    version = make_version("TST", template_source="The first text.")
    screen.version(version, "edit/")
    version.promote(by=TESTER, to="PRD", seen=ANYTHING)
    screen.save("My late text.")
    screen.says("Two texts")
    screen.page.get_by_role("button", name="Create a new version with my text").click()
    screen.shows("v1.1", "DEV")
    texts = list(version.prompt.versions.order_by("version").values_list("template_source", flat=True))
    assert texts == ["The first text.", "My late text."]


@pytest.mark.parametrize(
    "text", ["a\nb\n", "a\r\nb\r\n", "\nleading", "trailing  \n\n", "mixed\r\nnewlines\n", "\t{{ x }}"]
)
def test_saving_without_a_change_changes_nothing(screen, text):
    version = make_version("DEV", template_source=text)
    screen.version(version, "edit/")
    expect(screen.page.locator("[data-save]")).to_be_visible()
    screen.page.locator("[data-save]").click()
    screen.says("Nothing to save")
    after = PromptVersion.objects.get(pk=version.pk)
    assert (after.template_source, after.revision) == (text, 1)


def test_chat_is_edited_as_cards(screen):
    messages = [{"role": "system", "content": "Be brief."}, {"type": "placeholder", "name": "history"},
                {"role": "user", "content": "{{ question }}"}]  # fmt: skip
    from versions.content import chat_text

    prompt = make_prompt(type="chat", template_source=chat_text(messages))
    version = prompt.versions.select_related("prompt").get()
    screen.version(version).press("edit")
    screen.page.locator("[data-card-add=message]").click()
    card = screen.page.locator("[data-card]").last
    card.locator("select").select_option("assistant")
    card.locator("textarea").fill("Certainly.")
    card.locator("[data-card-up]").click()
    screen.page.locator("[data-save]").click()
    screen.says("v1.0: Saved.")
    after = PromptVersion.objects.select_related("prompt").get(pk=version.pk)
    said = [message.get("content", message.get("name")) for message in after.messages]
    assert said == ["Be brief.", "history", "Certainly.", "{{ question }}"]


def test_a_wrong_config_is_said_and_the_text_stays(screen):
    version = make_version("DEV", template_source="Old.")
    screen.version(version, "edit/")
    screen.page.locator("#id_config").fill('{"temperature": }')
    screen.save("New, not to be lost.")
    screen.says("is not JSON")
    expect(screen.page.locator(".cm-content")).to_contain_text("New, not to be lost.")
    assert PromptVersion.objects.get(pk=version.pk).template_source == "Old."


def test_the_main_job_without_javascript(screen_for, people):
    tab = screen_for(people["engineer"], java_script=False)
    tab.open("/new-agent/")
    tab.page.locator("#id_name").fill("PlainAgent")
    tab.page.get_by_role("button", name="Create agent").click()
    tab.open("/new-prompt/?agent=PlainAgent")
    tab.page.locator("#id_template_source").fill("Plain {{ word }}")
    tab.page.get_by_role("button", name="Create prompt").click()
    tab.shows("v1.0", "DEV")
    tab.press("edit")
    tab.page.locator("#id_template_source").fill("Plainer {{ word }}")
    tab.page.locator("[data-save]").click()
    tab.says("v1.0: Saved.")
    tab.press("test")
    tab.page.locator("#var-1").fill("bread")
    tab.page.locator("[data-run]").click()
    expect(tab.page.locator("[data-result]")).to_have_text("Plainer bread")
    tab.press("promote")
    tab.shows("v1.0", "TST")
    tab.press("promote").confirm()
    tab.shows("v1.0", "PRD")
    tab.press("create")
    tab.shows("v1.1", "DEV")
    tab.version(PromptVersion.objects.select_related("prompt").get(minor=1)).press("delete").confirm()
    tab.says("v1.1 is deleted.")


def test_an_earlier_text_can_be_brought_back(screen):
    version = make_version("DEV", template_source="One.")
    version.edit(by=TESTER, seen=ANYTHING, template_source="Two.")
    screen.open(f"/prompts/{version.prompt.name}/history/")
    screen.page.get_by_role("link", name="text before").first.click()
    screen.says("One.")
    screen.page.get_by_role("button", name="Bring it back into v1.0").click()
    screen.says("has its earlier text back")
    assert PromptVersion.objects.get(pk=version.pk).template_source == "One."


def test_a_new_placeholder_can_be_moved_like_any_card(screen):
    from versions.content import chat_text

    prompt = make_prompt(type="chat", template_source=chat_text([{"role": "user", "content": "{{ question }}"}]))
    screen.version(prompt.versions.select_related("prompt").get()).press("edit")
    screen.page.locator("[data-card-add=placeholder]").click()
    card = screen.page.locator("[data-card]").last
    card.get_by_label("Name of the placeholder").fill("history")
    card.locator("[data-card-up]").click()
    screen.page.locator("[data-save]").click()
    screen.says("v1.0: Saved.")
    assert [message.get("name") for message in prompt.versions.select_related("prompt").get().messages] == [
        "history",
        None,
    ]
