"""GET /v1/analytics/prompts: S1-48 to S1-51, literally, and what else it says."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from executions.models import Execution
from tests.analytics.rows import START, make_execution, of_answer, recount, scatter
from tests.conftest import Api
from tests.factories import TESTER, make_agent, make_prompt, make_tracking_prompt, make_version
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db


@pytest.fixture
def versions():
    """Two versions of a prompt of an agent, one of a prompt without, one that git owns."""
    ada = make_agent(name="Ada")
    first = make_version("PRD", name="greet", agent=ada)
    second = make_version("DEV", prompt=first.prompt)
    return [
        first,
        second,
        make_version("DEV", name="loose"),
        make_tracking_prompt(name="git", agent=ada, status_key="G").versions.get(),
    ]


def ask(api, query=""):
    answer = api("GET", f"/analytics/prompts{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_analytics_returns_both_modes(api, versions):
    """S1-49, S1-51."""
    make_execution(versions[0], latency_ms=100)
    make_execution(versions[0], latency_ms=201)
    make_execution(versions[3], latency_ms=50)
    body = ask(api, "?mode=all")
    assert body["summary"]["total_executions"] == 3
    assert (body["summary"]["full_mode_prompts"], body["summary"]["tracking_mode_prompts"]) == (2, 1)
    assert (body["by_mode"]["full"]["execution_count"], body["by_mode"]["full"]["avg_latency_ms"]) == (2, 151)
    assert (body["by_mode"]["tracking"]["execution_count"], body["by_mode"]["tracking"]["avg_latency_ms"]) == (1, 50)


def test_all_is_the_default(api, versions):
    make_execution(versions[3])
    assert ask(api) == ask(api, "?mode=all")


def test_nothing_is_zeros(api):
    body = ask(api)
    assert body["summary"] == {
        "total_executions": 0, "full_mode_prompts": 0, "tracking_mode_prompts": 0, "execution_count": 0, "succeeded": 0,
        "errors": 0, "canceled": 0, "error_rate": 0.0, "avg_latency_ms": 0, "p50_latency_ms": None,
        "p95_latency_ms": None, "prompt_tokens": 0, "response_tokens": 0, "cost_usd": "0", "cost_unknown": 0,
    }  # fmt: skip
    assert {mode: (row["execution_count"], row["avg_latency_ms"]) for mode, row in body["by_mode"].items()} == {
        "full": (0, 0), "tracking": (0, 0),
    }  # fmt: skip
    assert [body[name] for name in ("by_agent", "by_prompt", "by_version", "by_model", "by_day")] == [[]] * 5


@pytest.mark.parametrize("mode", ["full", "tracking"])
def test_one_mode_alone(api, versions, mode):
    """S1-50."""
    rows = scatter(versions, 40, seed=7)
    body = ask(api, f"?mode={mode}")
    assert list(body["by_mode"]) == [mode]
    assert of_answer(body) == recount(row for row in rows if not row.is_test and row.prompt.mode == mode)


@pytest.mark.parametrize("mode", ["All", "none", "full,tracking", "full%20", "%00x", "²"])
def test_another_mode_is_a_400(api, mode):
    """S1-48."""
    answer = api("GET", f"/analytics/prompts?mode={mode}")
    assert answer.status_code == 400


def test_failed_ones_count_and_test_runs_only_when_asked_for(api, versions):
    make_execution(versions[0], status="failed", latency_ms=None, cost_usd=None)
    make_execution(versions[0], status="queued")
    make_execution(versions[1], is_test=True)
    body = ask(api)
    assert (body["summary"]["execution_count"], body["summary"]["errors"], body["summary"]["error_rate"]) == (2, 1, 0.5)
    assert ask(api, "?include_tests=1")["summary"]["execution_count"] == 3


def test_every_breakdown_is_the_naive_recount(api, versions):
    rows = scatter(versions, 150, seed=1)
    assert of_answer(ask(api, "?include_tests=1")) == recount(rows)
    assert of_answer(ask(api)) == recount(row for row in rows if not row.is_test)


def test_prompt_and_agent_narrow(api, versions):
    rows = [row for row in scatter(versions, 80, seed=2) if not row.is_test]
    assert of_answer(ask(api, "?prompt=loose")) == recount(row for row in rows if row.prompt.name == "loose")
    assert of_answer(ask(api, "?agent=Ada")) == recount(row for row in rows if row.prompt.agent)
    assert of_answer(ask(api, "?agent=Ada&mode=tracking")) == recount(row for row in rows if row.prompt.name == "git")
    assert ask(api, "?agent=Ada&prompt=loose")["summary"]["execution_count"] == 0


@pytest.mark.parametrize("query", ["?prompt=nobody", "?agent=nobody"])
def test_unknown_names_are_a_404(api, query):
    assert api("GET", f"/analytics/prompts{query}").status_code == 404


def test_days_are_whole_and_both_ends_count(api, versions):
    rows = [row for row in scatter(versions, 80, seed=3, days=10) if not row.is_test]
    body = ask(api, "?from=2026-03-03&to=2026-03-05")
    wanted = [
        row for row in rows if datetime(2026, 3, 3, tzinfo=UTC) <= row.created_at < datetime(2026, 3, 6, tzinfo=UTC)
    ]
    assert of_answer(body) == recount(wanted)
    assert (body["from"], body["to"]) == ("2026-03-03", "2026-03-05")
    assert [row["day"] for row in body["by_day"]] == ["2026-03-03", "2026-03-04", "2026-03-05"]


def test_days_up_to_today(api, versions, noon):
    now = datetime.now(UTC)
    make_execution(versions[0], created_at=now)
    make_execution(versions[0], created_at=now - timedelta(days=2))
    assert ask(api, "?days=1")["summary"]["execution_count"] == 1
    assert ask(api, "?days=3")["summary"]["execution_count"] == 2


def test_a_day_is_one_of_the_site_s_time_zone(api, versions, settings):
    settings.TIME_ZONE = "Pacific/Auckland"
    make_execution(versions[0], created_at=datetime(2026, 3, 1, 10, 59, 59, tzinfo=UTC))
    make_execution(versions[0], created_at=datetime(2026, 3, 1, 11, 0, 0, tzinfo=UTC))
    assert [row["day"] for row in ask(api)["by_day"]] == ["2026-03-01", "2026-03-02"]
    assert ask(api, "?from=2026-03-02")["summary"]["execution_count"] == 1


@pytest.mark.parametrize(
    "query",
    ["?from=yesterday", "?to=2026-02-30", "?from=2026-03-05&to=2026-03-04", "?days=0", "?days=x", "?days=3&from=2026-03-01",
     "?from=0001-01-01", "?to=9999-12-31", "?include_tests=perhaps", "?from=20260301T1"],
)  # fmt: skip
def test_what_is_no_time_is_a_400(api, query):
    answer = api("GET", f"/analytics/prompts{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_costs_are_added_exactly(api, versions):
    for _ in range(10):
        make_execution(versions[0], cost_usd=Decimal("0.10000001"))
    make_execution(versions[0], cost_usd=None)
    summary = ask(api)["summary"]
    assert (summary["cost_usd"], summary["cost_unknown"]) == ("1.0000001", 1)


def test_a_deleted_draft_s_test_runs_stay(api, versions):
    run = make_execution(versions[1], is_test=True)
    versions[1].delete_draft(by=TESTER, seen=ANYTHING)
    assert Execution.objects.get(pk=run.pk).version is None
    rows = ask(api, "?include_tests=1")["by_version"]
    assert [(row["prompt"], row["label"], row["execution_count"]) for row in rows] == [("greet", "v1.1", 1)]


def test_a_deleted_prompt_s_test_runs_stay_and_say_so(api):
    prompt = make_prompt(name="gone")
    make_execution(prompt.versions.get(), is_test=True)
    prompt.remove(by=TESTER)
    body = ask(api, "?include_tests=1")
    assert [(row["prompt"], row["mode"]) for row in body["by_prompt"]] == [("gone (deleted)", "full")]
    assert ask(api, "?include_tests=1&mode=tracking")["summary"]["execution_count"] == 0


def test_a_renamed_prompt_keeps_its_executions(api):
    prompt = make_prompt(name="before")
    make_execution(prompt.versions.get())
    prompt.change(by=TESTER, name="after")
    make_execution(prompt.versions.get())
    rows = ask(api)["by_prompt"]
    assert [(row["prompt"], row["execution_count"]) for row in rows] == [("after", 2)]


def test_outsiders_and_strangers_see_nothing(outsider, db):
    assert Api(outsider.user)("GET", "/analytics/prompts").status_code == 403
    assert Api()("GET", "/analytics/prompts").status_code == 401


def test_the_most_used_comes_first(api, versions):
    for version, count in zip(versions, (1, 3, 2, 0), strict=True):
        for _ in range(count):
            make_execution(version, created_at=START)
    assert [(row["prompt"], row["label"]) for row in ask(api)["by_version"]] == [
        ("greet", "v1.1"), ("loose", "v1.0"), ("greet", "v1.0"),
    ]  # fmt: skip
