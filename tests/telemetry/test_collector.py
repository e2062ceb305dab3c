"""From a request to a worker, into a collector: processes of their own, OTLP on the line. And what it is when off."""

import json
import subprocess
import sys
import urllib.request

import pytest
from django.apps import apps

from common import telemetry
from common.telemetry.asked import Asked
from tests import live
from tests.proofs.processes import database_url
from tests.telemetry.collector import Collector

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADERS = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "order-4711", "Content-Type": "application/json"}
# Nothing is sent before the end: what arrives shows that every process sends what waits when it ends.
AT_THE_END = {"OTEL_BSP_SCHEDULE_DELAY": "600000", "OTEL_METRIC_EXPORT_INTERVAL": "600000"}


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


def ask(url, path, body=None, **headers):
    request = urllib.request.Request(
        f"{url}/v1{path}",
        json.dumps(body).encode() if body is not None else None,
        {"Content-Type": "application/json", **headers},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer), answer.headers


def test_one_request_one_trace_two_processes(tmp_path, collector, transactional_db):
    environ = {"DATABASE_URL": database_url(),
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_HEADERS": "authorization=token",
        "OTEL_SERVICE_NAME": "ledger", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "LOG_FORMAT": "json", "LOG_LEVEL": "INFO", **AT_THE_END,
    }  # fmt: skip
    port = live.free_port()
    url = f"http://127.0.0.1:{port}"
    process = live.start("--no-demo", "--port", str(port), **live.environment(tmp_path, **environ))
    live.until_it_answers(process, url)
    ask(url, "/prompts", {"name": "greet", "template_source": "sentinel-text {{ name }}"})
    for to in ("TST", "PRD"):
        ask(url, "/prompts/greet/versions/v1.0/promote", {"to": to})
    body = {"prompt": "greet", "variables": {"name": "sentinel-variable"}}
    row, headers = ask(url, "/executions/submit", body, **HEADERS)
    assert (row["status"], headers["X-Request-ID"], row["correlation_id"]) == ("queued", "order-4711", "order-4711")
    collector.wait_for(lambda: ask(url, f"/executions/{row['execution_id']}")[0]["status"] == "succeeded")
    code, said = live.stop(process)
    assert code == 0, said

    chain = [span for span in collector.spans() if span["trace"] == TRACE]
    by_name = {span["name"]: span for span in chain}
    assert len(by_name) == len(chain) == 4, by_name
    names = ["POST /v1/executions/submit", "promptledger.submit", "promptledger.run", "chat gpt-4o-mini"]
    request, submit, run, chat = (by_name[name] for name in names)
    assert [request["parent"], submit["parent"], run["parent"], chat["parent"]] == [
        PARENT, request["id"], submit["id"], run["id"],
    ]  # fmt: skip
    web, worker = ({span["of"]["service.instance.id"] for span in some} for some in ((request, submit), (run, chat)))
    assert len(web) == len(worker) == 1 and web != worker
    assert {(span["of"]["service.name"], span["of"]["deployment.environment.name"]) for span in chain} == {
        ("ledger", "test")
    }
    assert run["attributes"]["promptledger.execution.id"] == row["execution_id"]
    assert run["attributes"]["promptledger.correlation_id"] == "order-4711"
    assert chat["attributes"]["gen_ai.provider.name"] == "offline"
    assert "promptledger.promote" in {span["name"] for span in collector.spans()}
    assert {
        "http.server.request.duration",
        "gen_ai.client.operation.duration",
        "promptledger.executions",
    } <= collector.metrics()
    assert b"sentinel" not in collector.raw
    assert {sent["authorization"] for sent in collector.headers} == {"token"}

    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    mine = [line for line in lines if line.get("correlation_id") == "order-4711"]
    assert {line["logger"] for line in mine} == {"promptledger.request", "promptledger.run"}
    assert [line["trace_id"] for line in mine] == [TRACE] * 2
    assert "sentinel" not in said


