"""Against a model server that others wrote (aimock, by npm): our reading is not only right about our own server.

It is installed from a lock, without scripts, once; where there is no npm, or nothing can be had by it, these tests say so.
"""

import fcntl
import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from common.secrets import Secret
from executions import leases, running
from executions.models import Execution
from executions.providers import Answer, ProviderError, for_environment
from tests.factories import TESTER, make_tracking_prompt, make_version
from tests.live import free_port

HERE = Path(__file__).parent / "aimock"
PROGRAM = HERE / "node_modules/@copilotkit/aimock/dist/cli.js"
OK = "The answer is forty-two, as everybody knows."
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(180)]

# model: code, may be tried again, seconds to wait, what people read
FAULTS = {
    "vendor-slow": ("provider_timeout", True, None, "{} did not answer in time."),
    "vendor-limited": ("provider_rate_limited", True, 7.0, "{} is asked too often (429): Rate limit reached."),
    "vendor-bad": ("provider_refused", False, None, "{} refused the request (400): Unknown parameter."),
    "vendor-gone": ("provider_connection", True, None, "{} could not be reached."),
}
GARBAGE = {False: "{} answered something that is no answer of its kind.", True: "The answer broke off before its end."}
AT_THE_END = {
    # model: status, attempts, error_type, text
    "vendor-ok": ("succeeded", 1, "", OK),
    "vendor-flaky": ("succeeded", 3, "", "Now it works."),
    "vendor-waiting": ("succeeded", 2, "", "Thank you for waiting."),
    "vendor-slow": ("failed", 3, "provider_timeout", None),
    "vendor-gone": ("failed", 3, "provider_connection", None),
    "vendor-bad": ("failed", 1, "provider_refused", None),
    "vendor-garbage": ("failed", 1, "provider_bad_answer", None),
}


