"""Every page: no serious finding by axe, no report of the content security policy, no sideways scrolling."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from executions.running import run_test
from tests.factories import TESTER, make_agent, make_prompt, make_version
from versions.content import chat_text
from versions.seen import ANYTHING


@pytest.fixture
def paths(people) -> list[str]:
    agent = make_agent(name="Stan Agent", description="Answers.")
    live = make_version("PRD", agent=agent, status_key="default", title="Default words", tags=["a", "b"])
    name = live.prompt.name.replace(" ", "%20")
    draft = live.create_new(by=TESTER, seen=ANYTHING, template_source="Another {{ name }} text.")
    draft.promote(by=TESTER, to="TST", seen=ANYTHING)
    chat = make_prompt(name="chat", type="chat", template_source=chat_text([{"role": "user", "content": "{{ q }}"}]))
    old = make_version("RET", name="old")
    run = run_test(live, by=TESTER, seen=ANYTHING, variables={"name": "Bo"})
    one = f"/prompts/{name}/versions"
    return [
        "/", "/agents/Stan%20Agent/", "/agents/Stan%20Agent/change/", "/new-agent/", "/prompts/", "/prompts/?search=zzz",
        "/new-prompt/", "/new-prompt/?type=chat", f"/prompts/{name}/", f"{one}/v1.1/", f"{one}/v1.1/edit/",
        f"{one}/v1.1/test/", f"{one}/v1.1/promote/", f"{one}/v1.1/diff/", f"/prompts/{name}/history/",
        f"/prompts/{name}/change/", f"/prompts/{name}/delete/", f"/prompts/{name}/texts/{live.content_hash}/?version=2",
        f"/prompts/{chat.name}/versions/v1.0/edit/", f"/prompts/{chat.name}/versions/v1.0/delete/",
        f"/prompts/{old.prompt.name}/versions/v1.0/", f"/prompts/{old.prompt.name}/versions/v1.0/rollback/",
        "/executions/", f"/executions/{run.pk}/", "/keys/", "/account/", "/prompts/nobody/",
    ]  # fmt: skip


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)])
def test_axe_finds_nothing_serious_and_the_csp_reports_nothing(screen_for, people, paths, scheme, width):
    tab = screen_for(people["manager"], scheme=scheme, width=width)
    found = []
    for path in paths:
        tab.open(path)
        tab.page.wait_for_load_state("networkidle")
        for violation in Axe().run(tab.page).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                found.append((path, violation["id"], [node["html"] for node in violation["nodes"]][:2]))
        if tab.page.evaluate("document.documentElement.scrollWidth") > width:
            found.append((path, "scrolls sideways", []))
    assert found == []
    assert [problem for problem in tab.problems if "404" not in problem] == []


def test_signing_in_and_out(screen_for, people):
    tab = screen_for(None).open("/prompts/?search=x")
    tab.says("Sign in")
    assert Axe().run(tab.page).response["violations"] == []
    tab.page.locator("#id_login").fill("engineer")
    tab.page.locator("#id_password").fill("wrong")
    tab.page.get_by_role("button", name="Sign in").click()
    tab.says("not correct")
    tab.page.locator("#id_password").fill("engineer-password-42")
    tab.page.get_by_role("button", name="Sign in").click()
    tab.page.wait_for_url("**/prompts/?search=x")
    tab.page.locator("details.menu > summary").click()
    tab.page.get_by_role("button", name="Sign out").click()
    tab.says("Sign in")


def test_a_key_is_made_shown_once_and_revoked(screen):
    screen.open("/keys/")
    screen.page.locator("#id_name").fill("pipeline")
    screen.page.get_by_role("button", name="Make key").click()
    key = screen.page.locator("[data-key]").inner_text()
    assert key.startswith("pl_live_")
    screen.open("/keys/")
    assert key not in screen.page.content()
    screen.page.get_by_role("button", name="Revoke").click()
    screen.confirm()
    screen.says("pipeline is revoked")
