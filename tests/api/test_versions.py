"""Versions over the API: create, read, edit with what was seen, diff, rollback."""

import hashlib
from typing import Any

import pytest

from ledger.models import LedgerEvent
from tests.conftest import Api
from tests.factories import TESTER, make_prompt, make_tracking_prompt, make_version
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db

KEYS = {
    "id", "prompt", "version", "label", "stage", "type", "template_source", "messages", "config", "variables",
    "checksum_hash", "content_hash", "commit_message", "revision", "created_by", "created_at", "updated_at",
    "deployed_at", "retired_at", "replaced_by", "based_on", "rollback_of", "is_active", "status",
    "is_default_from_code", "archived_at", "page_url", "allowed_actions",
}  # fmt: skip
V1 = "/prompts/p/versions/v1.0"


@pytest.fixture
def prompt(db: None) -> Prompt:
    """A prompt with v1.0 in DEV."""
    return make_prompt(name="p", template_source="One {{ name }}")


def unchanged(before: tuple[dict[str, Any], int], api: Any, url: str = V1) -> None:
    assert (api("GET", url).json(), LedgerEvent.objects.count()) == before


def test_a_version_has_every_key_of_the_contract(prompt: Prompt, api: Any):
    shown = api("GET", V1).json()
    assert set(shown) >= KEYS
    assert shown["checksum_hash"] == hashlib.sha256(b"One {{ name }}").hexdigest()


@pytest.mark.parametrize("reference", ["1", "1.0", "v1.0"])
def test_a_version_is_found_by_number_and_by_label(reference: str, prompt: Prompt, api: Any):
    assert api("GET", f"/prompts/p/versions/{reference}").json()["label"] == "v1.0"


