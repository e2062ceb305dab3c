"""On paper and in forced colours: what colour alone said on the screen is still said."""

import pytest

from tests.factories import TESTER, make_version
from versions.seen import ANYTHING


@pytest.fixture
def compared(transactional_db) -> str:
    version = make_version("DEV", name="greet", template_source="Hello {{ name }}, old words.")
    version.create_new(by=TESTER, seen=ANYTHING, template_source="Hello {{ name }}, new words.")
    return "/prompts/greet/versions/v1.1/diff/"


def decoration(tab, selector):
    return tab.page.locator(selector).first.evaluate("(each) => getComputedStyle(each).textDecorationLine")


@pytest.mark.parametrize("media", [{"media": "print"}, {"forced_colors": "active"}])
def test_a_difference_is_more_than_colour(screen_for, people, compared, media):
    tab = screen_for(people["viewer"]).open(compared)
    assert decoration(tab, ".diff ins") == "none"
    tab.page.emulate_media(**media)
    assert (decoration(tab, ".diff del"), decoration(tab, ".diff ins")) == ("line-through", "underline")


def test_on_a_phone_a_difference_has_signs(screen_for, people, compared):
    tab = screen_for(people["viewer"], width=390).open(compared)
    signs = "(each) => getComputedStyle(each, '::before').content.slice(1, 2)"
    assert [tab.page.locator(f".diff {side}").first.evaluate(signs) for side in (".was", ".is")] == ["−", "+"]


def test_what_is_printed_is_light_and_has_no_buttons(screen_for, people, compared):
    tab = screen_for(people["viewer"], scheme="dark").open(compared)
    tab.page.locator("[data-theme-toggle]").click()
    tab.page.locator("[data-theme-toggle]").click()
    assert tab.page.evaluate("document.documentElement.dataset.theme") == "dark"
    tab.page.emulate_media(media="print")
    assert tab.page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert not any(each.is_visible() for each in tab.page.locator(".btn, .top, .foot").all())