def test_a_collector_that_is_away_keeps_nobody(tmp_path, transactional_db):
    environ = {
        "DATABASE_URL": database_url(),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{live.free_port()}",
        **AT_THE_END,
    }
    port = live.free_port()
    url = f"http://127.0.0.1:{port}"
    process = live.start("--no-demo", "--port", str(port), **live.environment(tmp_path, **environ))
    live.until_it_answers(process, url)
    ask(url, "/prompts", {"name": "greet", "template_source": "x"})
    assert ask(url, "/prompts/greet/versions/v1.0/promote", {"to": "TST"})[0]["stage"] == "TST"
    assert live.stop(process)[0] == 0


PROGRAM = """
import django; django.setup()
from django.test import Client
from promptledger import wsgi
import os, sys
from ledger.actors import system
from versions.models import Prompt
from executions import running
from executions.working import work_on
by = system("tests")
version = Prompt.create(by=by, name="p", template_source="x").versions.get()
work_on(running.run(version, by=by, mode="async").pk)
assert Client(headers={"host": "localhost"}).get("/v1/prompts").status_code == 200
assert type(wsgi.application).__name__ == os.environ["WANTED"], wsgi.application
print(sorted({name.partition(".")[0] for name in sys.modules} & {"opentelemetry", "prometheus_client", "structlog", "google"}))
"""


@pytest.mark.parametrize(
    ("environ", "wanted", "loaded"),
    [
        ({}, "Edge", "[]"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "Traced", "['opentelemetry']"),
    ],
)  # fmt: skip
def test_off_nothing_of_it_is_loaded(tmp_path, transactional_db, environ, wanted, loaded):
    environ = live.environment(
        tmp_path,
        DATABASE_URL=database_url(),
        DJANGO_SETTINGS_MODULE="promptledger.settings",
        PROMPTLEDGER_LOCAL="1",
        WANTED=wanted,
        **environ,
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM], cwd=live.ROOT, env=environ, capture_output=True, text=True
    )
    lines = done.stdout.strip().splitlines()
    assert loaded in lines, done.stderr
    assert ('"name": "chat gpt-4o-mini"' in done.stdout) == (wanted == "Traced")


def test_what_the_variables_ask_for():
    def read(**environ):
        asked = Asked.read(environ)
        return sorted(asked.traces), sorted(asked.metrics), len(asked.wrong)

    url = "http://collector:4318"
    assert read() == ([], [], 0)
    assert read(OTEL_EXPORTER_OTLP_ENDPOINT=url) == (["otlp"], ["otlp"], 0)
    assert read(OTEL_EXPORTER_OTLP_ENDPOINT="") == ([], [], 0)
    assert read(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=url) == (["otlp"], [], 0)
    assert read(OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=url) == ([], ["otlp"], 0)
    assert read(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_METRICS_EXPORTER="none") == (["otlp"], [], 0)
    assert read(OTEL_TRACES_EXPORTER="otlp, Console") == (["console", "otlp"], [], 0)
    assert read(OTEL_TRACES_EXPORTER="zipkin") == ([], [], 1)
    assert read(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_EXPORTER_OTLP_PROTOCOL="grpc") == ([], [], 2)
    assert read(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="grpc") == ([], ["otlp"], 1)
    assert read(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf") == (["otlp"], ["otlp"], 0)
    assert read(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_SDK_DISABLED="TRUE") == ([], [], 0)


def test_without_the_libraries_it_is_off_and_says_so(monkeypatch):
    monkeypatch.setattr(sys.modules["common.telemetry.asked"], "find_spec", lambda name: None)
    asked = Asked.read({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"})
    assert not asked.anything and "requirements/telemetry.lock" in asked.wrong[0]


def test_what_cannot_be_had_is_said_at_the_start(kept, caplog):
    telemetry.use(
        Asked.read({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    )
    apps.get_app_config("common").ready()
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 2 and all("OTLP is sent as http/protobuf only, not as grpc" in one for one in said)
