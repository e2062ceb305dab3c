"""What is live, by the prompt's name: only production unless asked, with an ETag; and the text filled in."""

from typing import Any

import pytest

from tests.factories import make_agent, make_prompt, make_tracking_prompt, make_version

pytestmark = pytest.mark.django_db

CHAT = '[{"role":"system","content":"Be kind to {{ name }}"},{"type":"placeholder","name":"history"}]'


def test_what_is_served_has_every_key_of_the_contract(api: Any):
    live = make_version("PRD", name="p", agent=make_agent(name="Stan"), status_key="OK", config={"model": "m"})
    said = api("GET", "/prompts/p/active").json()
    deployed = said.pop("deployed_at")
    assert deployed == live.deployed_at.isoformat()
    assert said == {
        "agent": "Stan", "prompt": "p", "status_key": "OK", "served_status_key": "OK", "version": 1, "label": "v1.0",
        "stage": "PRD", "type": "text", "template_format": "simple", "template_source": "Hello {{ name }}!",
        "config": {"model": "m"}, "variables": ["name"], "checksum_hash": live.checksum_hash,
        "content_hash": live.content_hash,
    }  # fmt: skip


def test_a_chat_is_served_as_messages(api: Any):
    make_version("PRD", name="p", type="chat", template_source=CHAT)
    said = api("GET", "/prompts/p/active").json()
    assert "template_source" not in said
    assert said["messages"][1] == {"type": "placeholder", "name": "history"}


@pytest.mark.parametrize("stage", ["DEV", "TST"])
def test_a_draft_is_never_served_unasked(stage: str, api: Any):
    make_version(stage, name="p")
    answer = api("GET", "/prompts/p/active")
    assert (answer.status_code, answer.json()["code"]) == (404, "nothing_live")
    assert api("GET", f"/prompts/p/active?stage={stage}").json()["stage"] == stage
    assert api("GET", "/prompts/p/active?version=1.0").json()["stage"] == stage


def test_stage_and_version_ask_for_another_and_never_fall_back(api: Any):
    prompt = make_version("RET", name="p").prompt
    make_version("DEV", prompt=prompt, template_source="Draft")
    make_version("DEV", prompt=prompt, template_source="Newer draft")
    assert api("GET", "/prompts/p/active").json()["label"] == "v1.1"
    assert api("GET", "/prompts/p/active?stage=DEV").json()["template_source"] == "Newer draft"
    assert api("GET", "/prompts/p/active?stage=RET").json()["label"] == "v1.0"
    assert api("GET", "/prompts/p/active?version=3").json()["template_source"] == "Draft"
    for query, status in (("stage=TST", 404), ("version=9", 404), ("version=latest", 404), ("stage=LIVE", 400)):
        assert api("GET", f"/prompts/p/active?{query}").status_code == status


