"""X-Request-ID: taken, made, echoed, and found again in log lines and runs."""

import json
import logging
import re
import subprocess
import sys

import pytest

from common import correlation, logs
from executions.models import Execution
from tests import live
from tests.factories import make_version
from tests.serving.conftest import Both, environ

SENT = "01JD-proxy_7.3:a/b+c=@"


def test_it_is_echoed(page):
    assert page.get("/health", headers={"X-Request-ID": SENT})["X-Request-ID"] == SENT


@pytest.mark.parametrize(
    "odd", ["", " ", "a b", "é", "a\tb", "<script>", "-x", "x" * 129, "a\x00", "a,b", '"', "a;b", "日本", "a\x7f"]
)
def test_what_is_no_id_is_not_repeated(page, odd):
    answer = page.get("/health", headers={"X-Request-ID": odd})
    assert answer["X-Request-ID"] != odd
    assert correlation.SANE.fullmatch(answer["X-Request-ID"])


def test_the_longest_is(page):
    assert page.get("/health", headers={"X-Request-ID": "x" * 128})["X-Request-ID"] == "x" * 128


def test_each_request_gets_its_own(page):
    made = [page.get("/health")["X-Request-ID"] for _ in range(50)]
    assert len(set(made)) == 50
    assert all(correlation.SANE.fullmatch(one) for one in made)


def test_a_fork_makes_other_ones():
    program = (
        "import os; from common import correlation as c\n"
        "def say(): os.write(1, f'{c.new()}\\n'.encode())  # whole lines: both speak at once\n"
        "say(); p = os.fork()\n"
        "say(); p and os.wait()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=live.ROOT, capture_output=True, text=True)
    first, *others = done.stdout.split()
    assert len({one.split("-")[0] for one in (first, *others)}) == 2, done.stderr
    assert len({first, *others}) == 3


@pytest.mark.parametrize("path", ["/prompts/nothing/", "/v1/prompts/nothing", "/nowhere", "/v1/prompts?page=x", "/%ff"])
def test_refusals_have_one_too(page, path):
    answer = page.get(path, headers={"X-Request-ID": SENT})
    assert answer.status_code >= 400
    assert answer["X-Request-ID"] == SENT


def test_a_defect_has_one_too(page, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("promptledger.health.guards.missing", broken)
    page.raise_request_exception = False
    answer = page.get("/health/ready", headers={"X-Request-ID": SENT})
    assert (answer.status_code, answer["X-Request-ID"]) == (500, SENT)


def test_a_warm_answer_says_the_id_of_its_own_request(both: Both, key: str):
    make_version("PRD", name="greet")
    path = "/v1/prompts/greet/active"
    ids = []
    for sent in ("first", "second", "not one id", None):
        asked = {"X_API_KEY": key, **({"X_REQUEST_ID": sent} if sent else {"X_REQUEST_ID": ""})}
        ids.append(dict(both.ask(path, **asked)[1])["X-Request-ID"])
    assert both.is_warm(path, X_API_KEY=key)
    assert ids[:2] == ["first", "second"]
    assert len(set(ids)) == 4 and "not one id" not in ids
    _, headers, _ = both.ask(path, X_API_KEY=key, X_REQUEST_ID="third")
    assert [value for name, value in headers if name == "X-Request-ID"] == ["third"]
    asked = environ(path, X_API_KEY=key, X_REQUEST_ID="fourth")
    both.edge(asked, lambda *_: None)
    assert asked[correlation.KEY] == "fourth"


@pytest.mark.django_db
@pytest.mark.parametrize("mode", ["run", "submit"])
def test_a_run_keeps_the_id_of_the_request_that_made_it(api, mode):
    make_version("PRD", name="greet", template_source="Hi")
    answer = api("POST", f"/executions/{mode}", {"prompt": "greet"}, **{"X-Request-ID": SENT})
    assert answer.status_code == 200, answer.content
    assert Execution.objects.get().correlation_id == SENT


@pytest.mark.django_db
def test_what_the_body_names_goes_before_it(api):
    make_version("PRD", name="greet", template_source="Hi")
    api("POST", "/executions/run", {"prompt": "greet", "correlation_id": "mine"}, **{"X-Request-ID": SENT})
    assert Execution.objects.get().correlation_id == "mine"


@pytest.mark.django_db
def test_the_longest_id_fits_a_run(api):
    make_version("PRD", name="greet", template_source="Hi")
    api("POST", "/executions/run", {"prompt": "greet"}, **{"X-Request-ID": "x" * 128})
    assert Execution.objects.get().correlation_id == "x" * 128
    found = api("GET", f"/executions?correlation_id={'x' * 128}").json()
    assert found["count"] == 1


@pytest.mark.django_db
def test_one_line_says_what_was_asked(api, caplog):
    make_version("PRD", name="greet", template_source="secret text")
    with caplog.at_level(logging.INFO, logger="promptledger.request"):
        api("GET", "/prompts/greet?search=private", **{"X-Request-ID": SENT})
        api("GET", "/version")
    first, second = (record for record in caplog.records if record.name == "promptledger.request")
    assert (first.method, first.path, first.status) == ("GET", "/v1/prompts/greet", 200)
    assert first.ms >= 0 and first.user_id and "private" not in str(vars(first))
    assert second.path == "/v1/version"


@pytest.mark.django_db
def test_what_django_says_of_a_request_has_its_id(caplog, client):
    client.get("/v1/prompts", headers={"X-Request-ID": SENT})
    (line,) = (record for record in caplog.records if record.name == "django.request")
    assert json.loads(logs.AsJson().format(line))["correlation_id"] == SENT
    assert logs.AsText().format(line).endswith(f"[{SENT}]")


@pytest.mark.django_db
def test_machines_that_ask_all_the_time_leave_no_lines(page, caplog):
    with caplog.at_level(logging.INFO, logger="promptledger.request"):
        for path in ("/health", "/health/ready", "/static/css/base.css", "/favicon.ico", "/metrics"):
            page.get(path)
    assert [record for record in caplog.records if record.name == "promptledger.request"] == []


@pytest.mark.django_db
def test_a_line_names_the_key_not_its_secret(client, viewer, caplog):
    from tests.serving.conftest import new_key

    key = new_key(viewer.user)
    with caplog.at_level(logging.INFO, logger="promptledger.request"):
        client.get("/v1/prompts", headers={"X-API-Key": key})
    (line,) = (record for record in caplog.records if record.name == "promptledger.request")
    assert line.api_key and re.search(re.escape(line.api_key), key)
    assert key not in str(vars(line)) and len(line.api_key) < len(key) / 2