@pytest.mark.parametrize("reference", ["2", "v1", "1.1", "V1.0", "01", "1.00", "0", "-1", "latest", "9" * 30])
def test_what_is_no_version_is_a_404_that_names_it(reference: str, prompt: Prompt, api: Any):
    answer = api("GET", f"/prompts/p/versions/{reference}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["detail"] == f"Prompt 'p' has no version '{reference}'"


def test_v2_10_comes_after_v2_9(prompt: Prompt, api: Any):
    for _ in range(10):
        api("POST", "/prompts/p/versions", {})
    labels = [one["label"] for one in api("GET", "/prompts/p/versions").json()["results"]]
    assert labels == [f"v1.{n}" for n in range(10, -1, -1)]
    assert api("GET", "/prompts/p/versions/1.10").json()["version"] == 11


def test_a_new_version_comes_from_production_else_from_the_newest(prompt: Prompt, api: Any):
    assert api("POST", "/prompts/p/versions", {"template_source": "Two"}).json()["based_on"] == "v1.0"
    assert api("POST", "/prompts/p/versions", {}).json()["template_source"] == "Two"
    for to in ("TST", "PRD"):
        api("POST", f"{V1}/promote", {"to": to})
    made = api("POST", "/prompts/p/versions", {"commit_message": "Again"}).json()
    assert (made["based_on"], made["template_source"], made["commit_message"]) == ("v1.0", "One {{ name }}", "Again")
    chosen = api("POST", "/prompts/p/versions", {"from": "v1.1", "bump": "major", "config": {"model": "m"}}).json()
    assert (chosen["label"], chosen["template_source"], chosen["config"]) == ("v2.0", "Two", {"model": "m"})
    assert api("POST", "/prompts/p/versions", {"from": "v1.2"}).json()["label"] == "v2.1"
    assert api("POST", "/prompts/p/versions", {"from": 2}).json()["based_on"] == "v1.1"


def test_a_number_is_never_given_twice(prompt: Prompt, api: Any):
    api("POST", "/prompts/p/versions", {})
    assert api("DELETE", "/prompts/p/versions/v1.1").status_code == 204
    assert api("POST", "/prompts/p/versions", {}).json()["label"] == "v1.2"
    for label in ("v1.0", "v1.2"):
        assert api("DELETE", f"/prompts/p/versions/{label}").status_code == 204
    first = api("POST", "/prompts/p/versions", {"template_source": "x"}).json()
    assert (first["version"], first["label"]) == (4, "v1.3")


@pytest.mark.parametrize(
    ("body", "status"), [({"from": "v9.9"}, 404), ({"from": "latest"}, 404), ({"bump": "patch"}, 400),
                         ({"from": True}, 400), ({"from": [1]}, 400), ({"from": 9}, 404), ({"template_source": " "}, 400), ({"config": None}, 400), ({"stage": "PRD"}, 400),
                         ({"from": "v1.0", "revision": 9}, 409)],
)  # fmt: skip
def test_a_bad_creation_makes_nothing(body: dict[str, Any], status: int, prompt: Prompt, api: Any):
    before = LedgerEvent.objects.count()
    assert api("POST", "/prompts/p/versions", body).status_code == status
    assert (PromptVersion.objects.count(), LedgerEvent.objects.count()) == (1, before)


def test_an_edit_changes_text_config_and_message_in_place(prompt: Prompt, api: Any):
    before = api("GET", V1).json()
    body = {"template_source": "Two {{ other }}", "config": {"temperature": 0.5}, "commit_message": "Why"}
    after = api("PATCH", V1, body).json()
    assert {key: after[key] for key in body} == body
    assert (after["revision"], after["variables"]) == (2, ["other"])
    assert after["updated_at"] > before["updated_at"]
    assert after["content_hash"] != before["content_hash"]
    event = LedgerEvent.objects.get(action="edited")
    assert (event.before_hash, event.after_hash) == (before["content_hash"], after["content_hash"])
    kept = api("GET", f"/prompts/p/texts/{before['content_hash']}").json()
    assert (kept["template_source"], kept["config"]) == ("One {{ name }}", {})


def test_an_edit_that_changes_nothing_writes_nothing(prompt: Prompt, api: Any):
    before = (api("GET", V1).json(), LedgerEvent.objects.count())
    for body in ({}, {"template_source": "One {{ name }}"}, {"config": {}}, {"commit_message": ""}):
        assert api("PATCH", V1, body).status_code == 200
        unchanged(before, api)


def test_the_second_of_two_editors_is_told_both_texts(prompt: Prompt, api: Any):
    assert api("PATCH", V1, {"template_source": "Hers", "revision": 1}).status_code == 200
    before = (api("GET", V1).json(), LedgerEvent.objects.count())
    late = api("PATCH", V1, {"template_source": "His", "revision": 1})
    assert (late.status_code, late.json()["code"]) == (409, "stale")
    assert (late.json()["stage"], late.json()["revision"]) == ("DEV", 2)
    assert late.json()["yours"]["template_source"] == "His"
    assert late.json()["current"]["template_source"] == "Hers"
    unchanged(before, api)


@pytest.mark.parametrize("tag", ['"r1-DEV"', 'W/"r1-DEV"', "r1-DEV", "1", '"1"', "*", '"r7-TST", "r1-DEV"', " * "])
def test_an_if_match_that_matches_lets_the_edit_through(tag: str, prompt: Prompt, api: Any):
    assert api("GET", V1)["ETag"] == '"r1-DEV"'
    answer = api("PATCH", V1, {"template_source": "Two"}, **{"If-Match": tag})
    assert (answer.status_code, answer["ETag"]) == (200, '"r2-DEV"')


@pytest.mark.parametrize(
    "tag", ['"r2-DEV"', '"r1-TST"', "2", '"nonsense"', "nonsense", "0", '"r3-DEV", "r1-PRD"', "\u00b2"]
)
def test_an_if_match_that_does_not_match_is_a_412(tag: str, prompt: Prompt, api: Any):
    before = (api("GET", V1).json(), LedgerEvent.objects.count())
    for method, path, body in (
        ("PATCH", V1, {"template_source": "Two"}),
        ("POST", f"{V1}/promote", {"to": "TST"}),
        ("DELETE", V1, None),
        ("POST", f"{V1}/archive", {}),
    ):
        answer = api(method, path, body, **{"If-Match": tag})
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
        assert (answer.json()["stage"], answer.json()["revision"]) == ("DEV", 1)
        if method == "PATCH":
            assert answer.json()["yours"]["template_source"] == "Two"
            assert answer.json()["current"]["template_source"] == "One {{ name }}"
        unchanged(before, api)


def test_a_promotion_makes_the_etag_of_before_stale(prompt: Prompt, api: Any):
    tag = api("GET", V1)["ETag"]
    api("POST", f"{V1}/promote", {"to": "TST"})
    assert api("PATCH", V1, {"template_source": "Two"}, **{"If-Match": tag}).status_code == 412
    assert api("POST", f"{V1}/promote", {"to": "PRD"}, **{"If-Match": '"r1-TST"'}).status_code == 200


@pytest.mark.parametrize(
    "field", ["deployed_at", "retired_at", "version", "label", "is_active", "status", "id", "prompt", "checksum_hash",
              "created_by", "is_default_from_code", "archived_at", "nonsense"],
)  # fmt: skip
def test_what_cannot_be_written_is_refused_by_name(field: str, prompt: Prompt, api: Any):
    before = (api("GET", V1).json(), LedgerEvent.objects.count())
    answer = api("PATCH", V1, {field: "2001-01-01T00:00:00Z", "template_source": "Two"})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    unchanged(before, api)


def test_a_stage_in_an_edit_is_what_was_seen_and_never_what_is_wanted(prompt: Prompt, api: Any):
    before = (api("GET", V1).json(), LedgerEvent.objects.count())
    answer = api("PATCH", V1, {"stage": "PRD", "template_source": "Two"})
    assert (answer.status_code, answer.json()["code"]) == (409, "stale")
    unchanged(before, api)


def test_what_was_read_may_be_sent_back_with_the_text_changed(prompt: Prompt, api: Any):
    shown = api("GET", V1).json()
    sent = {**shown, "template_source": "Two"}
    assert api("PATCH", V1, sent).json()["template_source"] == "Two"
    again = api("PATCH", V1, {**sent, "template_source": "Three"})
    assert (again.status_code, again.json()["code"]) == (409, "stale")


def test_promote_needs_to(prompt: Prompt, api: Any):
    for body in ({}, {"to": None}, {"to": "prd"}, {"to": "LIVE"}, {"to": ["TST"]}, {"to": "TST", "force": 1}):
        assert api("POST", f"{V1}/promote", body).status_code == 400
    assert api("GET", V1).json()["stage"] == "DEV"


def test_a_delete_that_says_what_was_seen_is_refused_when_that_is_past(prompt: Prompt, api: Any):
    prompt.versions.get().edit(by=TESTER, seen=ANYTHING, template_source="Saved by a colleague.")
    before = api("GET", V1).json(), LedgerEvent.objects.count()
    for body, status, code in (({"revision": 1}, 409, "stale"), ({"stage": "TST"}, 409, "stale"),
                               ({"revision": "2"}, 400, "invalid"), ({"now": True}, 400, "invalid")):  # fmt: skip
        answer = api("DELETE", V1, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        unchanged(before, api)
    assert api("DELETE", V1, {"revision": 2, "stage": "DEV"}).status_code == 204


def test_a_reason_for_a_promotion_is_kept(prompt: Prompt, api: Any):
    api("POST", f"{V1}/promote", {"to": "TST", "reason": "Ready"})
    assert LedgerEvent.objects.get(action="promoted").reason == "Ready"


def test_a_retired_text_comes_back_in_one_call(manager: Any):
    api = Api(manager.user)
    first = make_version("PRD", name="p", template_source="Good", config={"model": "m"})
    make_version("PRD", prompt=first.prompt, template_source="Bad")
    answer = api("POST", "/prompts/p/rollback", {"to": "v1.0", "reason": "Complaints"})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["label"], made["stage"], made["rollback_of"], made["template_source"]) == (
        "v1.2",
        "PRD",
        "v1.0",
        "Good",
    )
    assert made["config"] == {"model": "m"}
    stages = {one["label"]: one["stage"] for one in api("GET", "/prompts/p/versions").json()["results"]}
    assert stages == {"v1.2": "PRD", "v1.1": "RET", "v1.0": "RET"}
    event = LedgerEvent.objects.get(action="rolled_back")
    assert (event.reason, event.actor, event.label, event.replaced) == ("Complaints", "manager", "v1.2", 2)
    button = api("GET", "/prompts/p/versions/v1.1").json()["more_actions"][-1]
    assert button["url"] == "/v1/prompts/p/versions/v1.1/rollback"
    again = api(button["method"], button["url"].removeprefix("/v1"), {"reason": "No, better"})
    assert (again.status_code, again.json()["template_source"]) == (201, "Bad")
    by_number = api("POST", "/prompts/p/rollback", {"to": 1, "reason": "Best of all"}).json()
    assert (by_number["rollback_of"], by_number["template_source"]) == ("v1.0", "Good")


@pytest.mark.parametrize(
    ("body", "status"), [({"to": "v1.0"}, 400), ({"to": "v1.0", "reason": " "}, 400), ({"reason": "x"}, 400),
                         ({"to": "v1.1", "reason": "x"}, 409), ({"to": "v1.2", "reason": "x"}, 409),
                         ({"to": "v9.9", "reason": "x"}, 404), ({"to": 1.5, "reason": "x"}, 400), ({"to": "v1.0", "reason": "x", "stage": "PRD"}, 409)],
)  # fmt: skip
def test_a_bad_rollback_changes_nothing(body: dict[str, Any], status: int, manager: Any):
    api = Api(manager.user)
    first = make_version("RET", name="p")
    make_version("TST", prompt=first.prompt)
    before = LedgerEvent.objects.count()
    assert api("POST", "/prompts/p/rollback", body).status_code == status
    assert (PromptVersion.objects.count(), LedgerEvent.objects.count()) == (3, before)


def test_people_do_not_change_a_tracking_prompt(manager: Any):
    api = Api(manager.user)
    make_tracking_prompt(name="p")
    before = LedgerEvent.objects.count()
    said = "Prompt 'p' is in tracking mode. Use code-based endpoints instead."
    for method, path, body in (
        ("PATCH", V1, {"template_source": "x"}),
        ("POST", f"{V1}/promote", {"to": "PRD"}),
        ("POST", f"{V1}/create-new", {}),
        ("DELETE", V1, None),
        ("POST", "/prompts/p/versions", {}),
        ("POST", f"{V1}/archive", {}),
        ("POST", "/prompts/p/rollback", {"to": "v1.0", "reason": "x"}),
    ):
        answer = api(method, path, body)
        assert (answer.status_code, answer.json()["detail"], answer.json()["code"]) == (400, said, "wrong_mode"), path
    assert LedgerEvent.objects.count() == before
    assert api("POST", f"{V1}/test", {"variables": {"name": "Bo"}}).json()["response_text"] == "Tracked Bo"
    off = {one["name"]: one["reason"] for one in api("GET", V1).json()["allowed_actions"] if not one["enabled"]}
    assert off == {"edit": said, "create": said, "delete": said}


def test_the_diff_says_what_changed_by_words_and_config_keys(prompt: Prompt, api: Any):
    api("PATCH", V1, {"config": {"model": "a", "seed": 1}})
    api("POST", "/prompts/p/versions", {"template_source": "Two {{ name }}!", "config": {"model": "b", "top_p": 1}})
    said = api("GET", "/prompts/p/versions/v1.1/diff?against=1.0").json()
    assert (said["from"], said["to"], said["identical"], said["messages"]) == ("v1.0", "v1.1", False, None)
    assert said["text"] == [
        {"op": "replace", "old": "One", "new": "Two"},
        {"op": "equal", "old": " {{ name }}", "new": " {{ name }}"},
        {"op": "insert", "old": "", "new": "!"},
    ]
    assert said["config"] == [
        {"key": "model", "op": "replace", "old": "a", "new": "b"},
        {"key": "seed", "op": "delete", "old": 1, "new": None},
        {"key": "top_p", "op": "insert", "old": None, "new": 1},
    ]


def test_the_diff_of_a_chat_goes_message_by_message(api: Any):
    system = {"role": "system", "content": "Be kind"}
    make_prompt(
        name="p", type="chat", template_source='[{"role":"system","content":"Be kind"},{"role":"user","content":"Hi"}]'
    )
    api(
        "POST",
        "/prompts/p/versions",
        {"messages": [system, {"role": "user", "content": "Hi there"}, {"type": "placeholder", "name": "h"}]},
    )
    said = api("GET", "/prompts/p/versions/2/diff").json()
    assert said["text"] is None
    assert [(one["op"], one["old"], one["new"]) for one in said["messages"]] == [
        ("equal", system, system),
        ("replace", {"content": "Hi", "role": "user"}, {"content": "Hi there", "role": "user"}),
        ("insert", None, {"name": "h", "type": "placeholder"}),
    ]
    assert said["messages"][1]["segments"][-1] == {"op": "insert", "old": "", "new": " there"}


def test_the_diff_is_against_production_else_the_version_before(prompt: Prompt, api: Any):
    for text in ("Two", "Three"):
        api("POST", "/prompts/p/versions", {"template_source": text})
    assert api("GET", "/prompts/p/versions/3/diff").json()["from"] == "v1.1"
    for to in ("TST", "PRD"):
        api("POST", f"{V1}/promote", {"to": to})
    assert api("GET", "/prompts/p/versions/3/diff").json()["from"] == "v1.0"
    assert api("GET", "/prompts/p/versions/3/diff?against=nonsense").status_code == 404


def test_history_counts_executions_and_says_what_is_current(prompt: Prompt, api: Any):
    assert api("GET", "/prompts/p/history?mode=full").json()["current_version"] is None
    api("POST", f"{V1}/test", {"variables": {"name": "x"}})
    for to in ("TST", "PRD"):
        api("POST", f"{V1}/promote", {"to": to})
    api("POST", "/prompts/p/versions", {})
    said = api("GET", "/prompts/p/history").json()
    assert (said["prompt_name"], said["mode"], said["current_version"], said["latest_version"]) == ("p", "full", 1, 2)
    assert [(one["version"], one["execution_count"], one["stage"]) for one in said["versions"]] == [
        (2, 0, "DEV"),
        (1, 1, "PRD"),
    ]
    assert set(said["versions"][0]) >= {"version", "template_hash", "template_source", "created_at", "execution_count"}
    assert said["versions"][1]["template_hash"] == api("GET", V1).json()["checksum_hash"]


def test_the_history_of_nobody_has_the_text_of_s1(api: Any):
    answer = api("GET", "/prompts/nobody/history")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Prompt not found")
    make_prompt(name="bare", template_source=None)
    said = api("GET", "/prompts/bare/history").json()
    assert (said["current_version"], said["latest_version"], said["versions"]) == (None, None, [])


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/prompts/x"), ("GET", "/prompts/x/versions"), ("GET", "/prompts/x/versions/1"),
                         ("POST", "/prompts/x/versions/1/promote"), ("GET", "/prompts/x/active"),
                         ("POST", "/prompts/x/rollback"), ("GET", "/prompts/x/events"), ("DELETE", "/prompts/x"),
                         ("POST", "/prompts/x/render"), ("GET", "/prompts/x/texts/0")],
)  # fmt: skip
def test_an_unknown_prompt_is_a_404_with_the_text_of_s1(method: str, path: str, manager: Any):
    body = {"to": "TST", "reason": "x"} if "POST" in method and "render" not in path else {}
    answer = Api(manager.user)(method, path, body)
    assert (answer.status_code, answer.json()["detail"]) == (404, "Prompt 'x' not found")