def installed() -> str:
    """Install it, one process at a time. Returns why it cannot be had, or ""."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "no node and npm on this machine"
    with (HERE / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not PROGRAM.exists():
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
            done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=120, check=False)
            if done.returncode:
                return f"npm could not install it: {done.stderr.strip()[-200:]}"
    return ""


@contextmanager
def serving() -> Iterator[int]:
    if why := installed():
        pytest.skip(f"aimock: {why}")
    port = free_port()
    told = ["node", str(PROGRAM), "--port", str(port), "--fixtures", str(HERE / "fixtures.json"), "--strict",
            "--validate-on-load", "--log-level", "silent"]  # fmt: skip
    process = subprocess.Popen(told, cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, process.stderr.read()
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def vendor() -> Iterator[int]:
    """One for the tests that do not count."""
    with serving() as port:
        yield port


@pytest.fixture
def asked_at(settings: Any) -> Callable[..., None]:
    def use(port: int, name: str = "compatible") -> None:
        settings.INTERNAL_HOSTS = frozenset({("127.0.0.1", port)})
        url = f"http://127.0.0.1:{port}/v1" if name == "compatible" else f"http://127.0.0.1:{port}"
        said = {"name": name, "model": "vendor-ok", "base_url": url, "key": Secret("a-key-of-ours"), "params": {}}
        settings.PROVIDER_ENVIRONMENT = dict.fromkeys(("dev", "tst", "prd"), said)

    return use


def ask(model: str, pieces: list[str] | None = None) -> Answer:
    chosen = for_environment("tst", model_name=model)
    on_text = None if pieces is None else pieces.append
    wait = 1.5 if model == "vendor-slow" else 30.0
    return chosen.provider.complete("Hello there", model=model, params={}, on_text=on_text, timeout=wait)


names = pytest.mark.parametrize("name", ["compatible", "anthropic"])
ways = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


@names
@ways
def test_an_answer(vendor, asked_at, name, streamed):
    asked_at(vendor, name)
    pieces: list[str] | None = [] if streamed else None
    answer = ask("vendor-ok", pieces)
    reason = "stop" if name == "compatible" else "end_turn"
    assert answer == Answer(OK, 11, 9, None, "vendor-ok", reason)
    assert pieces is None or ("".join(pieces), len(pieces)) == (OK, 6)


@names
@ways
@pytest.mark.parametrize("model", sorted(FAULTS))
def test_a_fault_has_its_code(vendor, asked_at, name, streamed, model):
    asked_at(vendor, name)
    code, retryable, wait, said = FAULTS[model]
    with pytest.raises(ProviderError) as caught:
        ask(model, [] if streamed else None)
    error = caught.value
    assert (error.code, error.retryable, error.retry_after, error.detail) == (code, retryable, wait, said.format(name))


@names
@ways
def test_garbage(vendor, asked_at, name, streamed):
    asked_at(vendor, name)
    with pytest.raises(ProviderError) as caught:
        ask("vendor-garbage", [] if streamed else None)
    assert (caught.value.code, caught.value.detail) == ("provider_bad_answer", GARBAGE[streamed].format(name))


@names
def test_a_stream_that_is_cut_off(vendor, asked_at, name):
    asked_at(vendor, name)
    pieces: list[str] = []
    with pytest.raises(ProviderError) as caught:
        ask("vendor-cut", pieces)
    assert (caught.value.code, caught.value.retryable) == ("provider_bad_answer", False)
    assert pieces[-1] == ""
    assert "This answer is long enough".startswith("".join(pieces)[:16])


@names
@ways
def test_calls_instead_of_talk(vendor, asked_at, name, streamed):
    asked_at(vendor, name)
    ((call,),) = [json.loads(ask("vendor-tools", [] if streamed else None).text)]
    assert (call["name"], json.loads(call["arguments"])) == ("get_weather", {"city": "Oslo"})


def test_a_hundred_at_once(vendor, asked_at):
    asked_at(vendor)
    adapter = for_environment("tst").provider._adapter  # prices are asked of the database, which this test shares
    with ThreadPoolExecutor(100) as threads:
        answers = list(
            threads.map(lambda n: adapter.complete(f"I am {n}", model="vendor-ok", params={}).text, range(100))
        )
    assert answers == [OK] * 100


@pytest.mark.slow
@pytest.mark.parametrize("prompt_mode", ["full", "tracking"])
@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_run_ends_as_the_spec_says_in_both_modes_now_and_by_a_worker(asked_at, settings, prompt_mode, way):
    """What is asked, how often, and how it ends (SPEC 6), with nothing of ours on the other end."""
    settings.EXECUTION_RETRY_WAITS = [0.0, 0.0, 0.0]
    version = make_version("PRD") if prompt_mode == "full" else _tracked()
    ended = {}
    with ExitStack() as open_server:
        asked_at(open_server.enter_context(serving()))
        for model in AT_THE_END:
            settings.PROVIDER_SECONDS = 1.0 if model == "vendor-slow" else 30.0
            began = time.monotonic()
            row = _run(version, model, way)
            ended[model] = (row.status, row.attempts, row.error_type, row.response_text)
            took = time.monotonic() - began
            if model == "vendor-waiting":
                assert took >= 2.0, "the provider named its time"
    assert ended == AT_THE_END


def _tracked() -> Any:
    return make_tracking_prompt().versions.select_related("prompt").get()


def _run(version: Any, model: str, way: str) -> Execution:
    variables = dict.fromkeys(re.findall(r"\{\{ (\w+) \}\}", version.template_source), "Bo")
    try:
        row = running.run(version, by=TESTER, variables=variables, model_name=model, mode=way, environment="prd")
    except ProviderError as error:
        return Execution.objects.get(pk=error.data["execution_id"])
    while row.status in ("queued", "running"):
        if claimed := leases.claim(worker="tests", pk=row.pk):
            running.carry_out(claimed)
        else:
            time.sleep(0.1)
        row.refresh_from_db()
    return row
