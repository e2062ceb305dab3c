"""Row 17: run everything with keys that can be recognised, then look for them wherever anybody could read (RELIABILITY)."""

import io
import json
import logging
import os
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from common.secrets import Secret
from executions.models import ProviderSetting
from executions.providers import ProviderError, for_environment
from tests import live
from tests.factories import TESTER, make_prompt
from tests.live_llm import ModelServer
from tests.providers.test_openai import FAULTS

KEY = "sk-SENTINEL-of-the-row-8d1f7a2b9c"
VARIABLE_KEY = "sk-SENTINEL-of-the-variables-55e0"
ENCRYPTION_KEY = "SENTINEL-of-the-encryption-0123456789abcdef"
SENTINELS = (KEY, VARIABLE_KEY, ENCRYPTION_KEY)
MODELS = ["echo", "parrot", "garbage", "status-500", "status-400", "cut-off", "redirect", "odd", "html", "slow-3"]


def hits(text: str | bytes) -> list[str]:
    """The sentinels in a text: whole, or the half that would give them away."""
    found = text.decode(errors="replace") if isinstance(text, bytes) else text
    return [sentinel for sentinel in SENTINELS if sentinel in found or sentinel[-12:] in found]


def make(llm: ModelServer, **fields: Any) -> ProviderSetting:
    return ProviderSetting.create(
        by=TESTER, environment="dev", name="mine", adapter="compatible", base_url=llm.url, key=Secret(KEY), **fields
    )


@pytest.mark.django_db
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_no_log_and_no_traceback_even_with_its_variables_shows_a_key(llm_settings, settings, streamed):
    settings.ENCRYPTION_KEYS = [Secret(ENCRYPTION_KEY)]
    make(llm_settings)
    said = io.StringIO()
    root = logging.getLogger()
    handler, levels = logging.StreamHandler(said), {}
    for name in ("", "openai", "httpx2", "httpcore2", "anthropic", "executions", "common", "django"):
        levels[name] = logging.getLogger(name).level
        logging.getLogger(name).setLevel(logging.DEBUG)  # more than our settings would let anybody see
    root.addHandler(handler)
    raised = 0
    try:
        for model in [*FAULTS, "echo"]:
            chosen = for_environment("dev", model_name=model)
            patience = 30 if model == "echo" else 0.7
            try:
                chosen.provider.complete(
                    "Hello", model=model, params={}, on_text=(lambda text: None) if streamed else None, timeout=patience
                )
            except ProviderError as error:
                raised += 1
                told = traceback.TracebackException.from_exception(error, capture_locals=True)
                said.write("".join(told.format()))
                said.write(repr(error) + str(vars(error)) + repr(error.__context__) + repr(error.args))
                logging.getLogger("executions").exception("It failed.")
    finally:
        root.removeHandler(handler)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    assert raised == len(FAULTS)
    text = said.getvalue()
    assert text.count("provider") > 100, "there is something to look through"
    assert "idempotency" in text.lower() or "HTTP" in text, "the libraries spoke"
    assert hits(text) == []


