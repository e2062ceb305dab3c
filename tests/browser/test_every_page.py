"""Every page: no serious finding by axe, no report of the content security policy, no sideways scrolling."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from evaluations import alerts, datasets, running
from evaluations.items import Item
from evaluations.models import EvaluationRun, NoticeKind, Proposal
from evaluations.starting import start
from executions.running import run_test
from repository.items import read_items
from repository.registration import register
from tests.evaluations.gating import gated
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
    for text in ("From git {{ name }}.", "From git again.", "From git {{ name }}."):
        item = {"agent": "Tracked Agent", "template_source": text, "commit": "c" * 40}
        register(read_items([item | {"committed_at": "2026-01-31T12:00:00Z"}]), by=TESTER)
    register(read_items([item | {"template_source": "Old.", "committed_at": "2025-01-31T12:00:00Z"}]), by=TESTER)
    tracked = "/prompts/Tracked%20Agent.default"
    scored = evaluated()
    waiting = start(scored.version.create_new(by=TESTER, seen=ANYTHING), by=TESTER)
    run = run_test(live, by=TESTER, seen=ANYTHING, variables={"name": "Bo"})
    one = f"/prompts/{name}/versions"
    return [
        "/", "/agents/Stan%20Agent/", "/agents/Stan%20Agent/change/", "/new-agent/", "/prompts/", "/prompts/?search=zzz",
        "/new-prompt/", "/new-prompt/?type=chat", f"/prompts/{name}/", f"{one}/v1.1/", f"{one}/v1.1/edit/",
        f"{one}/v1.1/test/", f"{one}/v1.1/promote/", f"{one}/v1.1/diff/", f"/prompts/{name}/history/",
        f"/prompts/{name}/change/", f"/prompts/{name}/delete/", f"/prompts/{name}/texts/{live.content_hash}/?version=2",
        f"/prompts/{chat.name}/versions/v1.0/edit/", f"/prompts/{chat.name}/versions/v1.0/delete/",
        f"/prompts/{old.prompt.name}/versions/v1.0/", f"/prompts/{old.prompt.name}/versions/v1.0/rollback/",
        f"{tracked}/versions/v1.0/", f"{tracked}/versions/v3.0/", f"{tracked}/history/", f"{tracked}/versions/v3.0/edit/",
        "/agents/Tracked%20Agent/",
        "/analytics/?include_tests=1", "/automation/", "/executions/", f"/executions/{run.pk}/", "/keys/", "/account/", "/prompts/nobody/",
        "/v1/docs",
        "/prompts/gated/versions/v1.0/", "/prompts/gated/versions/v1.0/evaluate/", "/prompts/gated/examples/?dataset=1",
        "/prompts/gated/examples/", "/prompts/gated/examples/one/?id=ex-0", "/prompts/gated/examples/add/",
        "/prompts/gated/examples/change/?id=ex-0", "/prompts/gated/examples/import/", "/prompts/gated/policy/",
        "/prompts/gated/evaluations/", "/prompts/gated/evaluations/compare/", f"/evaluations/{scored.pk}/",
        f"/evaluations/{scored.pk}/examples/1/", f"/evaluations/{waiting.pk}/", f"/prompts/{chat.name}/examples/",
        f"/prompts/{chat.name}/evaluations/",
    ]  # fmt: skip


def evaluated() -> EvaluationRun:
    """A run with passed and failed answers, of a version that waits for two approvals; the second of two datasets."""
    version = gated(examples=3, required_approvals=2)
    rows = [
        Item("ex-0", {"name": "n0"}, {"value": "Bye n0"}, 2, ("smoke",)), Item("ex-1", {"name": "n1"}, {"value": "Hello n1"}),
    ]  # fmt: skip
    datasets.replace(version.prompt, by=TESTER, examples=rows)
    alerts.give(version, NoticeKind.READY, "It is ready.", proposal=Proposal.PROMOTE)
    return running.work(start(version, by=TESTER, repeat=2).pk)


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
    assert [problem for problem in tab.problems if not any(code in problem for code in ("404", "status of 400"))] == []


def test_axe_finds_nothing_serious_in_the_admin(screen_for, paths, transactional_db):
    from tests.conftest import make_user

    tab = screen_for(make_user("admin", is_staff=True, is_superuser=True))
    rows = ("agents/agent", "versions/prompt", "versions/promptversion", "ledger/ledgerevent", "executions/execution",
            "accounts/apikey", "evaluations/evaluationrun", "evaluations/exampleresult", "evaluations/datasetversion")  # fmt: skip
    found = []
    for path in (
        "/admin/",
        *(f"/admin/{row}/" for row in rows),
        "/admin/agents/agent/add/",
        "/admin/versions/prompt/add/",
    ):
        tab.open(path)
        for violation in Axe().run(tab.page).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                found.append((path, violation["id"], [node["html"] for node in violation["nodes"]][:2]))
    assert found == []
    assert tab.problems == []


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


@pytest.mark.parametrize("width", [1440, 390])
def test_pages_without_anything_on_them(screen_for, people, width):
    tab = screen_for(people["manager"], width=width)
    found = []
    for path in ("/", "/prompts/", "/?search=x", "/executions/", "/analytics/", "/automation/", "/keys/"):
        tab.open(path)
        serious = [
            one for one in Axe().run(tab.page).response["violations"] if one["impact"] in ("serious", "critical")
        ]
        found += [(path, one["id"]) for one in serious]
        for said in tab.page.locator(".time > li.quiet").all():
            # In the column of the dots it would stand a word a line.
            assert said.bounding_box()["width"] > 200
    assert found == []
    assert tab.problems == []


@pytest.mark.parametrize("width", [1440, 390])
def test_no_name_is_too_long_for_a_page(screen_for, people, width):
    agent = make_agent(name="A" * 255, description="d" * 300)
    version = make_version("PRD", name="N" * 255, agent=agent, status_key="K" * 255, title="t" * 255, tags=["w" * 50])
    chat = chat_text(
        [{"role": "user", "content": "{{ %s }}" % ("v" * 100)}, {"type": "placeholder", "name": "p" * 100}]
    )
    make_prompt(name="chat", type="chat", template_source=chat)
    tab = screen_for(people["manager"], width=width)
    prompt, found = f"/prompts/{version.prompt.name}", []
    for path in (
        "/", "/prompts/", f"/agents/{agent.name}/", f"/agents/{agent.name}/change/", f"{prompt}/", f"{prompt}/history/",
        f"{prompt}/change/", f"{prompt}/examples/", f"{prompt}/policy/", f"{prompt}/evaluations/", "/prompts/chat/",
        f"{prompt}/versions/v1.0/test/", f"{prompt}/versions/v1.0/diff/", f"/executions/?prompt={version.prompt.name}",
    ):  # fmt: skip
        tab.open(path)
        if tab.page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(path)
        wraps = "[...document.querySelectorAll('.table-wrap')].some((each) => each.scrollWidth > each.clientWidth)"
        if tab.page.evaluate(wraps):
            found.append(f"{path}: a table scrolls sideways")
    assert found == []


def test_no_width_makes_a_page_scroll_sideways(screen_for, people, paths):
    """A phone, a zoomed page, half a screen: the top of the page is the same on all of them."""
    tab, found = screen_for(people["manager"], width=320), []
    for path in ("/", "/prompts/Tracked%20Agent.default/", "/prompts/gated/examples/", "/analytics/?include_tests=1"):
        tab.open(path)
        for width in range(320, 1441, 40):
            tab.page.set_viewport_size({"width": width, "height": 700})
            if tab.page.evaluate("document.documentElement.scrollWidth") > width:
                found.append((path, width))
    assert found == []