def test_versions_can_be_filtered_by_stage(api: Any):
    prompt = make_version("RET", name="p").prompt
    make_version("DEV", prompt=prompt)
    for stage, labels in (("RET", ["v1.0"]), ("PRD", ["v1.1"]), ("DEV", ["v1.2"]), ("TST", [])):
        assert [one["label"] for one in api("GET", f"/prompts/p/versions?stage={stage}").json()["results"]] == labels
    assert api("GET", "/prompts/p/versions?stage=DONE").status_code == 400


def test_reading_versions_asks_the_database_as_often_for_10_as_for_100(
    prompt: Prompt, api: Any, django_assert_num_queries: Any
):
    newest = prompt.versions.get()
    api("GET", "/prompts/p/versions")
    for more in (9, 90):
        for _ in range(more):
            newest = newest.create_new(by=TESTER, seen=ANYTHING)
        with django_assert_num_queries(7):
            api("GET", "/prompts/p/versions?page_size=200")
        with django_assert_num_queries(5):
            api("GET", "/prompts/p/versions/v1.5")
        with django_assert_num_queries(6):
            api("GET", "/prompts/p/history")


def test_promoting_asks_the_database_as_often_with_5_versions_as_with_50(api: Any, django_assert_num_queries: Any):
    for number in (5, 50):
        newest = make_version("PRD", name=f"q{number}")
        for _ in range(number - 1):
            newest = newest.create_new(by=TESTER, seen=ANYTHING)
        url = f"/prompts/q{number}/versions/{newest.label}/promote"
        if number == 5:
            api("GET", "/version")
        with django_assert_num_queries(13):
            assert api("POST", url, {"to": "TST"}).status_code == 200
        with django_assert_num_queries(16):
            assert api("POST", url, {"to": "PRD"}).status_code == 200
