"""Agents over the API."""

from typing import Any

import pytest

from agents.models import Agent
from ledger.models import LedgerEvent
from tests.factories import TESTER, make_agent, make_prompt, make_version

pytestmark = pytest.mark.django_db


def test_an_agent_is_made_read_and_listed(api: Any):
    made = api("POST", "/agents", {"name": "Stan Agent", "description": "Sorts parts."})
    assert made.status_code == 201
    shown = made.json()
    assert (shown["name"], shown["description"], shown["primary_status_key"]) == (
        "Stan Agent",
        "Sorts parts.",
        "default",
    )
    assert (shown["active_default_prompt_id"], shown["prompts_count"], shown["archived"]) == (None, 0, False)
    assert api("GET", "/agents/Stan%20Agent").json() == shown
    assert api("GET", "/agents").json() == {"count": 1, "next": None, "previous": None, "results": [shown]}
    assert LedgerEvent.objects.get().action == "agent_created"


def test_names_are_case_sensitive_and_unique(api: Any):
    for name in ("Stan", "stan"):
        assert api("POST", "/agents", {"name": name}).status_code == 201
    again = api("POST", "/agents", {"name": "Stan"})
    assert (again.status_code, again.json()["code"], list(again.json()["errors"])) == (400, "invalid", ["name"])
    assert [one["name"] for one in api("GET", "/agents").json()["results"]] == ["Stan", "stan"]
    assert api("GET", "/agents/STAN").status_code == 404


@pytest.mark.parametrize("name", [None, "", " ", "a/b", " a", "a\n", "..", "x" * 256, 7, ["a"], {"a": 1}, True])
def test_a_bad_name_is_refused_and_nothing_stored(name: Any, api: Any):
    answer = api("POST", "/agents", {"name": name})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["name"])
    assert not Agent.objects.exists()
    assert not LedgerEvent.objects.exists()


def test_active_default_prompt_id_is_the_version_in_production_under_the_primary_status_key(api: Any):
    agent = make_agent(name="Stan")
    live = make_version("PRD", agent=agent, name="a")
    other = make_version("PRD", agent=agent, name="b", status_key="APPROVED")
    make_version("TST", agent=agent, name="c", status_key="DRAFTED")
    assert api("GET", "/agents/Stan").json()["active_default_prompt_id"] == live.pk
    moved = api("PATCH", "/agents/Stan", {"primary_status_key": "APPROVED"}).json()
    assert (moved["active_default_prompt_id"], moved["prompts_count"]) == (other.pk, 3)
    assert api("PATCH", "/agents/Stan", {"primary_status_key": "DRAFTED"}).json()["active_default_prompt_id"] is None


def test_an_agent_is_changed_and_the_change_written_down(api: Any):
    make_agent(name="Stan")
    assert api("PATCH", "/agents/Stan", {"description": "New"}).json()["description"] == "New"
    event = LedgerEvent.objects.get(action="agent_changed")
    assert event.detail == {"changes": {"description": {"from": "", "to": "New"}}}
    assert event.actor == "engineer"
    api("PATCH", "/agents/Stan", {"description": "New"})
    assert LedgerEvent.objects.filter(action="agent_changed").count() == 1


@pytest.mark.parametrize("field", ["name", "id", "created_at", "active_default_prompt_id", "nonsense"])
def test_what_cannot_be_written_is_refused_by_name(field: str, api: Any):
    make_agent(name="Stan")
    answer = api("PATCH", "/agents/Stan", {field: "2001-01-01", "description": "New"})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert Agent.objects.get().description == ""


def test_what_was_read_may_be_sent_back_as_it_was(api: Any):
    make_agent(name="Stan")
    shown = api("GET", "/agents/Stan").json()
    changed = api("PATCH", "/agents/Stan", {**shown, "description": "New"})
    assert changed.json() == {**shown, "description": "New"}


def test_an_archived_agent_is_hidden_and_comes_back(api: Any):
    make_agent(name="Stan")
    assert api("PATCH", "/agents/Stan", {"archived": True}).json()["archived"] is True
    assert api("GET", "/agents").json()["count"] == 0
    assert api("GET", "/agents?archived=1").json()["count"] == 1
    assert api("GET", "/agents/Stan").status_code == 200
    assert api("PATCH", "/agents/Stan", {"archived": False}).json()["archived"] is False
    assert api("GET", "/agents").json()["count"] == 1


def test_an_agent_with_drafts_only_is_deleted_with_them(api: Any):
    agent = make_agent(name="Stan")
    make_prompt(agent=agent, name="p")
    assert api("DELETE", "/agents/Stan").status_code == 204
    assert api("GET", "/agents/Stan").status_code == 404
    assert api("GET", "/prompts/p").status_code == 404
    assert LedgerEvent.objects.filter(action="agent_deleted").count() == 1


@pytest.mark.parametrize("stage", ["TST", "PRD", "RET"])
def test_an_agent_whose_version_left_dev_stays(stage: str, api: Any):
    agent = make_agent(name="Stan")
    make_version(stage, agent=agent, name="p")
    before = LedgerEvent.objects.count()
    answer = api("DELETE", "/agents/Stan")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert "Archive it instead" in answer.json()["detail"]
    assert (Agent.objects.count(), LedgerEvent.objects.count()) == (1, before)


def test_agents_come_by_name_in_pages_and_can_be_searched(api: Any):
    for name in ("delta", "alpha", "charlie", "bravo"):
        make_agent(name=name)
    first = api("GET", "/agents?page_size=3").json()
    assert [one["name"] for one in first["results"]] == ["alpha", "bravo", "charlie"]
    assert (first["count"], first["previous"]) == (4, None)
    assert first["next"].endswith("/v1/agents?page=2&page_size=3")
    assert [one["name"] for one in api("GET", "/agents?page_size=3&page=2").json()["results"]] == ["delta"]
    assert [one["name"] for one in api("GET", "/agents?search=LPH").json()["results"]] == ["alpha"]
    assert api("GET", "/agents?page=3&page_size=3").status_code == 404


def test_the_list_asks_the_database_as_often_for_3_agents_as_for_30(api: Any, django_assert_num_queries: Any):
    def fill(number: int) -> None:
        for n in range(number):
            make_version("PRD", agent=Agent.create(by=TESTER, name=f"a{Agent.objects.count()}-{n}"))

    fill(3)
    api("GET", "/agents")
    for more in (0, 27):
        fill(more)
        with django_assert_num_queries(6):
            api("GET", "/agents")