def test_a_version_that_is_asked_for_in_a_stage_is_given_in_that_stage_only(api: Any):
    prompt = make_version("PRD", name="p").prompt
    make_version("TST", prompt=prompt)
    for query in ("version=1&stage=PRD", "version=v1.1&stage=TST"):
        assert api("GET", f"/prompts/p/active?{query}").status_code == 200
    for query in ("version=1&stage=TST", "version=v1.1&stage=PRD", "version=2&stage=DEV"):
        answer = api("GET", f"/prompts/p/active?{query}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = api("POST", "/prompts/p/render?version=1&stage=TST", {"variables": {"name": "Bo"}})
    assert (answer.status_code, answer.json()["detail"]) == (
        404, "Prompt 'p' has no version '1' in TST: it is in PRD",
    )  # fmt: skip


def test_the_etag_changes_with_what_is_served_and_only_then(api: Any):
    prompt = make_version("PRD", name="p").prompt
    first = api("GET", "/prompts/p/active")
    assert first["Cache-Control"] == "private, no-cache"
    make_version("DEV", prompt=prompt)
    for known in (first["ETag"], f'"x", {first["ETag"]}', f"W/{first['ETag']}", "*"):
        again = api("GET", "/prompts/p/active", **{"If-None-Match": known})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    make_version("PRD", prompt=prompt, template_source="New")
    after = api("GET", "/prompts/p/active", **{"If-None-Match": first["ETag"]})
    assert (after.status_code, after.json()["template_source"]) == (200, "New")
    assert after["ETag"] != first["ETag"]


def test_an_archived_prompt_goes_on_serving(api: Any):
    make_version("PRD", name="p")
    api("PATCH", "/prompts/p", {"archived": True})
    assert api("GET", "/prompts/p/active").status_code == 200


def test_a_tracking_prompt_is_served_too(api: Any):
    make_tracking_prompt(name="p")
    assert api("GET", "/prompts/p/active").json()["template_source"] == "Tracked {{ name }}"


def test_serving_asks_the_database_as_often_with_2_versions_as_with_50(api: Any, django_assert_num_queries: Any):
    prompt = make_version("PRD", name="p").prompt
    for more in (1, 48):
        for _ in range(more):
            make_version("DEV", prompt=prompt)
        with django_assert_num_queries(6):
            api("GET", "/prompts/p/active")


def test_render_fills_the_text_that_is_live(api: Any):
    make_version("PRD", name="p", template_source='{"a": "{{ a }}", "b": {{b}}, "c": "{{ a }}"} {% raw %}')
    said = api("POST", "/prompts/p/render", {"variables": {"a": "{{ b }}", "b": [1, {"x": None}], "unknown": 1}}).json()
    assert said["text"] == '{"a": "{{ b }}", "b": [1,{"x":null}], "c": "{{ b }}"} {% raw %}'
    assert (said["prompt"], said["label"], said["version"], said["stage"]) == ("p", "v1.0", 1, "PRD")


def test_render_names_all_missing_variables(api: Any):
    make_version("PRD", name="p", template_source="{{ a }} {{ b }} {{ c }}")
    answer = api("POST", "/prompts/p/render", {"variables": {"b": ""}})
    assert (answer.status_code, answer.json()["code"]) == (400, "missing_variables")
    assert answer.json()["missing"] == ["a", "c"]
    assert answer.json()["detail"] == "Missing variables: a, c."


def test_render_of_a_chat_puts_the_history_in_its_place(api: Any):
    make_version("PRD", name="p", type="chat", template_source=CHAT)
    history = [{"role": "user", "content": "Hi {{ name }}"}, {"role": "assistant", "content": "Ho"}]
    said = api("POST", "/prompts/p/render", {"variables": {"name": "Bo", "history": history}}).json()
    assert said["messages"] == [{"role": "system", "content": "Be kind to Bo"}, *history]
    assert api("POST", "/prompts/p/render", {"variables": {"name": "Bo", "history": "x"}}).status_code == 400


def test_render_of_a_draft_only_when_asked(api: Any):
    make_prompt(name="p")
    body = {"variables": {"name": "Bo"}}
    assert api("POST", "/prompts/p/render", body).status_code == 404
    assert api("POST", "/prompts/p/render?stage=DEV", body).json()["text"] == "Hello Bo!"
    assert api("POST", "/prompts/p/render?version=v1.0", body).json()["text"] == "Hello Bo!"


def test_jinja_is_sandboxed_and_bounded(api: Any):
    def rendered(text: str) -> Any:
        name = f"j{len(text)}"
        make_version("PRD", name=name, template_format="jinja2", template_source=text)
        return api("POST", f"/prompts/{name}/render", {"variables": {"x": "y"}})

    assert rendered("{% if x %}{{ x|upper }}{% endif %}").json()["text"] == "Y"
    for text in ("{{ x.__class__.__mro__ }}", "{% for a in range(10**9) %}{{ x }}{% endfor %}", "{{ x * 10**10 }}"):
        answer = rendered(text)
        assert (answer.status_code, answer.json()["detail"] != "") == (400, True), text
    bad = api("POST", "/prompts", {"name": "bad", "template_format": "jinja2", "template_source": "a\n{% if %}"})
    assert (bad.status_code, bad.json()["code"]) == (400, "template_syntax")
    assert bad.json()["detail"].startswith("Line 2")
