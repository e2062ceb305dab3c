"""Prompts over the API: create, list, filter, change, delete."""

from typing import Any

import pytest

from ledger.models import LedgerEvent
from tests.factories import make_agent, make_prompt, make_tracking_prompt, make_version
from versions.models import Prompt, PromptVersion

pytestmark = pytest.mark.django_db

CHAT = [{"role": "system", "content": "Be kind to {{ name }}."}, {"type": "placeholder", "name": "history"}]


def names(api: Any, query: str) -> list[str]:
    answer = api("GET", f"/prompts?{query}")
    assert answer.status_code == 200, answer.content
    return [one["name"] for one in answer.json()["results"]]


def test_a_prompt_is_made_with_its_first_draft(api: Any):
    make_agent(name="Stan")
    body = {"agent": "Stan", "status_key": "APPROVED", "title": "Approved", "description": "d", "owner_team": "Parts",
            "tags": ["b", "a"], "metadata": {"inputs": ["item"]}, "template_source": "Hi {{ item }}",
            "config": {"model": "m"}, "commit_message": "First"}  # fmt: skip
    made = api("POST", "/prompts", body)
    assert made.status_code == 201, made.content
    shown = made.json()
    assert shown["name"] == "Stan.APPROVED"
    assert {key: shown[key] for key in ("agent", "status_key", "title", "description", "owner_team", "metadata")} == {
        key: body[key] for key in ("agent", "status_key", "title", "description", "owner_team", "metadata")
    }
    assert (shown["tags"], shown["mode"], shown["type"]) == (["a", "b"], "full", "text")
    assert (shown["production"], shown["versions_count"], shown["created_by"]) == (None, 1, "engineer")
    draft = api("GET", "/prompts/Stan.APPROVED/versions/1").json()
    assert (draft["label"], draft["stage"], draft["config"], draft["commit_message"]) == (
        "v1.0",
        "DEV",
        {"model": "m"},
        "First",
    )
    assert (draft["variables"], draft["created_by"], draft["revision"]) == (["item"], "engineer", 1)


def test_a_prompt_without_a_text_has_no_version(api: Any):
    assert api("POST", "/prompts", {"name": "bare"}).json()["versions_count"] == 0
    assert api("GET", "/prompts/bare/versions").json()["results"] == []
    assert api("GET", "/prompts/bare/active").status_code == 404
    refused = api("POST", "/prompts/bare/versions", {})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["template_source"])
    first = api("POST", "/prompts/bare/versions", {"template_source": "x"})
    assert (first.status_code, first.json()["label"], first["Location"]) == (
        201,
        "v1.0",
        "/v1/prompts/bare/versions/v1.0",
    )


def test_messages_make_a_chat_prompt(api: Any):
    assert api("POST", "/prompts", {"name": "talk", "messages": CHAT}).json()["type"] == "chat"
    shown = api("GET", "/prompts/talk/versions/v1.0").json()
    assert (shown["messages"], shown["variables"], shown["type"]) == (CHAT, ["name", "history"], "chat")
    changed = api("PATCH", "/prompts/talk/versions/v1.0", {"messages": CHAT[:1]})
    assert (changed.json()["messages"], changed.json()["revision"]) == (CHAT[:1], 2)
    both = api("PATCH", "/prompts/talk/versions/v1.0", {"messages": CHAT, "template_source": "[]"})
    assert both.status_code == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "register-code"}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "taken"}, "name"),
        ({"name": "x", "agent": "Nobody"}, "agent"),
        ({"name": "x", "mode": "tracking"}, "mode"),
        ({"name": "x", "type": "poem"}, "type"),
        ({"name": "x", "template_format": "erb"}, "template_format"),
        ({"name": "x", "tags": ["a,b"]}, "tags"),
        ({"name": "x", "tags": "a"}, "tags"),
        ({"name": "x", "metadata": []}, "metadata"),
        ({"name": "x", "status_key": ""}, "status_key"),
        ({"name": "x", "template_source": "  "}, "template_source"),
        ({"name": "x", "template_source": "x" * 204_801}, "template_source"),
        ({"name": "x", "messages": []}, "messages"),
        ({"name": "x", "messages": [{"role": "root", "content": "x"}]}, "messages"),
        ({"name": "x", "template_source": "y", "config": []}, "config"),
        ({"name": "x", "stage": "PRD"}, "stage"),
        ({"name": "x", "id": 7}, "id"),
        ({"name": "x", "nonsense": 1}, "nonsense"),
    ],
)
def test_a_bad_prompt_is_refused_by_field_and_nothing_is_stored(body: dict[str, Any], field: str, api: Any):
    make_prompt(name="taken")
    before = LedgerEvent.objects.count()
    answer = api("POST", "/prompts", body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field]), answer.content
    assert (Prompt.objects.count(), PromptVersion.objects.count(), LedgerEvent.objects.count()) == (1, 1, before)


