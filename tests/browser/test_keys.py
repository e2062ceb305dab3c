"""What a keyboard does on the screen: real key presses, which is how text is lost when a shortcut listens too widely."""

from playwright.sync_api import expect

from tests.factories import TESTER, make_version
from versions.models import PromptVersion
from versions.seen import ANYTHING


def focused(screen) -> str:
    return screen.page.evaluate("document.activeElement.id || document.activeElement.className")


def typed(screen) -> str:
    return screen.page.locator("#id_template_source").input_value()


def test_shortcuts_stay_out_of_the_editor(screen):
    version = make_version("DEV", template_source="Old.")
    screen.version(version, "edit/")
    screen.page.locator("#id_template_source[data-grown]").wait_for(state="attached")
    screen.page.locator(".cm-content").click()
    screen.page.keyboard.press("Control+a")
    screen.page.keyboard.type("see /here, e/e")
    assert typed(screen) == "see /here, e/e"
    screen.page.keyboard.press("Control+s")
    screen.says("v1.0: Saved.")
    assert PromptVersion.objects.get(pk=version.pk).template_source == "see /here, e/e"


def test_shortcuts_outside_it(screen):
    screen.version(make_version("DEV"))
    screen.page.keyboard.press("/")
    assert focused(screen) == "search"
    screen.page.locator("h1").click()
    screen.page.keyboard.press("e")
    expect(screen.page.locator("#id_template_source[data-grown]")).to_be_attached()


def test_tab_leaves_the_editor(screen):
    screen.version(make_version("DEV"), "edit/")
    screen.page.locator("label[for=id_template_source]").click()
    assert screen.page.evaluate("document.activeElement.shadowRoot !== null")
    screen.page.keyboard.press("Tab")
    assert focused(screen) == "id_commit_message"


def test_a_press_beside_the_editor_asks_before_the_text_is_lost(screen):
    asked = []
    answers = iter([False, True])
    screen.page.on(
        "dialog", lambda dialog: (asked.append(dialog.type), dialog.accept() if next(answers) else dialog.dismiss())
    )
    screen.version(make_version("DEV"), "edit/")
    screen.page.locator(".cm-content").fill("Not saved.")
    screen.press("test")
    assert typed(screen) == "Not saved."
    screen.press("test")
    expect(screen.page.locator("#test")).to_be_visible()
    assert asked == ["confirm", "confirm"]


def test_the_focus_goes_where_the_work_goes_on(screen):
    screen.version(make_version("DEV", template_source="{{ word }}")).press("test")
    expect(screen.page.locator("#var-1")).to_be_focused()
    screen.page.keyboard.type("bread")
    screen.page.locator("[data-run]").click()
    expect(screen.page.locator("[data-result]")).to_be_focused()


def test_the_focus_comes_back_from_a_question(screen):
    screen.version(make_version("TST"))
    screen.button("promote").focus()
    screen.page.keyboard.press("Enter")
    expect(screen.page.locator("#reason")).to_be_focused()
    screen.page.keyboard.press("Escape")
    expect(screen.button("promote")).to_be_focused()


def test_the_reason_of_a_button_that_is_off_is_reached_by_keyboard(screen):
    screen.version(make_version("PRD"))
    screen.button("test").focus()
    screen.page.keyboard.press("Shift+Tab")
    expect(screen.page.locator("#why-edit")).to_be_visible()


def test_a_long_difference_folds_and_unfolds(screen):
    lines = [f"Line {number}." for number in range(40)]
    version = make_version("PRD", template_source="\n".join(lines))

    lines[20] = "Another line."
    version.create_new(by=TESTER, seen=ANYTHING, template_source="\n".join(lines))
    screen.open(f"/prompts/{version.prompt.name}/versions/v1.1/diff/?against=v1.0".replace(" ", "%20"))
    expect(screen.page.get_by_text("Another line.")).to_be_visible()
    expect(screen.page.get_by_text("Line 3.").first).to_be_hidden()
    screen.page.get_by_role("button", name="17 lines are the same").click()
    expect(screen.page.get_by_text("Line 3.").first).to_be_visible()
