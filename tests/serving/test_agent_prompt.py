"""What an agent gets by its own name: the status key asked for, its fallbacks in order, and nothing that is not live."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import Api
from tests.factories import TESTER, make_agent, make_prompt, make_tracking_prompt, make_version

pytestmark = pytest.mark.django_db

CHAT = '[{"role":"system","content":"Be kind to {{ name }}"},{"type":"placeholder","name":"history"}]'


def live(agent: Any, key: str, text: str | None = None) -> Any:
    return make_version("PRD", name=f"{agent.name}.{key}", agent=agent, status_key=key, template_source=text or key)


def keys_of(answer: Any) -> tuple[str, str]:
    assert answer.status_code == 200, answer.content
    return answer.json()["status_key"], answer.json()["served_status_key"]


def test_what_is_served_has_every_key_of_the_contract(api: Any):
    agent = make_agent(name="Stan")
    version = make_version("PRD", name="p", agent=agent, status_key="OK", config={"model": "m"})
    said = api("GET", "/agents/Stan/prompt?status_key=OK").json()
    assert said == {
        "agent": "Stan", "prompt": "p", "status_key": "OK", "served_status_key": "OK", "version": 1, "label": "v1.0",
        "stage": "PRD", "type": "text", "template_format": "simple", "template_source": "Hello {{ name }}!",
        "config": {"model": "m"}, "variables": ["name"], "checksum_hash": version.checksum_hash,
        "content_hash": version.content_hash, "deployed_at": version.deployed_at.isoformat(),
    }  # fmt: skip


def test_without_a_status_key_the_primary_one_is_asked_for(api: Any):
    agent = make_agent(name="Stan", primary_status_key="HELLO")
    live(agent, "HELLO")
    live(agent, "default")
    assert keys_of(api("GET", "/agents/Stan/prompt")) == ("HELLO", "HELLO")
    assert keys_of(api("GET", "/agents/Stan/prompt?status_key=")) == ("HELLO", "HELLO")


def test_the_fallback_goes_primary_default_not_registered_and_the_answer_names_the_key_that_served(api: Any):
    agent = make_agent(name="Stan", primary_status_key="HELLO")
    for key in ("NOT_REGISTERED", "default", "HELLO", "APPROVED"):
        live(agent, key)
        assert keys_of(api("GET", "/agents/Stan/prompt?status_key=APPROVED")) == ("APPROVED", key)


def test_strict_turns_the_fallback_off(api: Any):
    agent = make_agent(name="Stan", primary_status_key="HELLO")
    for key in ("NOT_REGISTERED", "default", "HELLO"):
        live(agent, key)
    for on in ("1", "true"):
        answer = api("GET", f"/agents/Stan/prompt?status_key=APPROVED&strict={on}")
        assert (answer.status_code, answer.json()["code"]) == (404, "nothing_live")
    assert keys_of(api("GET", "/agents/Stan/prompt?status_key=APPROVED&strict=0")) == ("APPROVED", "HELLO")
    assert keys_of(api("GET", "/agents/Stan/prompt?strict=1")) == ("HELLO", "HELLO")
    assert api("GET", "/agents/Stan/prompt?strict=maybe").status_code == 400


def test_a_404_names_what_was_tried_and_what_is_live(api: Any):
    agent = make_agent(name="Stan")
    live(agent, "B")
    live(agent, "A")
    answer = api("GET", "/agents/Stan/prompt?status_key=C")
    assert answer.status_code == 404
    assert answer.json() == {
        "detail": "Agent 'Stan' has nothing live under 'C' or 'default' or 'NOT_REGISTERED'. Live now: 'A', 'B'.",
        "code": "nothing_live",
        "live_status_keys": ["A", "B"],
    }
    make_agent(name="Idle")
    assert api("GET", "/agents/Idle/prompt").json()["detail"].endswith("Nothing of it is live yet.")


def test_a_404_names_at_most_twenty_keys(api: Any):
    agent = make_agent(name="Stan")
    for number in range(22):
        live(agent, f"K{number:02}")
    said = api("GET", "/agents/Stan/prompt").json()
    assert said["live_status_keys"] == [f"K{number:02}" for number in range(20)]
    assert said["detail"].endswith("'K19', ….")


def test_an_agent_that_is_not_there_is_not_found(api: Any):
    answer = api("GET", "/agents/Nobody/prompt")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Agent 'Nobody' not found", "code": "not_found"})
    assert api("POST", "/agents/Nobody/render", {}).json()["code"] == "not_found"


@pytest.mark.parametrize("stage", ["DEV", "TST", "RET"])
def test_no_stage_stands_in_for_production(stage: str, api: Any):
    agent = make_agent(name="Stan")
    if stage != "RET":
        make_version(stage, name="asked", agent=agent, status_key="ASKED")
    assert api("GET", "/agents/Stan/prompt?status_key=ASKED").status_code == 404
    live(agent, "default")
    make_version(stage, prompt=make_prompt(name="other", agent=agent, status_key="OTHER"))
    if stage == "RET":  # its successor is live, it is not
        assert api("GET", "/agents/Stan/prompt?status_key=OTHER").json()["label"] != "v1.1"
    else:
        assert keys_of(api("GET", "/agents/Stan/prompt?status_key=OTHER")) == ("OTHER", "default")
    for query in ("stage=DEV", "version=1"):  # asks nothing here
        assert api("GET", f"/agents/Stan/prompt?{query}").json()["stage"] == "PRD"


def test_status_keys_are_case_sensitive(api: Any):
    live(make_agent(name="Stan"), "OK")
    assert api("GET", "/agents/Stan/prompt?status_key=ok").status_code == 404
    assert api("GET", "/agents/stan/prompt?status_key=OK").status_code == 404


@pytest.mark.parametrize("name", ["Stan Agent", "Ständig", "日本語 🦊", "a%2Fb", "100%", "a.b", "x?y", "a+b", "a;b"])
def test_any_name_that_can_be_given_is_served_percent_encoded(name: str, api: Any):
    agent = make_agent(name=name)
    live(agent, f"key of {name} & co")
    path = f"/agents/{quote(name, safe='')}/prompt?status_key={quote(f'key of {name} & co', safe='')}"
    answer = api("GET", path)
    assert answer.status_code == 200, answer.content
    assert (answer.json()["agent"], answer.json()["status_key"]) == (name, f"key of {name} & co")


def test_what_is_archived_goes_on_serving(api: Any):
    agent = make_agent(name="Stan")
    version = live(agent, "default")
    version.prompt.archive(by=TESTER)
    agent.archive(by=TESTER)
    assert keys_of(api("GET", "/agents/Stan/prompt")) == ("default", "default")
    assert api("GET", f"/prompts/{version.prompt.name}/active").status_code == 200


def test_a_tracking_prompt_is_served_exactly_alike(api: Any):
    agent = make_agent(name="Stan")
    make_tracking_prompt(name="tracked", agent=agent, status_key="T")
    said = api("GET", "/agents/Stan/prompt?status_key=T").json()
    assert (said["prompt"], said["stage"], said["template_source"]) == ("tracked", "PRD", "Tracked {{ name }}")


def test_chats_and_jinja2_are_served_and_rendered(api: Any):
    agent = make_agent(name="Stan")
    make_version("PRD", name="chat", agent=agent, status_key="CHAT", type="chat", template_source=CHAT)
    make_version("PRD", name="smart", agent=agent, status_key="SMART", template_format="jinja2",
                 template_source="{% if name %}Hi {{ name }}{% endif %}")  # fmt: skip
    said = api("GET", "/agents/Stan/prompt?status_key=CHAT").json()
    assert said["messages"][1] == {"type": "placeholder", "name": "history"}
    assert "template_source" not in said
    assert api("GET", "/agents/Stan/prompt?status_key=SMART").json()["template_format"] == "jinja2"
    values = {"name": "Bo", "history": [{"role": "user", "content": "Ho"}]}
    said = api("POST", "/agents/Stan/render", {"status_key": "CHAT", "variables": values}).json()
    assert said["messages"] == [{"role": "system", "content": "Be kind to Bo"}, {"role": "user", "content": "Ho"}]
    said = api("POST", "/agents/Stan/render", {"status_key": "SMART", "variables": {"name": "Bo"}}).json()
    assert said["text"] == "Hi Bo"


def test_render_finds_what_get_finds_and_says_what_it_is(api: Any):
    agent = make_agent(name="Stan")
    version = live(agent, "default", "Hi {{ name }}")
    said = api("POST", "/agents/Stan/render", {"status_key": "X", "variables": {"name": "Bo"}}).json()
    assert said == {
        "agent": "Stan", "status_key": "X", "served_status_key": "default", "prompt": "Stan.default", "version": 1,
        "label": "v1.0", "text": "Hi Bo", "stage": "PRD", "checksum_hash": version.checksum_hash,
    }  # fmt: skip
    answer = api("POST", "/agents/Stan/render", {"status_key": "X", "strict": True, "variables": {"name": "Bo"}})
    assert (answer.status_code, answer.json()["code"]) == (404, "nothing_live")
    answer = api("POST", "/agents/Stan/render", {})
    assert (answer.status_code, answer.json()["missing"]) == (400, ["name"])
    assert api("POST", "/agents/Stan/render", {"key": "X"}).status_code == 400


def test_the_etag_is_strong_and_says_what_is_served_not_who_asks(api: Any, viewer: Any):
    agent = make_agent(name="Stan")
    version = live(agent, "default")
    first = api("GET", "/agents/Stan/prompt")
    assert first["ETag"].startswith('"')
    assert first["Cache-Control"] == "private, no-cache"
    assert Api(viewer.user)("GET", "/agents/Stan/prompt")["ETag"] == first["ETag"]
    assert api("GET", "/agents/Stan/prompt?status_key=X")["ETag"] != first["ETag"]  # another key is named in it
    for known in (first["ETag"], f'"x", {first["ETag"]}', f"W/{first['ETag']}", "*"):
        again = api("GET", "/agents/Stan/prompt", **{"If-None-Match": known})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    make_version("PRD", prompt=version.prompt, template_source="New")
    after = api("GET", "/agents/Stan/prompt", **{"If-None-Match": first["ETag"]})
    assert (after.status_code, after.json()["template_source"]) == (200, "New")


def test_head_answers_as_get_without_the_body(api: Any):
    live(make_agent(name="Stan"), "default")
    same = {"X-Request-ID": "one-and-the-same"}
    got, head = api("GET", "/agents/Stan/prompt", **same), api("HEAD", "/agents/Stan/prompt", **same)
    assert (head.status_code, head.content, head.headers) == (200, b"", got.headers)


def test_serving_an_agent_takes_as_many_queries_with_2_slots_as_with_30(api: Any, django_assert_num_queries: Any):
    agent = make_agent(name="Stan")
    live(agent, "default")
    for more in (1, 28):
        for number in range(more):
            live(agent, f"{more}-{number}")
        with django_assert_num_queries(6):
            api("GET", "/agents/Stan/prompt")
