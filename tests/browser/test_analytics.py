"""The page of analytics in a browser: what a chart says under the pointer, with JavaScript and without."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from tests.analytics.rows import make_execution
from tests.factories import make_version


@pytest.fixture
def shown(transactional_db):
    """Something to show."""
    version = make_version("PRD", name="greet")
    make_execution(version, created_at=datetime.now(UTC), latency_ms=1_200, cost_usd=Decimal("0.5"))


def test_a_chart_says_what_is_under_the_pointer(shown, screen):
    page = screen.open("/analytics/").page
    latency = page.locator(".chart-latency")
    expect(latency.locator(".readout")).to_be_hidden()
    latency.locator(".place").last.hover(force=True)
    expect(latency.locator(".readout")).to_contain_text("p50 1.2 s, p95 1.2 s")
    box, plot = latency.locator(".readout").bounding_box(), latency.locator(".plot").bounding_box()
    assert plot["x"] - 1 <= box["x"] and box["x"] + box["width"] <= plot["x"] + plot["width"] + 1
    cost = page.locator(".chart-cost")
    cost.locator(".place").last.hover(force=True)
    expect(cost.locator(".readout")).to_contain_text("US dollars $0.50")
    expect(latency.locator(".readout")).to_be_hidden()


def test_a_mark_hides_no_figures(shown, screen):
    """A mark lies over the figures of its time, wherever in the day it falls: under the pointer both are said."""
    page = screen.open("/analytics/").page
    latency = page.locator(".chart-latency")
    latency.locator(".marked").hover(force=True)
    expect(latency.locator(".readout")).to_have_text(re.compile(r"greet v1\.0 went live on .+\n.+: p50 "))


def test_another_time_is_shown_without_a_new_page(shown, screen):
    page = screen.open("/analytics/").page
    page.evaluate("window.same = true")
    page.locator("#f-days").select_option("7")
    expect(page.locator(".chart-executions .place")).to_have_count(7)
    assert "days=7" in page.url and page.evaluate("window.same")
    page.locator(".chart-tokens .place").last.hover(force=True)
    expect(page.locator(".chart-tokens .readout")).to_contain_text("In 10, Out 5")


def test_without_javascript_the_numbers_are_there(shown, screen_for, people):
    page = screen_for(people["viewer"], java_script=False).open("/analytics/").page
    assert page.locator(".chart-cost .place title").last.text_content().endswith("US dollars $0.50")
    page.locator(".chart-cost summary").click()
    expect(page.locator(".chart-cost tbody tr").last).to_contain_text("$0.50")
    page.locator("#f-days").select_option("7")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".chart-executions .place")).to_have_count(7)


def test_a_finger_is_told_too(shown, screen_for, people):
    page = screen_for(people["viewer"], width=390).open("/analytics/").page
    latency = page.locator(".chart-latency")
    latency.scroll_into_view_if_needed()
    box = latency.locator(".place").last.bounding_box()
    at = {"clientX": box["x"] + box["width"] / 2, "clientY": box["y"] + 60, "bubbles": True}
    latency.locator(".place").last.dispatch_event("pointerdown", at)
    expect(latency.locator(".readout")).to_contain_text("p50 1.2 s, p95 1.2 s")
