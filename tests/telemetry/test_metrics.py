"""GET /metrics: who may read it, that it is right, that it goes on counting."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from executions.analytics import folding
from executions.models import Execution
from tests.analytics.rows import make_execution, scatter
from tests.api.test_permissions import PEOPLE, SCOPES, key_of
from tests.conftest import make_user
from tests.factories import TESTER, make_prompt, make_tracking_prompt, make_version
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db
TOKEN = "scrape-me-0123456789"


def scrape(client=None, **headers):
    """Every sample as {(name, (label values)): value}."""
    answer = (client or Client()).get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.content
    families = openmetrics if "openmetrics" in answer["Content-Type"] else plain
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families(answer.content.decode()) for sample in family.samples
    }  # fmt: skip


@pytest.fixture
def found(viewer):
    """Ask as a viewer."""
    client = Client()
    client.force_login(viewer.user)
    return lambda **headers: scrape(client, **headers)


class TestWhoMay:
    @pytest.mark.parametrize("who", PEOPLE)
    def test_people(self, who):
        client = Client()
        if who != "nobody":
            client.force_login(make_user(who, is_superuser=who == "admin"))
        answer = client.get("/metrics")
        assert answer.status_code == (200 if "read" in PEOPLE[who] else 401 if who == "nobody" else 403)
        assert (b"promptledger_versions" in answer.content) == ("read" in PEOPLE[who])

    @pytest.mark.parametrize("scope", SCOPES)
    def test_keys(self, scope, admin):
        answer = Client(headers={"Authorization": f"Bearer {key_of(admin.user, scope)}"}).get("/metrics")
        assert answer.status_code == (200 if scope == "read" else 403)

    def test_a_bad_key(self, admin):
        key = key_of(admin.user, "read")
        for bad in (f"Bearer {key[:-1]}", "Bearer ", "Basic x", "Bearer \u20ac"):
            answer = Client(headers={"Authorization": bad.encode().decode("latin-1")}).get("/metrics")
            assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="PromptLedger"')

    def test_the_token_opens_this_and_nothing_else(self, settings):
        settings.METRICS_TOKEN = TOKEN
        client = Client(headers={"Authorization": f"Bearer {TOKEN}"})
        assert client.get("/metrics").status_code == 200
        for path in ("/v1/prompts", "/v1/executions", "/v1/analytics/prompts"):
            assert client.get(path).status_code == 401
        assert client.get("/prompts/").status_code == 302

    @pytest.mark.parametrize(
        "sent", ["Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Token {TOKEN}", TOKEN]
    )
    def test_what_is_not_the_token_opens_nothing(self, settings, sent):
        settings.METRICS_TOKEN = TOKEN
        assert Client(headers={"Authorization": sent}).get("/metrics").status_code == 401

    @pytest.mark.parametrize("sent", ["Bearer ", "Bearer", "Bearer  "])
    def test_no_token_is_no_token(self, settings, sent):
        settings.METRICS_TOKEN = ""
        assert Client(headers={"Authorization": sent}).get("/metrics").status_code == 401

    def test_local_mode_answers_this_machine(self, local_mode):
        assert Client().get("/metrics").status_code == 200
        assert Client().get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 403
        assert Client().get("/metrics", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 401

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_it_is_read_only(self, method, engineer):
        client = Client()
        client.force_login(engineer.user)
        assert getattr(client, method)("/metrics").status_code == 405

    def test_it_is_not_sent_on_to_https(self, settings):
        settings.SECURE_SSL_REDIRECT = True
        assert Client().get("/metrics").status_code == 401
        assert Client().get("/prompts/").status_code == 301


def counted(rows, **of):
    return sum(all(getattr(row, name) == value for name, value in of.items()) for row in rows)


@pytest.mark.parametrize("folded", [0, 40, 200])
def test_runs_are_counted_exactly_wherever_they_are(found, folded):
    version = make_version("PRD", name="greet")
    rows = scatter([version], 120, seed=5)
    if folded:
        folding.fold(least=1, batch=folded)
    samples = found()
    for environment in ("dev", "prd"):
        for model in ("gpt-4o-mini", "large"):
            for test in (False, True):
                of = {"environment": environment, "model_name": model, "is_test": test, "provider": "offline"}
                labels = (environment, model, "offline", str(test).lower())
                mine = [row for row in rows if all(getattr(row, name) == value for name, value in of.items())]
                ended = [row for row in mine if row.status in ("succeeded", "failed", "canceled")]
                for status in ("succeeded", "failed", "canceled"):
                    key = ("promptledger_executions_total", *sorted((*labels, status)))
                    assert samples[key] == counted(mine, status=status)
                cost = samples["promptledger_cost_usd_total", *sorted(labels)]
                assert cost == pytest.approx(float(sum((row.cost_usd or Decimal(0) for row in ended), Decimal(0))))
                unknown = samples["promptledger_cost_unknown_total", *sorted(labels)]
                assert unknown == sum(row.cost_usd is None for row in ended)
                for direction, name in (("in", "prompt_tokens"), ("out", "response_tokens")):
                    tokens = samples["promptledger_tokens_total", *sorted((*labels, direction))]
                    assert tokens == sum(getattr(row, name) or 0 for row in ended)
                latencies = [row.latency_ms for row in mine if row.latency_ms is not None]
                for bound in ("0.1", "1.0", "2.5", "+Inf"):
                    within = samples["promptledger_latency_seconds_bucket", *sorted((*labels, bound))]
                    assert within == sum(one <= float(bound) * 1_000 for one in latencies)
                assert samples["promptledger_latency_seconds_sum", *sorted(labels)] == sum(latencies) / 1_000
                assert samples["promptledger_latency_seconds_count", *sorted(labels)] == len(latencies)


def test_counters_never_go_back(found):
    version = make_version("PRD", name="greet")
    before: dict = {}
    for step in range(6):
        make_execution(version, status="failed" if step % 2 else "succeeded")
        if step == 3:
            folding.fold_all()
        if step == 4:
            folding.rebuild()
        now = {key: value for key, value in found().items() if key[0].endswith(("_total", "_bucket", "_sum", "_count"))}
        assert all(now[key] >= value for key, value in before.items())
        before = now


def test_the_queue(found):
    version = make_version("PRD", name="greet")
    empty = found()
    assert (empty["promptledger_queue_due",], empty["promptledger_queue_oldest_seconds",]) == (0, 0)
    assert empty["promptledger_executions_unfinished", "", "queued"] == 0
    now = timezone.now()
    make_execution(version, status="queued", created_at=now - timedelta(seconds=300))
    make_execution(
        version, status="queued", created_at=now - timedelta(seconds=900), not_before=now + timedelta(hours=1)
    )
    make_execution(
        version, status="running", created_at=now - timedelta(seconds=900), lease_until=now + timedelta(hours=1)
    )
    samples = found()
    assert samples["promptledger_executions_unfinished", "offline", "queued"] == 2
    assert samples["promptledger_executions_unfinished", "offline", "running"] == 1
    assert samples["promptledger_queue_due",] == 1
    assert 300 <= samples["promptledger_queue_oldest_seconds",] < 400


def test_what_was_done_and_what_there_is(found):
    version = make_version("PRD", name="greet")
    make_version("PRD", prompt=version.prompt)
    version.refresh_from_db()
    version.roll_back(by=TESTER, seen=ANYTHING, reason="worse")
    make_tracking_prompt(name="git")
    make_prompt(name="draft")
    samples = found()
    assert samples["promptledger_ledger_events_total", "rolled_back"] == 1
    assert samples["promptledger_ledger_events_total", "promoted"] == 4
    assert samples["promptledger_versions", "RET"] == 2
    assert (samples["promptledger_prompts", "full"], samples["promptledger_prompts", "tracking"]) == (2, 1)


def test_both_formats(found):
    make_execution(make_version("PRD", name="greet"), model_name='a "model"\n\\')
    text, newer = found(Accept="text/plain;version=0.0.4"), found(Accept="application/openmetrics-text;version=1.0.0")
    assert ("promptledger_versions", "PRD") in text and ("promptledger_versions", "PRD") in newer
    assert (
        "promptledger_executions_total",
        *sorted(("prd", 'a "model"\n\\', "offline", "false", "succeeded")),
    ) in newer
    assert found(Accept="image/png").keys() == text.keys()


def test_it_changes_nothing_and_asks_a_fixed_number_of_questions(found, django_assert_max_num_queries):
    versions = [make_version("PRD", name=f"p{number}") for number in range(20)]
    scatter(versions, 60, seed=1)
    folding.fold(least=1)
    before = list(Execution.objects.order_by("pk").values())
    with django_assert_max_num_queries(20):
        found()
    assert list(Execution.objects.order_by("pk").values()) == before