@pytest.mark.django_db
def test_no_page_no_event_no_dump_and_no_representation_shows_a_key(llm_settings, settings, admin):
    settings.ENCRYPTION_KEYS = [Secret(ENCRYPTION_KEY)]
    row = make(llm_settings)
    row.change(by=TESTER, key=Secret(KEY), model="parrot")
    make_prompt(name="greeting", template_source="Hello {{ name }}!")
    client = Client()
    client.force_login(admin.user)
    body = json.dumps({"variables": {"name": "Bo"}})
    answer = client.post("/v1/prompts/greeting/versions/1/test", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (502, "provider_refused")
    run = answer.json()["execution_id"]
    seen = [answer.content]
    for page in (
        "/executions/", f"/executions/{run}/", f"/executions/compare/?run={run}",
        f"/executions/compare/?left={run}&right={run}", "/executions/of/greeting/v1.0/", f"/v1/executions/{run}", "/v1/executions", "/v1/events", "/prompts/greeting/",
        "/admin/executions/execution/", f"/admin/executions/execution/{run}/change/", "/admin/ledger/ledgerevent/",
        f"/admin/executions/providersetting/{row.pk}/change/", "/admin/executions/providersetting/",
    ):  # fmt: skip
        shown = client.get(page)
        assert shown.status_code == 200, page
        seen.append(shown.content)
    dumped = io.StringIO()
    call_command("dumpdata", "--all", stdout=dumped)
    assert "executions.providersetting" in dumped.getvalue()
    assert "provider_changed" in dumped.getvalue()
    shown = [repr(row), str(row), repr(vars(row)), repr(row.key()), repr(settings.ENCRYPTION_KEYS),
             repr(for_environment("dev").provider.__dict__), dumped.getvalue()]  # fmt: skip
    assert [hits(text) for text in [*seen, *shown] if hits(text)] == []


@pytest.mark.slow
def test_a_server_that_logs_all_it_can_and_its_files_hold_no_key(llm, tmp_path):
    variables = {
        "LOG_LEVEL": "DEBUG",
        "PROMPTLEDGER_ENCRYPTION_KEY": ENCRYPTION_KEY,
        **llm.environment(),
        "PROMPTLEDGER_PROVIDER_API_KEY": VARIABLE_KEY,
        "PROMPTLEDGER_PROVIDER_SECONDS": "1",
        "PROMPTLEDGER_DEMO": "0",
        "EXECUTION_RETRY_WAITS": "0.01",
        "SENTINEL": KEY,
    }
    environ = {**live.environment(tmp_path, **variables), "PROMPTLEDGER_LOCAL": "1"}
    make_row = (
        "import os; from common.secrets import Secret; from executions.models import ProviderSetting as P; "
        "from ledger.actors import system; "
        f"P.create(by=system('test'), environment='dev', name='mine', adapter='compatible', base_url='{llm.url}', "
        "key=Secret(os.environ['SENTINEL']))"
    )
    said = b""
    for command in (["migrate", "--verbosity", "0"], ["shell", "--verbosity", "0", "-c", make_row]):
        done = subprocess.run([sys.executable, "manage.py", *command], cwd=live.ROOT, env=environ, capture_output=True)
        assert done.returncode == 0, done.stderr
        said += done.stdout + done.stderr
    port = live.free_port()
    process = live.start("--port", str(port), "--no-demo", **environ)
    url = f"http://127.0.0.1:{port}"
    live.until_it_answers(process, url)
    answers = [ask(url, "PUT", "/v1/prompts/greeting", {"template_source": "Hello {{ name }}!"})]
    for model in MODELS:
        body = {"variables": {"name": "Bo"}, "model_name": model}
        answers.append(ask(url, "POST", "/v1/prompts/greeting/versions/1/test", body))
    queued = {"prompt": "greeting", "version": 1, "variables": {"name": "Bo"}, "model_name": "parrot"}
    answers.append(ask(url, "POST", "/v1/executions/submit", queued))
    assert ended_by_the_worker(url, json.loads(answers[-1][1])["execution_id"]) == "failed"
    answers += [ask(url, "GET", path) for path in ("/executions/", "/v1/executions", "/v1/events", "/")]
    _, printed = live.stop(process)
    assert [status for status, _ in answers[:2]] == [201, 200], answers[:2]
    assert [status for status, _ in answers[2:11]] == [502] * 9, [answer[:300] for _, answer in answers[2:11]]
    assert {request["headers"]["authorization"] for request in llm.seen()} == {f"Bearer {KEY}"}, (
        "the row's key was sent"
    )
    assert "DEBUG" in printed
    stored = {path.name: path.read_bytes() for path in Path(tmp_path).rglob("*") if path.is_file()}
    assert any(name.endswith("sqlite3") for name in stored)
    looked_at = [said, printed, *(answer for _, answer in answers), *stored.values()]
    assert [hits(text) for text in looked_at if hits(text)] == []
    assert os.environ.get("SENTINEL") is None


def ended_by_the_worker(url: str, run: str) -> str:
    """How a run in the background ended."""
    deadline = time.monotonic() + live.SECONDS
    while time.monotonic() < deadline:
        status = json.loads(ask(url, "GET", f"/v1/executions/{run}")[1])["status"]
        if status not in ("queued", "running"):
            return status
        time.sleep(0.2)
    raise AssertionError("No worker took it.")


def ask(url: str, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}{path}", data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
