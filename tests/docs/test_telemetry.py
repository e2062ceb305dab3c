"""docs/telemetry.md and docs/analytics.md: what they show works as it is written, what they name is there."""

import json
import re
import shlex
from io import StringIO

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from opentelemetry import environment_variables as of_api
from opentelemetry.sdk import environment_variables as of_sdk

from common.correlation import SANE
from common.logs import FORMATS, AsJson
from common.telemetry import asked as asking
from common.telemetry.asked import CONTENT, Asked
from common.telemetry.metrics import COUNTERS, HISTOGRAMS
from executions.analytics import export
from executions.models import Execution
from tests.analytics.rows import make_execution
from tests.factories import make_version
from tests.live import ROOT
from tests.telemetry.conftest import kept
from tests.telemetry.test_metrics import found, scrape

__all__ = ["found", "kept"]
PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text() for name in ("telemetry", "analytics")}
TELEMETRY, ANALYTICS = PAGES["telemetry"], PAGES["analytics"]
SHELL = [line for page in PAGES.values() for block in re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
         for line in block.replace("\\\n", " ").splitlines()]  # fmt: skip


def table(page, after):
    """The first column of the table that follows these words."""
    rows = page.split(after, 1)[1].split("\n\n| ", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [re.findall(r"`([^`]+)`", row.split(" | ")[0]) for row in rows]


def ask(line):
    """Do what a line of curl does."""
    words = shlex.split(line)[1:]
    url = next(word for word in words if word.startswith("http"))
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    path = url.removeprefix("http://127.0.0.1:8000")
    client = Client(headers={name: value for name, value in headers.items() if name != "Content-Type"})
    if "-d" in words:
        return client.post(path, words[words.index("-d") + 1], content_type=headers["Content-Type"])
    return client.get(path)


@pytest.mark.django_db
def test_every_line_of_the_shell(local_mode):
    make_version("PRD", name="answer-judge", template_source="{{ input }} {{ expected }} {{ actual }}")
    done = []
    for line in SHELL:
        words = shlex.split(line, comments=True)
        if words[0] == "curl":
            answer = ask(line)
            assert answer.status_code == 200, answer.content
            done.append(answer)
        elif words[:2] == [".venv/bin/python", "manage.py"]:
            call_command(*words[2:], stdout=StringIO())
        elif words[0] == "export":
            name, value = words[1].split("=", 1)
            assert Asked.read({name: value}).anything
        else:
            assert words == [".venv/bin/pip", "install", "-r", "requirements/telemetry.lock"] or words == [
                "make",
                "run",
            ]
            assert len(words) == 2 or (ROOT / words[-1]).exists()
    submitted, listed, figures = done
    assert submitted["X-Request-ID"] == Execution.objects.get().correlation_id == "order-4711"
    assert listed.json()["count"] == 1
    assert figures.json()["summary"]["execution_count"] == 1


def test_the_line_of_the_log():
    import logging

    line = json.loads(re.search(r"^```json\n(.*?)\n```$", TELEMETRY, re.MULTILINE | re.DOTALL)[1])
    made = logging.makeLogRecord({"name": line["logger"], "levelname": "INFO", "msg": line["message"]})
    ours = json.loads(AsJson().format(made))
    assert set(ours) <= set(line) and SANE.fullmatch(line["correlation_id"])
    for word in (*FORMATS, "LOG_FORMAT", "LOG_LEVEL"):
        assert f"`{word}`" in TELEMETRY


def test_every_logger_is_there():
    sources = "".join(
        path.read_text() for app in ("accounts", "common", "executions") for path in (ROOT / app).rglob("*.py")
    )
    for names in table(TELEMETRY, "## Log lines"):
        for name in names:
            assert f'getLogger("{name}")' in sources


def test_the_variables_that_ask_for_telemetry():
    named = [name for names in table(TELEMETRY, "make run\n```") for name in names]
    for name in (asking.ENDPOINT, CONTENT, "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"):
        assert name in named
    unknown = [name for name in named if name != CONTENT and not any(hasattr(one, name) for one in (of_api, of_sdk))]
    assert unknown == []
    for said in re.search(rf"`{CONTENT}` \| (.*?):", TELEMETRY)[1].replace("or", ",").split(","):
        assert Asked.read({CONTENT: said.strip(" `")}).content


def test_the_metrics_of_opentelemetry():
    named = {names[0] for names in table(TELEMETRY, "### Metrics by OpenTelemetry")}
    assert named == {*COUNTERS, *HISTOGRAMS}


def test_the_spans_are_those_that_the_code_makes():
    sources = "".join(
        path.read_text() for app in ("executions", "versions", "repository") for path in (ROOT / app).rglob("*.py")
    )
    named = {name for names in table(TELEMETRY, "### Spans") for name in names if name.startswith("promptledger.")}
    made = set(re.findall(r'telemetry\.span\(\s*"(promptledger\.\w+)"', sources))
    assert named == made | {f"promptledger.{action}" for action in re.findall(r'@traced\("(\w+)"\)', sources)}


@pytest.mark.django_db
def test_the_metrics_of_prometheus(found):
    make_execution(make_version("PRD"))
    named = {name for names in table(TELEMETRY, "static_configs") for name in names if name.startswith("promptledger_")}
    there = {re.sub(r"_(bucket|sum|count)$", "", name) if "latency" in name else name for name, *_ in found()}
    assert named - {"promptledger_evaluation_runs"} == there - {"promptledger_evaluation_runs"}
    alarms = set(re.findall(r"promptledger_\w+", TELEMETRY.split("Worth an alarm", 1)[1]))
    assert alarms <= there


@pytest.mark.django_db
def test_the_scraper_s_settings_open_it(settings):
    said = yaml.safe_load(re.search(r"^```yaml\n(.*?)^```$", TELEMETRY, re.MULTILINE | re.DOTALL)[1])["scrape_configs"][
        0
    ]
    settings.METRICS_TOKEN = said["authorization"]["credentials"]
    assert scrape(Client(headers={"Authorization": f"Bearer {settings.METRICS_TOKEN}"}))


@pytest.mark.django_db
def test_the_answer_and_the_csv_of_analytics(api, page):
    make_execution(make_version("PRD"))
    answer = api("GET", "/analytics/prompts").json()
    said = ANALYTICS.split("The answer has", 1)[1].split("##", 1)[0]
    for name in (*(key for key in answer if key.startswith("by_")), "summary", *answer["by_mode"]["full"]):
        assert f"`{name}`" in said
    for by in export.BREAKDOWNS:
        assert f"`{by}`" in ANALYTICS.split("## As CSV", 1)[1]
        assert page.get(f"/analytics/export.csv?by={by}").status_code == 200
    for names in table(ANALYTICS, "days=30'\n```"):
        for name in names:
            assert api("GET", f"/analytics/prompts?{name}=").status_code == 200


def test_the_links_lead_somewhere():
    for text in PAGES.values():
        for target in re.findall(r"\]\(([^)#]+)", text):
            assert (ROOT / "docs" / target).exists()
