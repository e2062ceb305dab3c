"""The ledger over the API: every change once, newest first, filtered, chained."""

from typing import Any

import pytest

from ledger.models import LedgerEvent
from tests.conftest import Api, make_person, make_user
from tests.factories import make_prompt, make_version

pytestmark = pytest.mark.django_db

KEYS = {
    "id", "at", "actor", "action", "prompt", "version", "label", "from_stage", "to_stage", "reason", "before_hash",
    "after_hash", "hash", "previous_hash", "detail",
}  # fmt: skip


def actions(api: Any, query: str = "", at: str = "/events") -> list[str]:
    answer = api("GET", f"{at}?{query}")
    assert answer.status_code == 200, answer.content
    return [one["action"] for one in answer.json()["results"]]


def test_every_change_is_one_event_and_the_events_are_a_chain(api: Any):
    api("POST", "/prompts", {"name": "p", "template_source": "One"})
    api("PATCH", "/prompts/p/versions/1", {"template_source": "Two"})
    api("POST", "/prompts/p/versions/1/promote", {"to": "TST"})
    api("POST", "/prompts/p/versions/1/promote", {"to": "PRD", "reason": "Good"})
    said = api("GET", "/prompts/p/events").json()
    events = said["results"]
    assert [one["action"] for one in events] == ["promoted", "promoted", "edited", "created", "prompt_created"]
    assert set(events[0]) >= KEYS
    newest = events[0]
    assert (newest["actor"], newest["from_stage"], newest["to_stage"], newest["reason"]) == (
        "engineer",
        "TST",
        "PRD",
        "Good",
    )
    assert (newest["prompt"], newest["version"], newest["label"]) == ("p", 1, "v1.0")
    assert [one["previous_hash"] for one in events] == [*(one["hash"] for one in events[1:]), ""]
    assert api("GET", f"/events/{newest['id']}").json() == newest


def test_a_refusal_leaves_no_event(api: Any):
    make_version("PRD", name="p")
    before = actions(api)
    for method, path, body in (
        ("PATCH", "/prompts/p/versions/1", {"template_source": "x"}),
        ("POST", "/prompts/p/versions/1/promote", {"to": "TST"}),
        ("DELETE", "/prompts/p/versions/1", None),
        ("DELETE", "/prompts/p", None),
    ):
        assert api(method, path, body).status_code == 409
    assert actions(api) == before


def test_filters(api: Any, viewer: Any):
    make_version("RET", name="p")
    api("POST", "/agents", {"name": "Stan"})
    api("POST", "/prompts", {"name": "q", "agent": "Stan", "template_source": "x"})
    assert actions(api, "actor=engineer") == ["created", "prompt_created", "agent_created"]
    assert actions(api, "agent=Stan&action=created") == ["created"]
    assert actions(api, "prompt=p&version=2") == ["promoted", "promoted", "created"]
    assert actions(api, "label=v1.0", "/prompts/p/events") == ["promoted", "promoted", "created"]
    assert actions(api, "actor=nobody") == []


def test_since_includes_and_until_excludes_the_instant(api: Any):
    make_prompt(name="p")
    at = LedgerEvent.objects.latest("at").at.isoformat().replace("+00:00", "Z")
    assert len(actions(api, f"since={at}")) == 2
    assert actions(api, f"until={at}") == []
    assert actions(api, "since=2999-01-01") == []
    assert len(actions(api, "until=2999-01-01")) == 2
    assert len(actions(api, "since=2001-01-01T00:00:00%2B02:00")) == 2


@pytest.mark.parametrize(
    "query", ["since=yesterday", "until=2025-02-30", "since=2025-01-01T25:00", "version=x", "version=0", "page=0",
              "since=0001-01-01T00:00:00%2B23:00", "until=9999-12-31T23:59:59-23:00"],
)  # fmt: skip
def test_a_parameter_that_cannot_be_read_is_named(query: str, api: Any):
    answer = api("GET", f"/events?{query}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [query.partition("=")[0]])


@pytest.mark.parametrize("event", ["0", "-1", "x", "01", "9" * 40, "1.0"])
def test_an_unknown_event_is_a_404(event: str, api: Any):
    assert api("GET", f"/events/{event}").status_code == 404


def test_a_renamed_prompt_keeps_its_events(api: Any):
    make_prompt(name="old")
    api("PATCH", "/prompts/old", {"name": "new"})
    assert actions(api, at="/prompts/new/events") == ["prompt_changed", "created", "prompt_created"]
    make_prompt(name="old")
    assert actions(api, at="/prompts/old/events") == ["created", "prompt_created"]


def test_an_author_stays_after_the_account_is_gone(api: Any):
    leaver = make_person(make_user("manager"))
    Api(leaver.user)("POST", "/agents", {"name": "Stan"})
    leaver.user.delete()
    assert api("GET", "/events?actor=manager").json()["results"][0]["agent"] == "Stan"


def test_pages(api: Any):
    for number in range(4):
        make_prompt(name=f"p{number}", template_source=None)
    first = api("GET", "/events?page_size=3").json()
    assert (first["count"], [one["prompt"] for one in first["results"]]) == (4, ["p3", "p2", "p1"])
    assert [one["prompt"] for one in api("GET", "/events?page_size=3&page=2").json()["results"]] == ["p0"]


def test_a_text_is_found_by_hash_for_the_prompt_that_had_it_and_no_other(api: Any):
    make_prompt(name="p", template_source="Secret")
    make_prompt(name="q")
    old = api("GET", "/prompts/p/versions/1").json()["content_hash"]
    api("PATCH", "/prompts/p/versions/1", {"template_source": "Other"})
    assert api("GET", f"/prompts/p/texts/{old}").json()["template_source"] == "Secret"
    assert api("GET", f"/prompts/q/texts/{old}").status_code == 404
    api("DELETE", "/prompts/p/versions/1")
    assert api("GET", f"/prompts/p/texts/{old}").json()["template_source"] == "Secret"


def test_the_list_asks_the_database_as_often_for_3_events_as_for_60(api: Any, django_assert_num_queries: Any):
    for more in (1, 30):
        for _ in range(more):
            make_prompt()
        with django_assert_num_queries(6):
            api("GET", "/events?page_size=200")
