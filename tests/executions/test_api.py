"""Execute, run, submit, read and cancel over the API (S1-36 to S1-42, S1-55; SPEC 6, 9)."""

import uuid
from typing import Any

import pytest

from executions.models import Execution
from executions.providers import ProviderError
from tests.conftest import Api
from tests.factories import TESTER, make_agent, make_prompt, make_tracking_prompt, make_version
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db

KEYS = {"execution_id", "status", "mode", "prompt_name", "prompt_mode", "version", "label", "environment", "provider",
        "response_text", "telemetry"}  # fmt: skip
HI = {"variables": {"name": "Bo"}}


@pytest.fixture
def tracked(db: None) -> Any:
    return make_tracking_prompt(name="tracked")


@pytest.fixture
def greet(db: None) -> Any:
    """A full prompt with v1.0 in PRD and v1.1 in DEV."""
    prompt = make_version("PRD", name="greet", template_source="Hello {{ name }}!").prompt
    make_version("DEV", prompt=prompt, template_source="Draft for {{ name }}")
    return prompt


def refused(api: Api, path: str, body: Any, status: int) -> dict[str, Any]:
    """The refusal; nothing may be kept."""
    before = Execution.objects.count()
    answer = api("POST", path, body)
    assert answer.status_code == status, answer.content
    assert Execution.objects.count() == before
    return answer.json()


# Execute


def test_execute_tracking_mode_prompt(api, tracked):
    answer = api("POST", "/prompts/tracked/execute", HI)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) >= KEYS
    assert uuid.UUID(body["execution_id"])
    assert (body["prompt_mode"], body["prompt_name"], body["status"], body["mode"]) == (
        "tracking", "tracked", "succeeded", "sync",
    )  # fmt: skip
    assert (body["version"], body["label"], body["environment"], body["provider"]) == (1, "v1.0", "dev", "offline")
    assert (body["response_text"], body["model_name"], body["is_test"]) == ("Tracked Bo", "gpt-4o-mini", False)
    assert set(body["telemetry"]) == {"prompt_tokens", "response_tokens", "latency_ms", "cost_usd"}
    assert body["attempts"] == 1
    assert body["created_by"] == "engineer"


def test_execute_full_mode_prompt_fails(api, greet):
    said = refused(api, "/prompts/greet/execute", HI, 400)
    assert said["detail"] == "Prompt 'greet' is in full mode. Use PUT /v1/prompts/greet instead."
    assert said["code"] == "wrong_mode"


def test_execute_of_an_unknown_name(api, db):
    assert refused(api, "/prompts/nobody/execute", HI, 404)["detail"] == "Prompt 'nobody' not found"


def test_the_mode_of_the_prompt_is_looked_at_first(api, greet):
    said = refused(api, "/prompts/greet/execute", {"mode": "nonsense", "version": 0}, 400)
    assert "is in full mode" in said["detail"]


@pytest.mark.parametrize("mode", ["batch", "", "SYNC", 5, ["sync"], {"a": 1}, True])
def test_an_unknown_way_of_running(api, tracked, mode):
    said = refused(api, "/prompts/tracked/execute", {**HI, "mode": mode}, 400)
    assert said["detail"] == f"Invalid execution mode: {mode}. Must be 'sync' or 'async'."


def test_null_is_not_given(api, tracked):
    body = {"variables": {"name": "Bo"}, "version": None, "model_name": None, "params": None, "provider": None}
    assert api("POST", "/prompts/tracked/execute", body).status_code == 200


def test_async_is_queued_and_nothing_is_answered_yet(api, tracked):
    body = api("POST", "/prompts/tracked/execute", {**HI, "mode": "async"}).json()
    assert (body["status"], body["mode"], body["response_text"], body["attempts"]) == ("queued", "async", None, 0)
    assert body["rendered_prompt"] == "Tracked Bo"
    assert api("GET", f"/executions/{body['execution_id']}").json()["status"] == "queued"


@pytest.mark.parametrize("version", [1, "1", "v1.0", "1.0"])
def test_a_version_by_number_or_label(api, tracked, version):
    assert api("POST", "/prompts/tracked/execute", {**HI, "version": version}).json()["version"] == 1


@pytest.mark.parametrize("path", ["/prompts/tracked/execute", "/executions/run", "/executions/submit"])
@pytest.mark.parametrize("version", [0, -1, "0", "newest", "", "v", "1.2.3", 1.5, True, [1], "²"])
def test_a_bad_version(api, tracked, path, version):
    named = {} if path.endswith("execute") else {"prompt": "tracked"}
    refused(api, path, {**HI, **named, "version": version}, 400)


