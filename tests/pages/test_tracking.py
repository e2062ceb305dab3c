"""Tracking prompts on the pages: where they come from, what is off and why, and presses in vain."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from agents.models import Agent
from ledger.actors import Actor
from ledger.models import LedgerEvent
from repository.items import read_items
from repository.registration import register
from tests.factories import TESTER, make_agent, make_prompt, make_version
from tests.versions.refusing import everything
from versions.models import Prompt, PromptVersion

pytestmark = pytest.mark.django_db
REASON = "Prompt &#x27;Stan.default&#x27; is in tracking mode. Use code-based endpoints instead."
ROBOT = Actor(name="deploy-robot", user_id=7, api_key="abc123")
ONE, TWO, THREE = "1" * 40, "2" * 40, "3" * 40


def send(text: str, commit: str, hours: int, **fields: Any) -> None:
    committed = (timezone.now() - timedelta(hours=hours)).isoformat()
    item = {"agent": "Stan", "template_source": text, "commit": commit, "committed_at": committed, **fields}
    register(read_items([item]), by=ROBOT)


@pytest.fixture
def stan() -> Prompt:
    """v1.0 in RET, v2.0 in PRD where an older instance came in vain, v3.0 in TST."""
    send("One {{ name }}", ONE, 9)
    send("Two", TWO, 5)
    send("One {{ name }}", ONE, 9)
    send("Three", THREE, 1, environment="tst")
    return Prompt.objects.get()


def text(page: Client, path: str) -> str:
    answer = page.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def words(html: str, marker: str) -> str:
    """The words of the section that bears the marker."""
    section = html.partition(marker)[2].partition(">")[2].partition("</section>")[0]
    return " ".join(strip_tags(section.replace("</d", " </d").replace("<span", " <span")).split())


def test_a_version_says_where_it_comes_from(stan, page):
    live = stan.production
    said = words(text(page, "/prompts/Stan.default/versions/v2.0/"), "data-origin")
    at, committed = (moment.strftime("%b %-d, %Y %H:%M") for moment in (live.deployed_at, live.committed_at))
    assert said.startswith("Registered from code Git owns this text: change it there and deploy.")
    assert f"Registered {at} by deploy-robot key abc123 from environment prd, into PRD" in said
    assert f"Commit {TWO} of {committed}" in said
    ignored = LedgerEvent.objects.get(action="registration_ignored")
    assert (
        f"Ignored {ignored.at.strftime('%b %-d, %Y %H:%M')}: deploy-robot came with an older commit {ONE[:10]}" in said
    )
    assert "nothing was changed" in said


def test_a_git_revert_names_the_version_that_it_brings_back(stan, page):
    send("One {{ name }}", "4" * 40, 0)
    html = text(page, "/prompts/Stan.default/versions/v4.0/")
    assert "with the text of v1.0 again" in words(html, "data-origin")
    assert 'href="/prompts/Stan.default/versions/v1.0/"' in html


def test_a_version_that_went_from_tst_to_prd_names_both_registrations(stan, page):
    send("Three", THREE, 1)
    said = words(text(page, "/prompts/Stan.default/versions/v3.0/"), "data-origin")
    assert "from environment prd, into PRD" in said
    assert "from environment tst, into TST" in said


def test_an_instance_that_comes_again_and_again_does_not_fill_the_page(stan, page):
    for _ in range(5):
        send("One {{ name }}", ONE, 9)
    html = text(page, "/prompts/Stan.default/versions/v2.0/")
    assert html.count("<dt>Ignored</dt>") == 3
    assert '<a href="/prompts/Stan.default/history/?version=2">3 more in the history</a>' in html


def test_a_prompt_of_people_has_no_such_section(page):
    make_version("PRD", name="mine")
    html = text(page, "/prompts/mine/")
    assert "data-origin" not in html
    assert "New major version" in html


@pytest.mark.parametrize("label", ["v1.0", "v2.0", "v3.0"])
def test_all_buttons_but_test_are_off_and_say_why(stan, manager, label):
    client = Client()
    client.force_login(manager.user)
    html = text(client, f"/prompts/Stan.default/versions/{label}/")
    for name in ("edit", "create", "delete"):
        assert f'data-action="{name}" disabled title="{REASON}"' in html
    assert 'role="button" data-action="test"' in html
    assert "New major version" not in html
    if label == "v1.0":
        assert f'data-action="rollback" disabled title="{REASON}"' in html
    if label == "v3.0":
        for name in ("promote", "archive"):
            assert f'data-action="{name}" disabled title="{REASON}"' in html


ADDRESSES = [
    (label, press) for label in ("v1.0", "v2.0", "v3.0") for press in ("edit", "promote", "delete", "rollback")
]


@pytest.mark.parametrize(("label", "press"), ADDRESSES)
def test_an_address_typed_by_hand_leads_to_the_reason(stan, manager, label, press):
    client = Client()
    client.force_login(manager.user)
    answer = client.get(f"/prompts/Stan.default/versions/{label}/{press}/")
    assert answer.status_code == 400
    assert REASON in answer.content.decode()


@pytest.mark.parametrize("label", ["v1.0", "v2.0", "v3.0"])
@pytest.mark.parametrize("press", ["edit", "promote", "delete", "rollback", "create", "archive", "unarchive"])
def test_a_press_by_hand_is_in_vain(stan, manager, label, press):
    client = Client()
    client.force_login(manager.user)
    version = stan.versions.look_up(label)
    seen = {"seen_stage": version.stage, "seen_revision": "1"}
    data = {"to": "PRD", "reason": "Because.", "template_source": "Mine.", "config": "{}", "commit_message": ""}
    before = everything()
    for more in (data, {"restore": version.content_hash, "reason": "Because.", "to": "TST"}):
        answer = client.post(f"/prompts/Stan.default/versions/{label}/{press}/", {**seen, **more})
        assert answer.status_code == 400, answer.content
        assert REASON in answer.content.decode()
    assert everything() == before


def test_a_first_draft_is_refused_before_it_is_written(stan, page):
    before = everything()
    for answer in (page.get("/prompts/Stan.default/first-draft/"),
                   page.post("/prompts/Stan.default/first-draft/", {"template_source": "x", "config": "{}"})):  # fmt: skip
        assert answer.status_code == 400
        assert REASON in answer.content.decode()
    assert everything() == before


def test_the_slot_is_taken_on_the_page_for_new_prompts(stan, page):
    before = everything()
    form = {"name": "another", "agent": str(stan.agent_id), "status_key": "default", "type": "text",
            "template_source": "Mine.", "config": "{}"}  # fmt: skip
    answer = page.post("/new-prompt/", form)
    assert answer.status_code == 422
    assert "This agent already has a prompt for this status key." in answer.content.decode()
    assert everything() == before


def test_an_earlier_text_can_be_seen_and_not_brought_back(stan, page):
    html = text(page, f"/prompts/Stan.default/texts/{stan.versions.get(version=1).content_hash}/?version=2")
    assert html.count(f'disabled title="{REASON}"') == 2


def test_what_people_own_of_it_can_be_changed(stan, page):
    form = {"title": "Words", "description": "d", "owner_team": "t", "tags": "a, b", "metadata": "{}"}
    assert page.post("/prompts/Stan.default/change/", form).status_code == 302
    stan.refresh_from_db()
    assert (stan.title, stan.tags) == ("Words", ["a", "b"])
    assert page.post("/prompts/Stan.default/archive/", {"archived": "1"}).status_code == 302
    stan.refresh_from_db()
    assert stan.archived_at is not None and stan.production.template_source == "Two"


@pytest.mark.parametrize("path", ["/", "/prompts/", "/agents/Stan/"])
def test_lists_show_the_mode(stan, page, path):
    make_prompt(agent=Agent.objects.get(), status_key="B")
    assert text(page, path).count(">tracking</span>") == 1


def test_a_prompt_without_an_agent_shows_its_mode_on_the_first_page(page):
    register(read_items([{"name": "loose", "template_source": "x"}]), by=TESTER)
    assert text(page, "/").count(">tracking</span>") == 1


def test_the_history_speaks_in_plain_words(stan, page):
    send("One {{ name }}", "4" * 40, 0)
    html = " ".join(text(page, "/prompts/Stan.default/history/").split())
    for said in (
        "<b>deploy-robot</b> <span class=\"tag\">key abc123</span> came with an older commit and changed nothing: it stays at",
        "from code, environment tst, commit",
        f'<span class="mono" title="{TWO}">{TWO[:10]}</span> of ',
        "in place of v2.0",
        "with the text of v1.0 again",
    ):  # fmt: skip
        assert said in html, said
    assert "registration_ignored" not in html.replace("dot-registration_ignored", "")


def test_a_page_of_a_tracking_version_asks_two_queries_more(stan, page, django_assert_max_num_queries):
    text(page, "/prompts/Stan.default/versions/v1.0/")
    with django_assert_max_num_queries(16):
        text(page, "/prompts/Stan.default/versions/v2.0/")


# Deleting: 409, archive instead


def test_neither_prompt_nor_agent_can_be_deleted_on_a_page(stan, page):
    before = everything()
    assert "Archive it instead" in text(page, "/prompts/Stan.default/delete/")
    for path in ("/prompts/Stan.default/delete/", "/agents/Stan/delete/"):
        answer = page.post(path)
        assert answer.status_code == 409
        assert "Archive it instead." in answer.content.decode()
    assert everything() == before


def test_nor_over_the_api(stan, api):
    before = everything()
    for path in ("/prompts/Stan.default", "/agents/Stan"):
        answer = api("DELETE", path)
        assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
        assert answer.json()["detail"].endswith("Archive it instead.")
    assert everything() == before


def test_nor_in_the_admin(stan, admin):
    admin.user.is_staff = True
    client = Client()
    client.force_login(admin.user)
    before = everything()
    agent = Agent.objects.get()
    for path, pk in (("agents/agent", agent.pk), ("versions/prompt", stan.pk)):
        answer = client.post(f"/admin/{path}/", {"action": "delete_unused", "_selected_action": [pk]}, follow=True)
        assert "Archive it instead." in answer.content.decode()
        assert client.post(f"/admin/{path}/{pk}/delete/", {"post": "yes"}).status_code == 403
    assert everything() == before
    client.post("/admin/agents/agent/", {"action": "archive", "_selected_action": [agent.pk]})
    agent.refresh_from_db()
    assert agent.archived_at is not None
    assert PromptVersion.objects.of_agent(agent, "default").live().template_source == "Two"


@pytest.mark.parametrize("stage", ["TST", "PRD", "RET"])
def test_an_agent_with_one_version_past_dev_keeps_all_its_prompts(stage, page, api, admin):
    agent = make_agent(name="Mixed")
    make_version(stage, agent=agent, name="mine")
    make_prompt(agent=agent, status_key="B")
    before = everything()
    assert page.post("/agents/Mixed/delete/").status_code == 409
    assert api("DELETE", "/agents/Mixed").status_code == 409
    assert everything() == before


# What is active by default


def test_active_default_prompt_id_on_page_api_and_admin(stan, page, api, admin):
    live = stan.production
    html = text(page, "/agents/Stan/")
    assert f"Stan.default v2.0</a> (id {live.pk})" in html
    assert api("GET", "/agents/Stan").json()["active_default_prompt_id"] == live.pk
    client = Client()
    client.force_login(admin.user)
    for path in ("/admin/agents/agent/", f"/admin/agents/agent/{stan.agent_id}/change/"):
        said = client.get(path).content.decode()
        assert "Active default prompt id" in said and f">{live.pk}<" in said
    form = {"description": "x", "primary_status_key": "default", "active_default_prompt": "1"}
    client.post(f"/admin/agents/agent/{stan.agent_id}/change/", form)
    assert Agent.objects.get().active_default_prompt_id == live.pk


def test_where_nothing_is_live_under_the_primary_key_the_pages_say_so(page, api, admin):
    make_version("PRD", agent=make_agent(name="Ann", primary_status_key="A"), status_key="B")
    assert "where nothing is live yet" in text(page, "/agents/Ann/")
    assert api("GET", "/agents/Ann").json()["active_default_prompt_id"] is None


def test_is_primary_default_only_sets_the_primary_status_key(page, api):
    """Every first registration of a slot is live; the flag says which one stands in (SPEC 4)."""
    send("A", ONE, 9, status_key="A")
    send("B", ONE, 9, status_key="B", is_primary_default=True)
    agent = Agent.objects.get()
    assert agent.primary_status_key == "B"
    live = {row.prompt.status_key: row for row in PromptVersion.objects.in_production().select_related("prompt")}
    assert set(live) == {"A", "B"}
    assert agent.active_default_prompt_id == live["B"].pk
    event = LedgerEvent.objects.filter(agent="Stan", action="agent_changed").latest("id")
    assert event.detail == {"changes": {"primary_status_key": {"from": "default", "to": "B"}}}
    assert (event.actor, event.api_key) == ("deploy-robot", "abc123")
    before = everything()
    send("B", ONE, 9, status_key="B", is_primary_default=True)
    assert everything() == before


def test_a_prompt_that_came_from_code_once_and_belongs_to_people_says_so(tmp_path, page):
    (tmp_path / "old.csv").write_text("name,system_prompt\nOld,Hello.\n")
    call_command("import_system_prompts", file=tmp_path / "old.csv", stdout=StringIO())
    assert "This text came from code. People own it since." in text(page, "/prompts/Old.default/")
    make_version("PRD", prompt=Prompt.objects.get(name="Old.default"), template_source="Better.")
    html = text(page, "/prompts/Old.default/")
    assert 'The text from code is <a href="/prompts/Old.default/versions/v1.1/diff/?against=v1.0">v1.0</a>' in html
