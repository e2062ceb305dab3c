"""Pages to look at: who may, what they show, and how often they ask the database."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Agent
from ledger.models import LedgerEvent
from tests.factories import TESTER, make_agent, make_prompt, make_tracking_prompt, make_version
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def asked(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200, path
    return len(queries)


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person.user)
    return client


PATHS = ["/", "/prompts/", "/prompts/p/", "/prompts/p/versions/v1.0/", "/prompts/p/versions/v1.0/diff/", "/prompts/p/history/",
         "/agents/A/", "/executions/", "/prompts/p/examples/", "/prompts/p/policy/", "/prompts/p/evaluations/",
         "/prompts/p/evaluations/compare/", "/keys/", "/account/"]  # fmt: skip


@pytest.fixture
def live() -> PromptVersion:
    return make_version("PRD", name="p", agent=make_agent(name="A"))


@pytest.mark.parametrize("path", PATHS)
def test_strangers_sign_in_first(live, path):
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/login/")


@pytest.mark.parametrize("path", PATHS)
def test_viewers_see_every_page(live, viewer, path):
    assert signed_in(viewer).get(path).status_code == 200


@pytest.mark.parametrize("path", PATHS[:12])
def test_somebody_in_no_group_sees_none(live, outsider, path):
    assert signed_in(outsider).get(path).status_code == 403


@pytest.mark.parametrize(
    "path",
    ["/prompts/none/", "/prompts/p/versions/v9.9/", "/prompts/p/versions/latest/", "/prompts/p/versions/0/",
     "/agents/none/", "/executions/none/", "/prompts/none/history/", "/prompts/p/texts/abc/",
     "/prompts/p/versions/v1.0/diff/?against=v7.7", "/nowhere/"],
)  # fmt: skip
def test_what_is_not_there_is_a_404_with_a_way_back(live, page, path):
    answer = page.get(path)
    assert answer.status_code == 404
    assert b'href="/"' in answer.content


@pytest.mark.parametrize(
    "path",
    ["/prompts/?stage=DONE", "/prompts/?mode=x", "/prompts/?ordering=evil", "/executions/?status=x",
     "/prompts/p/history/?version=%C2%B2", "/prompts/?search=%00"],
)  # fmt: skip
def test_an_odd_question_is_a_400(live, page, path):
    assert page.get(path).status_code == 400


@pytest.mark.parametrize(
    "path", ["/prompts/?page=zzz", "/prompts/?page=99999", "/prompts/p/?rail=99999", "/prompts/p/?rail=x"]
)
def test_an_odd_page_number_shows_a_page_that_is_there(live, page, path):
    assert page.get(path).status_code == 200


def test_the_list_asks_as_often_for_60_prompts_as_for_3(page):
    for _ in range(3):
        make_version("PRD", agent=make_agent(), tags=["a"])
    asked(page, "/prompts/")
    few, few_home = asked(page, "/prompts/"), asked(page, "/")
    for _ in range(57):
        make_version("PRD", agent=make_agent(), tags=["a", "b"])
    assert asked(page, "/prompts/") == few <= 15
    assert asked(page, "/") == few_home <= 15


def test_the_screen_asks_as_often_with_200_versions_as_with_2(page):
    version = make_version("PRD", name="long")
    version.create_new(by=TESTER, seen=ANYTHING)
    paths = ["/prompts/long/versions/v1.1/", "/prompts/long/versions/v1.1/edit/", "/prompts/long/versions/v1.1/test/",
             "/prompts/long/history/", "/prompts/long/versions/v1.1/diff/"]  # fmt: skip
    for path in paths:
        asked(page, path)
    few = [asked(page, path) for path in paths]
    for _ in range(198):
        version.create_new(by=TESTER, seen=ANYTHING)
    assert [asked(page, path) for path in paths] == few
    assert max(few) <= 15
    shown = page.get("/prompts/long/versions/v1.1/").content
    assert b"200 versions" in shown
    assert b">v1.1<" in shown


def test_filters_narrow_and_htmx_gets_the_results_alone(page):
    make_version(
        "PRD", name="alpha", agent=make_agent(name="One"), status_key="APPROVED", tags=["x"], title="First words"
    )
    make_prompt(name="beta", template_source="The needle is here.")
    make_tracking_prompt(name="gamma")
    for query, names in {
        "search=needle": ["beta"], "search=First": ["alpha"], "agent=One": ["alpha"], "status_key=APPROVED": ["alpha"],
        "stage=DEV": ["beta"], "stage=PRD": ["alpha", "gamma"], "mode=tracking": ["gamma"], "tag=x": ["alpha"],
        "search=nowhere": [], "archived=true": [], "": ["alpha", "beta", "gamma"],
    }.items():  # fmt: skip
        answer = page.get(f"/prompts/?{query}", headers=HTMX)
        assert [prompt.name for prompt in answer.context["page"]] == names, query
        assert b"<html" not in answer.content


def test_texts_of_strangers_stay_texts(page):
    evil = '<script>alert(1)</script>{{ "x" }} onload="1" & {{ name }}'
    version = make_version("DEV", name="<b>evil", title=evil, description=evil, template_source=evil, tags=["<i>"])
    version.edit(by=TESTER, seen=ANYTHING, commit_message=evil, config={"<u>": "</textarea><script>"})
    for path in ("/", "/prompts/", "/prompts/%3Cb%3Eevil/", "/prompts/%3Cb%3Eevil/versions/v1.0/edit/",
                 "/prompts/%3Cb%3Eevil/history/", "/prompts/%3Cb%3Eevil/change/"):  # fmt: skip
        content = page.get(path).content
        assert b"<script>alert" not in content, path
        assert b"</textarea><script>" not in content, path
        assert b"<b>evil" not in content, path


def test_an_archived_prompt_leaves_the_list_and_can_come_back(page):
    prompt = make_prompt(name="old")
    assert page.post("/prompts/old/archive/", {"archived": "1"}).status_code == 302
    assert [p.name for p in page.get("/prompts/").context["page"]] == []
    assert [p.name for p in page.get("/prompts/?archived=true").context["page"]] == ["old"]
    page.post("/prompts/old/archive/", {"archived": "0"})
    assert Prompt.objects.get(pk=prompt.pk).archived_at is None


def test_a_prompt_with_a_version_past_dev_is_not_deleted(page):
    version = make_version("TST", name="stays")
    events = LedgerEvent.objects.count()
    assert page.post("/prompts/stays/delete/").status_code == 409
    assert PromptVersion.objects.filter(pk=version.pk).exists()
    assert LedgerEvent.objects.count() == events
    make_prompt(name="goes")
    assert page.post("/prompts/goes/delete/").status_code == 302
    assert not Prompt.objects.filter(name="goes").exists()
    assert page.get("/prompts/goes/history/").status_code == 200


def test_an_agent_is_made_changed_and_only_deleted_while_unused(page):
    assert page.post("/new-agent/", {"name": "Stan", "primary_status_key": "NOT_REGISTERED"}).status_code == 302
    page.post("/agents/Stan/change/", {"description": "Says hello.", "primary_status_key": "default"})
    agent = Agent.objects.get(name="Stan")
    assert (agent.description, agent.primary_status_key) == ("Says hello.", "default")
    assert page.post("/new-agent/", {"name": "Stan", "primary_status_key": "x"}).status_code == 422
    make_version("TST", agent=agent)
    assert page.post("/agents/Stan/delete/").status_code == 409
    assert Agent.objects.filter(name="Stan").exists()


def test_viewers_change_nothing(viewer):
    version = make_version("DEV", name="p", agent=make_agent(name="A"))
    before = list(PromptVersion.objects.values()), LedgerEvent.objects.count()
    client = signed_in(viewer)
    seen = {"seen_stage": "DEV", "seen_revision": "1"}
    for path, data in {
        "/prompts/p/versions/v1.0/edit/": {"template_source": "x", "config": "{}"}, "/prompts/p/versions/v1.0/promote/": {"to": "TST"},
        "/prompts/p/versions/v1.0/create/": {}, "/prompts/p/versions/v1.0/delete/": {}, "/prompts/p/versions/v1.0/archive/": {},
        "/prompts/p/versions/v1.0/test/": {"var-name": "x"}, "/prompts/p/change/": {"title": "x", "metadata": "{}"},
        "/prompts/p/delete/": {}, "/prompts/p/archive/": {"archived": "1"}, "/new-agent/": {"name": "B", "primary_status_key": "d"},
        "/agents/A/delete/": {}, "/agents/A/change/": {"primary_status_key": "x"}, "/new-prompt/": {"name": "q", "type": "text"},
    }.items():  # fmt: skip
        assert client.post(path, seen | data).status_code == 403, path
    assert (list(PromptVersion.objects.values()), LedgerEvent.objects.count()) == before
    assert version.prompt.executions.count() == 0


@pytest.mark.parametrize(
    "data", [{}, {"seen_stage": "DEV"}, {"seen_revision": "1"}, {"seen_stage": "DEV", "seen_revision": "²"}]
)
def test_a_form_that_does_not_say_what_was_seen_is_refused(page, data):
    version = make_version("DEV", name="p")
    assert page.post("/prompts/p/versions/v1.0/promote/", {"to": "TST", **data}).status_code == 400
    assert PromptVersion.objects.get(pk=version.pk).stage == "DEV"


def test_htmx_gets_the_screen_and_the_address(page):
    make_version("DEV", name="p")
    data = {"to": "TST", "seen_stage": "DEV", "seen_revision": "1"}
    answer = page.post("/prompts/p/versions/v1.0/promote/", data, headers=HTMX)
    assert (answer.status_code, answer["HX-Push-Url"]) == (200, "/prompts/p/versions/v1.0/")
    assert b'id="screen"' in answer.content
    assert b"<html" not in answer.content
    late = page.post("/prompts/p/versions/v1.0/promote/", data, headers=HTMX)
    assert (late.status_code, b"Nothing was changed" in late.content) == (409, True)


def test_what_an_agent_falls_back_to_stands_first_and_is_never_cut_off(viewer):
    agent = make_agent(name="A", primary_status_key="zz")
    for key in ("a", "b", "c", "d", "e", "f", "zz"):
        make_prompt(agent=agent, status_key=key)
    home = signed_in(viewer).get("/")
    assert [prompt.status_key for prompt in home.context["agents"][0].slots] == ["zz", "a", "b", "c", "d", "e"]
    page = signed_in(viewer).get("/agents/A/")
    assert [prompt.status_key for prompt in page.context["slots"]] == ["zz", "a", "b", "c", "d", "e", "f"]


def test_agents_that_do_not_fit_are_found_by_their_name(viewer, monkeypatch):
    monkeypatch.setattr("promptledger.views.AGENTS", 1)
    for name in ("Ann", "Bob"):
        make_agent(name=name)
    client = signed_in(viewer)
    everything, one, none = (
        client.get("/", query).content.decode() for query in ({}, {"search": "bo"}, {"search": "x"})
    )
    assert "1 of 2 agents" in everything and 'id="agents-search"' in everything
    assert "/agents/Bob/" in one and 'value="bo"' in one
    assert "Nothing matches" in none and "No agents yet" not in none and 'value="x"' in none


@pytest.mark.parametrize(
    ("path", "here"),
    [("/", "Agents"), ("/agents/A/", "Agents"), ("/new-agent/", "Agents"), ("/prompts/p/", "Prompts"),
     ("/new-prompt/", "Prompts"), ("/executions/", "Executions"), ("/analytics/", "Analytics")],
)  # fmt: skip
def test_the_menu_says_where_one_is(live, engineer, path, here):
    page = signed_in(engineer).get(path).content.decode()
    menu = page[page.index('aria-label="Main"') :].split("</nav>")[0]
    assert [line.split(">")[1].split("<")[0] for line in menu.splitlines() if "aria-current" in line] == [here]


def test_every_page_says_the_zone_of_its_times(live, viewer, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    assert "Times are in Europe/Berlin" in signed_in(viewer).get("/prompts/p/history/").content.decode()


def test_prompts_without_an_agent_that_do_not_fit_are_one_link_away(viewer, monkeypatch):
    monkeypatch.setattr("promptledger.views.LOOSE", 1)
    client = signed_in(viewer)
    make_prompt(name="one")
    assert ">All prompts</a>" not in client.get("/").content.decode()
    make_prompt(name="two")
    page = client.get("/")
    assert [prompt.name for prompt in page.context["loose"]] == ["one"]
    assert ">All prompts</a>" in page.content.decode()


OFF = {"New agent": "new-agent", "New prompt": "new-prompt", "Describe": "describe"}


@pytest.mark.parametrize(
    ("path", "labels"),
    [("/", ["New agent", "New prompt"]), ("/prompts/", ["New prompt"]), ("/agents/A/", ["Describe", "New prompt"]),
     ("/prompts/p/", ["Describe"])],
)  # fmt: skip
def test_what_one_may_not_do_is_off_and_says_why(live, viewer, engineer, path, labels):
    seen, may = (signed_in(person).get(path).content.decode() for person in (viewer, engineer))
    for label in labels:
        assert f'aria-label="{label} is off"' in seen
        assert f'id="why-{OFF[label]}">You are not allowed to ' in seen
        assert f'aria-label="{label} is off"' not in may
    assert not any(address in seen for address in ('"/new-agent/', '"/new-prompt/', '/change/"'))


def test_somebody_in_no_group_finds_the_way_to_sign_out(outsider):
    client = signed_in(outsider)
    refused = client.get("/")
    assert refused.status_code == 403
    assert 'href="/account/"' in refused.content.decode()
    assert 'action="/logout/"' in client.get("/account/").content.decode()


def test_an_empty_ledger_offers_a_viewer_no_way_that_is_closed(viewer):
    for path in ("/", "/prompts/"):
        page = signed_in(viewer).get(path).content.decode()
        assert '"/new-agent/' not in page and '"/new-prompt/' not in page
