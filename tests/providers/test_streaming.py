"""The stream of the TEST panel, over the real web server and by hand: pieces as they come, one run, every refusal told."""

import json
import re
import time
from typing import Any

import httpx2
import pytest
from django.test import Client

from executions.models import Execution
from tests import live
from tests.conftest import make_user
from tests.factories import make_version

TEXT = "one two three four {{ name }}"
FORM = {"seen_stage": "DEV", "seen_revision": "0", "var-name": "five"}


def address(version: Any) -> str:
    return f"/prompts/{version.prompt.name}/versions/{version.label}/test/stream/"


def events(raw: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in raw.decode().split("\n\n") if line.startswith("data: ")]


def stream(user: Any, version: Any, **form: str) -> tuple[list[str], dict[str, Any]]:
    client = Client(headers={"HX-Request": "true"})
    client.force_login(user)
    answer = client.post(address(version), {**FORM, "seen_revision": str(version.revision), **form})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream")
    assert answer.headers["Cache-Control"] == "private, no-store"
    *pieces, last = events(b"".join(answer.streaming_content))
    return [piece["text"] for piece in pieces], last


@pytest.mark.django_db(transaction=True)
def test_pieces_come_in_order_and_last_the_screen(llm_settings):
    version = make_version("DEV", template_source=TEXT)
    pieces, last = stream(make_user("engineer"), version)
    assert pieces == ["one ", "two ", "three ", "four ", "five"]
    assert (last["status"], "one two three four five" in last["html"], "<html" in last["html"]) == (200, True, False)
    run = Execution.objects.get()
    assert (run.status, run.is_test, run.response_text) == ("succeeded", True, "one two three four five")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("form", "status", "said"), [
    ({"seen_stage": "TST"}, 409, "you saw it in TST"),
    ({"seen_revision": "x"}, 400, "does not say what you saw"),
    ({"seen_revision": "77"}, 409, "Nothing was"),
])  # fmt: skip
def test_a_refusal_is_the_screen_that_says_why_and_nobody_is_asked(llm_settings, form, status, said):
    pieces, last = stream(make_user("engineer"), make_version("DEV", template_source=TEXT), **form)
    assert (pieces, last["status"], said in last["html"]) == ([], status, True), last
    assert (Execution.objects.count(), llm_settings.seen()) == (0, [])


@pytest.mark.django_db(transaction=True)
def test_a_viewer_may_not(llm_settings):
    pieces, last = stream(make_user("viewer"), make_version("DEV", template_source=TEXT))
    assert (pieces, last["status"], Execution.objects.count(), llm_settings.seen()) == ([], 403, 0, [])


@pytest.mark.django_db(transaction=True)
def test_a_provider_that_fails_is_told_and_the_run_is_kept(llm_settings, settings):
    settings.EXECUTION_ATTEMPTS = 1
    version = make_version("DEV", template_source=TEXT, config={"model": "cut-off"})
    pieces, last = stream(make_user("engineer"), version)
    run = Execution.objects.get()
    assert (pieces, last["status"], run.status, run.error_type) == (
        ["Half of an ans", ""], 502, "failed", "provider_bad_answer")  # fmt: skip
    assert f"/executions/{run.pk}/" in last["html"]


@pytest.mark.django_db
def test_it_takes_a_post_with_a_token_of_a_person_who_is_signed_in():
    version = make_version("DEV", template_source=TEXT)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_user("engineer"))
    assert strict.post(address(version), FORM).status_code == 403
    assert strict.get(address(version)).status_code == 405
    assert Client().post(address(version), FORM).status_code in (302, 403)
    nowhere = address(version).replace(version.label, "v9.9")
    strict = Client()
    strict.force_login(make_user("manager"))
    assert strict.post(nowhere, FORM).status_code == 404
    assert Execution.objects.count() == 0


@pytest.mark.slow
def test_the_web_server_sends_each_piece_when_it_comes(llm, tmp_path):
    with (
        live.running(tmp_path, "--no-demo", **llm.environment("slowly-1")) as url,
        httpx2.Client(timeout=60) as client,
    ):
        client.put(f"{url}/v1/prompts/greeting", json={"template_source": TEXT}).raise_for_status()
        page = client.get(f"{url}/prompts/greeting/versions/v1.0/test/").text
        seen = {name: re.search(f'name="{name}" value="([^"]*)"', page).group(1)
                for name in ("csrfmiddlewaretoken", "seen_stage", "seen_revision")}  # fmt: skip
        came, raw = [], b""
        post = client.stream("POST", f"{url}/prompts/greeting/versions/v1.0/test/stream/",
                             data={**seen, "var-name": "five"}, headers={"HX-Request": "true", "Origin": url})  # fmt: skip
        with post as answer:
            assert answer.status_code == 200
            for chunk in answer.iter_raw():
                raw += chunk
                came.append(time.monotonic())
    assert len(events(raw)) == 6
    assert came[-1] - came[0] > 1.5, "they came one by one"
    assert events(raw)[-1]["status"] == 200
