"""The pages of executions in a real browser: what runs shows itself, answers stand beside each other."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from executions import leases, running
from executions.models import Execution
from executions.providers import ProviderError
from tests.executions.providers import Scripted
from tests.factories import TESTER, make_version
from versions.seen import ANYTHING

LIVE, DRAFT = "Good morning {{ name }}!\nWhat can we do?", "Good evening {{ name }}!\nWhat can we do?\nIn {{ place }}?"
NAME = "Ada"


def work_off() -> None:
    """What a worker does."""
    while row := leases.claim(worker="worker-1"):
        running.carry_out(row)


@pytest.fixture
def versions(people: Any) -> tuple[Any, Any]:
    """One that serves, and a draft of it."""
    live = make_version("PRD", template_source=LIVE, title="Greeting")
    return live, live.create_new(by=TESTER, seen=ANYTHING, template_source=DRAFT)


def test_two_versions_are_run_and_stand_beside_each_other_when_they_have_answered(screen, versions):
    live, draft = versions
    screen.version(draft)
    screen.page.locator("#runs").scroll_into_view_if_needed()
    expect(screen.page.locator("#runs")).to_contain_text("It has not been run yet.")
    screen.page.locator("#runs").get_by_role("link", name="Compare answers").click()
    screen.page.get_by_label("name", exact=True).fill(NAME)
    screen.page.get_by_label("place", exact=True).fill("Oslo")
    screen.page.get_by_role("button", name=f"Run {live.label} and {draft.label}").click()
    screen.says("Waiting for a worker")
    work_off()
    expect(screen.page.locator("#runs del")).to_have_text(["morning"])
    expect(screen.page.locator("#runs ins")).to_have_text(["evening", "In Oslo?"])
    expect(screen.page.locator("#runs .notice")).to_have_count(0)
    screen.says("no model was asked")


def test_a_run_is_followed_to_its_end_and_run_again(screen, versions):
    live, _ = versions
    running.run(live, by=TESTER, variables={"name": NAME}, mode="async")
    screen.open("/executions/")
    expect(screen.page.locator("#results")).to_contain_text("Queued")
    work_off()
    expect(screen.page.locator("#results")).to_contain_text("Succeeded")
    screen.page.locator("#results a").first.click()
    screen.says("Good morning Ada!")
    screen.page.get_by_role("button", name="Run again").click()
    screen.says("Waiting for a worker")
    screen.page.get_by_role("button", name="Cancel").click()
    screen.says("Canceled")
    assert sorted(Execution.objects.values_list("status", flat=True)) == ["canceled", "succeeded"]


def test_a_press_counts_though_the_page_asks_anew_meanwhile(screen, versions):
    """A person's finger is down for a tenth of a second; the buttons are not replaced under it."""
    run = running.run(versions[0], by=TESTER, variables={"name": NAME}, mode="async")
    screen.open(f"/executions/{run.pk}/")
    cancel = screen.page.get_by_role("button", name="Cancel")
    cancel.hover()
    screen.page.mouse.down()
    screen.page.evaluate("document.getElementById('run').dataset.old = 'yes'")
    screen.page.evaluate("new Promise((done) => document.addEventListener('htmx:afterRequest', done, { once: true }))")
    expect(screen.page.locator("#run[data-old]")).to_have_count(1)
    screen.page.mouse.up()
    screen.says("Canceled")
    assert Execution.objects.get().status == "canceled"


def test_a_page_that_asks_anew_goes_on_after_a_press(screen, versions):
    run = running.run(versions[0], by=TESTER, variables={"name": NAME}, mode="async")
    screen.open(f"/executions/{run.pk}/")
    screen.page.get_by_role("heading", level=1).click()
    work_off()
    screen.says("Succeeded")


def test_filters_act_as_they_are_set(screen, versions):
    live, draft = versions
    running.run(live, by=TESTER, variables={"name": NAME})
    running.run(draft, by=TESTER, variables={"name": NAME, "place": "Oslo"}, is_test=True)
    screen.open("/executions/")
    rows = screen.page.locator("#results tbody tr")
    expect(rows).to_have_count(2)
    screen.page.get_by_label("Tests").select_option("Only tests")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(draft.label)
    screen.page.get_by_label("Version").fill(live.label)
    expect(screen.page.locator("#results")).to_contain_text("Nothing matches")
    screen.page.wait_for_url("**label=*is_test=1*")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_axe_finds_nothing_serious(screen_for, people, versions, settings, scheme, width):
    live, draft = versions
    settings.PROVIDERS = {**settings.PROVIDERS, "scripted": "tests.executions.providers.Scripted"}
    settings.EXECUTION_RETRY_WAITS = [0.0]
    Scripted.script = [ProviderError("mine answered 503: overloaded", code="provider_server_error") for _ in range(3)]
    one = running.run(live, by=TESTER, variables={"name": NAME})
    two = running.run(draft, by=TESTER, variables={"name": NAME, "place": "Oslo"}, correlation_id="trace-1")
    with pytest.raises(ProviderError) as failed:
        running.run(live, by=TESTER, variables={"name": NAME}, provider="scripted", params={"temperature": 0.2})
    waiting = running.run(live, by=TESTER, variables={"name": NAME}, mode="async")
    tab = screen_for(people["engineer"], scheme=scheme, width=width)
    found = []
    for path in (
        "", f"{two.pk}/", f"{failed.value.data['execution_id']}/", f"{waiting.pk}/", f"compare/?run={two.pk}",
        f"compare/?left={one.pk}&right={two.pk}", f"compare/?left={one.pk}&right={waiting.pk}",
    ):  # fmt: skip
        tab.open(f"/executions/{path}")
        found += [
            (path, violation["id"], [node["html"] for node in violation["nodes"]][:2])
            for violation in Axe().run(tab.page).response["violations"]
            if violation["impact"] in ("serious", "critical")
        ]
        if tab.page.evaluate("document.documentElement.scrollWidth") > width:
            found.append((path, "scrolls sideways", []))
    assert found == []
    assert tab.problems == []