@pytest.mark.parametrize("version", [2, "v1.1", 999_999_999])
def test_an_unknown_version(api, tracked, version):
    said = refused(api, "/prompts/tracked/execute", {**HI, "version": version}, 404)
    assert said["detail"] == f"Prompt 'tracked' has no version '{version}'"


def test_missing_variables_are_named(api, tracked):
    said = refused(api, "/prompts/tracked/execute", {}, 400)
    assert (said["detail"], said["missing"]) == ("Missing variables: name.", ["name"])


@pytest.mark.parametrize(
    "odd",
    [{"variables": []}, {"variables": "x"}, {"params": []}, {"model_name": "m" * 201}, {"model_name": 5},
     {"environment": "live"}, {"environment": None}, {"provider": "nobody"}, {"unknown": 1}, {"idempotency_key": "k" * 256},
     {"correlation_id": "c" * 129}, {"variables": {"name": "x" * 1_000_001}}],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/prompts/tracked/execute", "/executions/submit"])
def test_bad_input_keeps_nothing(api, tracked, path, odd):
    named = {} if path.endswith("execute") else {"prompt": "tracked"}
    refused(api, path, {**HI, **named, **odd}, 400)


# Run and submit


@pytest.mark.parametrize(("name", "mode"), [("greet", "full"), ("tracked", "tracking")])
def test_run_takes_prompts_of_both_modes(api, greet, tracked, name, mode):
    body = api("POST", "/executions/run", {"prompt": name, **HI}).json()
    assert (body["status"], body["prompt_mode"], body["label"]) == ("succeeded", mode, "v1.0")
    body = api("POST", "/executions/submit", {"prompt": name, **HI}).json()
    assert (body["status"], body["prompt_mode"], body["mode"]) == ("queued", mode, "async")


def test_a_draft_is_run_only_when_asked_for(api, greet):
    assert api("POST", "/executions/run", {"prompt": "greet", **HI}).json()["response_text"] == "Hello Bo!"
    assert api("POST", "/executions/run", {"prompt": "greet", "stage": "DEV", **HI}).json()["label"] == "v1.1"
    assert api("POST", "/executions/run", {"prompt": "greet", "version": "v1.1", **HI}).json()["label"] == "v1.1"
    make_prompt(name="draft")
    said = refused(api, "/executions/run", {"prompt": "draft", **HI}, 404)
    assert (said["code"], said["detail"]) == ("nothing_live", "Prompt 'draft' has no version in PRD")


def test_an_agent_says_what_it_serves_in_a_state(api, db):
    ada = make_agent(name="Ada")
    make_version("PRD", agent=ada, template_source="Default {{ name }}")
    approved = make_version("PRD", agent=ada, status_key="APPROVED", template_source="Approved {{ name }}")
    make_version("DEV", prompt=approved.prompt, template_source="Next {{ name }}")

    def said(**more: Any) -> str:
        return api("POST", "/executions/run", {"agent": "Ada", **HI, **more}).json()["response_text"]

    assert said() == "Default Bo"
    assert said(status_key="APPROVED") == "Approved Bo"
    assert said(status_key="UNKNOWN") == "Default Bo"
    assert said(status_key="APPROVED", stage="DEV") == "Next Bo"
    assert refused(api, "/executions/run", {"agent": "Ada", "status_key": "UNKNOWN", "stage": "DEV", **HI}, 404)
    assert refused(api, "/executions/run", {"agent": "Nobody", **HI}, 404)["detail"] == "Agent 'Nobody' not found"


@pytest.mark.parametrize("which", [{}, {"prompt": "greet", "agent": "Ada"}, {"prompt": "greet", "status_key": "x"}])
def test_what_is_to_be_run_is_named_once(api, greet, which):
    refused(api, "/executions/run", {**which, **HI}, 400)


@pytest.mark.parametrize("path", ["/executions/run", "/executions/submit"])
def test_another_mode_than_expected(api, greet, tracked, path):
    said = refused(api, path, {"prompt": "greet", "expected_mode": "tracking", **HI}, 400)
    assert said["detail"] == "Prompt 'greet' is in full mode, expected tracking"
    said = refused(api, path, {"prompt": "tracked", "expected_mode": "full", **HI}, 400)
    assert said["detail"] == "Prompt 'tracked' is in tracking mode, expected full"
    assert api("POST", path, {"prompt": "greet", "expected_mode": "full", **HI}).status_code == 200


def test_a_provider_that_fails_is_a_502_and_the_run_is_kept(api, greet, scripted):
    scripted.script = [ProviderError("It refused the request.", code="provider_refused")]
    answer = api("POST", "/executions/run", {"prompt": "greet", "provider": "scripted", **HI})
    assert answer.status_code == 502
    body = answer.json()
    assert (body["detail"], body["code"]) == ("It refused the request.", "provider_refused")
    kept = api("GET", f"/executions/{body['execution_id']}").json()
    assert (kept["status"], kept["error_type"], kept["error_message"]) == (
        "failed", "provider_refused", "It refused the request.",
    )  # fmt: skip
    assert (kept["attempts"], len(kept["attempt_log"])) == (1, 1)


# Reading


def test_the_list_is_narrowed_by_each_filter(api, greet, tracked, engineer):
    make_agent(name="Ada")
    own = make_version("PRD", name="own", template_source="x", agent=make_agent(name="Bea"))
    api("POST", "/executions/run", {"prompt": "greet", **HI, "correlation_id": "c-1", "environment": "prd"})
    api("POST", "/executions/submit", {"prompt": "tracked", **HI, "model_name": "m-2"})
    api("POST", "/prompts/own/versions/v1.0/test", {})
    assert own.prompt.agent.name == "Bea"

    def names(query: str) -> list[str]:
        answer = api("GET", f"/executions?{query}")
        assert answer.status_code == 200, answer.content
        return sorted(row["prompt_name"] for row in answer.json()["results"])

    assert names("") == ["greet", "own", "tracked"]
    assert names("prompt=greet") == names("correlation_id=c-1") == ["greet"]
    assert names("agent=Bea") == names("is_test=1") == ["own"]
    assert names("is_test=0") == ["greet", "tracked"]
    assert names("mode=async") == names("model=m-2") == names("prompt_mode=tracking") == names("status=queued")
    assert names("mode=async") == ["tracked"]
    assert names("version=v1.0&prompt=greet") == names("version=1&prompt=greet") == ["greet"]
    assert names("version=2") == names("label=v9.9") == []
    assert names("provider=offline&environment=dev") == ["tracked"]
    assert names("environment=prd") == ["greet", "own"]
    assert names("to=2020-01-01") == []
    assert names("from=2020-01-01&to=2120-01-01T00:00:00Z") == ["greet", "own", "tracked"]
    for odd in ("mode=x", "prompt_mode=x", "is_test=2", "version=x", "from=x", "environment=x"):
        assert api("GET", f"/executions?{odd}").status_code == 400, odd


@pytest.mark.parametrize("reference", ["x", "00000000-0000-4000-8000-000000000000", "1"])
def test_an_unknown_run(api, db, reference):
    answer = api("GET", f"/executions/{reference}")
    assert (answer.status_code, answer.json()["detail"]) == (404, f"There is no execution '{reference}'")
    assert api("POST", f"/executions/{reference}/cancel").status_code == 404


# Cancel


def test_a_queued_run_is_canceled_and_an_ended_one_is_not(api, greet):
    queued = api("POST", "/executions/submit", {"prompt": "greet", **HI}).json()
    canceled = api("POST", f"/executions/{queued['execution_id']}/cancel")
    assert (canceled.status_code, canceled.json()["status"]) == (200, "canceled")
    assert canceled.json()["completed_at"]
    again = api("POST", f"/executions/{queued['execution_id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "finished")


def test_a_run_that_was_executed_keeps_its_draft(api, greet):
    api("POST", "/executions/run", {"prompt": "greet", "stage": "DEV", **HI})
    assert api("DELETE", "/prompts/greet/versions/v1.1").status_code == 409


def test_history_counts_executions(api, tracked):
    api("POST", "/prompts/tracked/execute", HI)
    assert api("GET", "/prompts/tracked/history").json()["versions"][0]["execution_count"] == 1


def test_a_run_asked_for_with_a_stale_view_is_not_mixed_up(api, greet):
    """What is in production is resolved when the run is asked for, not when a page was drawn."""
    draft = greet.versions.get(version=2)
    for target in ("TST", "PRD"):
        draft = draft.promote(by=TESTER, to=target, seen=ANYTHING)
    assert api("POST", "/executions/run", {"prompt": "greet", **HI}).json()["response_text"] == "Draft for Bo"
