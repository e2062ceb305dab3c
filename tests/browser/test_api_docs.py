"""The page over the API's schema: works offline, under the strict CSP, and really calls the API."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Screen
from tests.factories import make_version

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_call_is_tried_out_on_the_page(screen: Screen):
    make_version("PRD", name="greet")
    elsewhere: list[str] = []
    screen.page.on(
        "request", lambda asked: None if asked.url.startswith((screen.base, "data:")) else elsewhere.append(asked.url)
    )
    screen.open("/v1/docs")
    call = screen.page.locator("#operations-prompts-prompts_active_retrieve")
    expect(call).to_be_visible()
    call.locator(".opblock-summary-control").first.click()
    call.get_by_role("button", name="Try it out").click()
    call.get_by_placeholder("name", exact=True).fill("greet")
    call.get_by_role("button", name="Execute").click()
    answer = call.locator(".live-responses-table tbody .response-col_description")
    expect(answer.first).to_contain_text(re.compile("Hello .* name .*!"))
    assert elsewhere == []


def test_a_write_from_the_page_carries_the_csrf_token(screen: Screen):
    screen.open("/v1/docs")
    call = screen.page.locator("#operations-agents-agents_create")
    call.locator(".opblock-summary-control").first.click()
    call.get_by_role("button", name="Try it out").click()
    call.locator("textarea").fill('{"name": "Made on the page"}')
    call.get_by_role("button", name="Execute").click()
    expect(call.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("201")
