"""Real servers, several processes each: once a promotion is answered, none of them serves the old text (P4)."""

import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from accounts.keys import prefix_of
from tests import live
from tests.conftest import make_user
from tests.factories import TESTER, make_agent, make_version
from tests.proofs.processes import database_url
from tests.serving.conftest import new_key
from versions import generation
from versions.seen import ANYTHING

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SQLITE = connection.vendor == "sqlite"
PROMOTIONS = int(os.environ.get("PROOF_PROMOTIONS", "40"))
ASKED = 8  # new connections a server after each promotion: each of its processes is among them, sooner or later
WORKERS = 2
KILLS = 2


@contextmanager
def server(data_dir: Path, *, workers: int = WORKERS, careless: str = "") -> Iterator[int]:
    """A server on the tests' own database, as its port."""
    port = live.free_port()
    ours = {
        "PROMPTLEDGER_LOCAL": "0",
        "PROMPTLEDGER_HTTPS": "0",
        "SECRET_KEY": settings.SECRET_KEY,
        "CARELESS": careless,
    }
    environ = live.environment(data_dir, DATABASE_URL=database_url(), **ours)
    command = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--no-ws", "--port", str(port),
               "--workers", str(workers), "--blocking-threads", "4", "tests.serving.server:application"]  # fmt: skip
    process = live.Server(
        command, cwd=live.ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        live.until_it_answers(process, f"http://127.0.0.1:{port}")
        yield port
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def ask(port: int, method: str, path: str, key: str, body: Any = None) -> tuple[int, dict[str, Any], str]:
    """One request on a connection of its own. Returns status, body, and which process answered."""
    talk = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        talk.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = talk.getresponse()
        return answer.status, json.loads(answer.read() or "{}"), answer.headers["X-Process"]
    finally:
        talk.close()


@pytest.fixture
def world(tmp_path: Path) -> dict[str, Any]:
    """A prompt that is live, with so many drafts in testing; and a key that may promote them."""
    first = make_version("PRD", name="p", agent=make_agent(name="Stan"), template_source="text 1")
    key = new_key(make_user("manager"), "read", "promote", "write")
    waiting = [
        first.create_new(by=TESTER, seen=ANYTHING, template_source=f"text {number}").promote(
            by=TESTER, to="TST", seen=ANYTHING
        ).version
        for number in range(2, PROMOTIONS + 2)
    ]  # fmt: skip
    return {"key": key, "waiting": waiting, "data": tmp_path}


def promote(port: int, key: str, version: int) -> float:
    """Take a version to production over the API; returns how long the answer took, in seconds."""
    started = time.perf_counter()
    path = f"/v1/prompts/p/versions/{version}/promote"
    status, body, _ = ask(port, "POST", path, key, {"to": "PRD", "stage": "TST"})
    assert status == 200, body
    return time.perf_counter() - started


def stale_reads(ports: list[int], world: dict[str, Any]) -> tuple[int, int, Counter[str], list[float]]:
    """Promote by one server after the other and ask all of them at once: stale and all reads, processes, times."""
    stale, reads, processes, took = 0, 0, Counter[str](), []
    for turn, version in enumerate(world["waiting"]):
        took.append(promote(ports[turn % len(ports)], world["key"], version))
        for port in ports * ASKED:
            path = "/v1/agents/Stan/prompt" if reads % 2 else "/v1/prompts/p/active"
            status, body, process = ask(port, "GET", path, world["key"])
            assert status == 200, body
            assert body["template_source"] == f"text {body['version']}"
            reads += 1
            stale += body["version"] != version
            processes[process] += 1
    return stale, reads, processes, took


def test_no_process_of_any_server_serves_the_old_text_once_a_promotion_was_answered(world: dict[str, Any]):
    with server(world["data"] / "a") as one, server(world["data"] / "b") as two:
        stale, reads, processes, took = stale_reads([one, two], world)
    assert len(processes) == 2 * WORKERS
    assert min(processes.values()) > reads / 20
    assert (stale, reads) == (0, PROMOTIONS * 2 * ASKED)
    print(f"{connection.vendor}: {stale} stale of {reads}, promotion {statistics.median(took) * 1000:.0f} ms")


def test_without_it_they_do(world: dict[str, Any]):
    """The negative control: leases that are not waited for, or a WAL-index that is not compared."""
    careless = "no look" if SQLITE else "no wait"
    with ExitStack() as both:
        ports = [both.enter_context(server(world["data"] / name, careless=careless)) for name in "ab"]
        stale, reads, _, _ = stale_reads(ports, {**world, "waiting": world["waiting"][:20]})
    assert stale > reads / 50


def test_a_server_killed_between_commit_and_answer_leaves_no_stale_text_behind(world: dict[str, Any]):
    with server(world["data"] / "b") as other:
        for version in world["waiting"][:KILLS]:
            with server(world["data"] / "a", workers=1, careless="dies") as dying:
                for _ in range(ASKED):
                    ask(other, "GET", "/v1/prompts/p/active", world["key"])  # leases and answers are warm
                with pytest.raises((ConnectionError, http.client.HTTPException)):
                    promote(dying, world["key"], version)
            if not SQLITE:
                time.sleep(generation.LEASE)
            for _ in range(ASKED):
                said = ask(other, "GET", "/v1/prompts/p/active", world["key"])[1]
                assert said["version"] == version


def test_a_revoked_key_works_nowhere_any_more(world: dict[str, Any], admin: Any):
    """Revoked on a page of one server, refused by every process of the other."""
    client = Client()
    client.force_login(admin.user)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    with server(world["data"] / "a") as one, server(world["data"] / "b") as two:
        for _ in range(10):
            key = new_key(admin.user)
            prefix = prefix_of(key)
            for port in [one, two] * ASKED:
                assert ask(port, "GET", "/v1/agents/Stan/prompt", key)[0] == 200
            revoke_on_a_page(one, prefix, cookie)
            for port in [one, two] * ASKED:
                assert ask(port, "GET", "/v1/agents/Stan/prompt", key)[0] == 401


def revoke_on_a_page(port: int, prefix: str, cookie: str) -> None:
    """Press the button of the page of keys."""
    talk = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    talk.request("GET", "/keys/", headers={"Cookie": cookie})
    page = talk.getresponse()
    text = page.read().decode()
    token = text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    csrf = page.headers["Set-Cookie"].partition(";")[0]
    headers = {"Cookie": f"{cookie}; {csrf}", "Content-Type": "application/x-www-form-urlencoded"}
    talk.request("POST", f"/keys/{prefix}/revoke/", f"csrfmiddlewaretoken={token}", headers)
    answer = talk.getresponse()
    answer.read()
    talk.close()
    assert answer.status == 302, text[:500]