def test_blank_text_has_its_own_sentence(api: Any):
    answer = api("POST", "/prompts", {"name": "x", "template_source": " \n"})
    assert answer.json()["detail"] == "Prompt text cannot be empty."


def test_one_prompt_for_an_agent_in_a_state(api: Any):
    make_agent(name="Stan")
    assert api("POST", "/prompts", {"agent": "Stan", "name": "a"}).status_code == 201
    again = api("POST", "/prompts", {"agent": "Stan", "name": "b"})
    assert (again.status_code, again.json()["detail"]) == (400, "This agent already has a prompt for this status key.")


def test_filters(api: Any):
    stan = make_agent(name="Stan")
    make_version("PRD", name="a", agent=stan, status_key="APPROVED", tags=["blue"])
    make_version("TST", name="b", agent=stan, title="Blue Whale")
    make_prompt(name="c", description="whales", template_source="Nothing of that")
    make_prompt(name="d", template_source="The WHALE sings", tags=["blue", "big"])
    make_tracking_prompt(name="e")
    assert names(api, "") == ["a", "b", "c", "d", "e"]
    assert names(api, "agent=Stan") == ["a", "b"]
    assert names(api, "agent=stan") == []
    assert names(api, "status_key=APPROVED") == ["a"]
    assert names(api, "mode=tracking") == ["e"]
    assert names(api, "mode=full") == ["a", "b", "c", "d"]
    assert names(api, "stage=PRD") == ["a", "e"]
    assert names(api, "stage=TST") == ["b"]
    assert names(api, "stage=RET") == []
    assert names(api, "tag=blue") == ["a", "d"]
    assert names(api, "search=whale") == ["b", "c", "d"]
    assert names(api, "search=whale+stan") == ["b"]
    assert names(api, "search=%25") == []
    assert names(api, "stage=TST&search=whale") == ["b"]
    assert names(api, "ordering=-name&mode=full") == ["d", "c", "b", "a"]
    assert names(api, "nonsense=1") == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    "query",
    ["stage=LIVE", "stage=prd", "mode=half", "ordering=password", "archived=perhaps", "page=0", "page=x", "page=%C2%B2",
     "page=99999999999999999999", "page_size=201", "page_size=-1", "search=" + "x" * 201],
)  # fmt: skip
def test_a_parameter_that_cannot_be_read_is_a_400_that_names_it(query: str, api: Any):
    answer = api("GET", f"/prompts?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["errors"]) == [query.partition("=")[0]]


def test_archived_prompts_are_hidden_until_asked_for(api: Any):
    make_prompt(name="old")
    make_prompt(name="new")
    assert api("PATCH", "/prompts/old", {"archived": True}).json()["archived"] is True
    assert names(api, "") == ["new"]
    assert names(api, "archived=0") == ["new"]
    assert names(api, "archived=1") == names(api, "archived=true") == ["old"]
    api("PATCH", "/prompts/old", {"archived": False})
    assert names(api, "") == ["new", "old"]


def test_metadata_is_changed_and_written_down(api: Any):
    make_prompt(name="p")
    body = {"title": "T", "description": "D", "owner_team": "O", "tags": ["x"], "metadata": {"outputs": ["y"]}}
    shown = api("PATCH", "/prompts/p", body).json()
    assert {key: shown[key] for key in body} == body
    event = LedgerEvent.objects.get(action="prompt_changed")
    assert set(event.detail["changes"]) == set(body)
    assert event.detail["changes"]["tags"] == {"from": [], "to": ["x"]}


@pytest.mark.parametrize(
    "change", [{"name": "other"}, {"status_key": "X"}, {"agent": "Ada"}, {"agent": None}, {"type": "chat"},
               {"template_format": "jinja2"}],
)  # fmt: skip
def test_what_agents_rely_on_is_fixed_once_a_version_left_dev(change: dict[str, Any], api: Any):
    make_agent(name="Ada")
    make_version("TST", name="p", agent=make_agent(name="Stan"))
    before = api("GET", "/prompts/p").json()
    answer = api("PATCH", "/prompts/p", {**change, "title": "T"})
    assert (answer.status_code, answer.json()["code"]) == (409, "immutable")
    assert api("GET", "/prompts/p").json() == before


@pytest.mark.parametrize(
    "field", ["mode", "id", "production", "versions_count", "created_by", "created_at", "highest_version"]
)
def test_what_cannot_be_written_is_refused_by_name(field: str, api: Any):
    make_prompt(name="p")
    answer = api("PATCH", "/prompts/p", {field: "tracking", "title": "T"})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert Prompt.objects.get().title == ""


def test_what_was_read_may_be_sent_back_as_it_was(api: Any):
    make_version("PRD", name="p", agent=make_agent(name="Stan"), tags=["a"])
    shown = api("GET", "/prompts/p").json()
    changed = api("PATCH", "/prompts/p", {**shown, "title": "New"})
    assert (changed.status_code, changed.json()) == (200, {**shown, "title": "New"})


def test_a_prompt_with_drafts_only_is_deleted_and_its_ledger_stays(api: Any):
    make_prompt(name="p")
    assert api("DELETE", "/prompts/p").status_code == 204
    assert api("GET", "/prompts/p").json() == {"detail": "Prompt 'p' not found", "code": "not_found"}
    actions = [one["action"] for one in api("GET", "/prompts/p/events").json()["results"]]
    assert actions == ["prompt_deleted", "deleted", "created", "prompt_created"]


@pytest.mark.parametrize("stage", ["TST", "PRD", "RET"])
def test_a_prompt_whose_version_left_dev_stays(stage: str, api: Any):
    make_version(stage, name="p")
    before = LedgerEvent.objects.count()
    answer = api("DELETE", "/prompts/p")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert (Prompt.objects.count(), LedgerEvent.objects.count()) == (1, before)


def test_a_name_with_spaces_and_marks_works_everywhere(api: Any):
    name, path = "Überprüfung: teil #7?", "%C3%9Cberpr%C3%BCfung%3A%20teil%20%237%3F"
    make_version("PRD", name=name)
    for rest in ("", "/versions", "/versions/v1.0", "/active", "/history", "/events"):
        assert api("GET", f"/prompts/{path}{rest}").status_code == 200
    shown = api("GET", f"/prompts/{path}/versions/1").json()
    assert shown["page_url"] == f"/prompts/{path}/versions/v1.0/"
    assert shown["allowed_actions"][1]["url"] == f"/v1/prompts/{path}/versions/v1.0/test"


def test_the_list_asks_the_database_as_often_for_3_prompts_as_for_30(api: Any, django_assert_num_queries: Any):
    stan = make_agent(name="Stan")

    def fill(number: int) -> None:
        for _ in range(number):
            make_version("PRD", agent=stan, status_key=f"K{Prompt.objects.count()}", tags=["a", "b"])

    fill(3)
    api("GET", "/prompts")
    for more in (0, 27):
        fill(more)
        with django_assert_num_queries(8):
            api("GET", "/prompts")
    with django_assert_num_queries(8):
        api("GET", "/prompts?search=hello&stage=PRD&tag=a&agent=Stan")
