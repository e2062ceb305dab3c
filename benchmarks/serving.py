"""What does serving cost?    .venv/bin/python -m benchmarks.serving [PROMPTS] [SECONDS] [ROUNDS]

One server with 1 worker, then with 4, answers in turns: constant bytes without Django, a Django view that does nothing,
a prompt (200), and the same to a caller who has it (304), each with a key that is checked. Only ratios within one run
mean anything. Needs `wrk` as load generator.
"""

import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import scratch

PORT = int(os.environ.get("PORT", "8149"))
URL = f"http://127.0.0.1:{PORT}"
CONNECTIONS, THREADS = 16, 4
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
SUBJECTS = ("bytes", "django", "200", "304")
BODY = b"x" * 2_700


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """What the server of this benchmark loads: PromptLedger, and two answers to compare it with."""
    if environ["PATH_INFO"] == "/bytes":
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))])
        return [BODY]
    return promptledger(environ, start_response)


def load() -> Any:
    """PromptLedger with one more view."""
    wsgi = import_module("promptledger.wsgi")  # sets Django up
    urls = import_module("promptledger.urls")
    from django.http import HttpResponse
    from django.urls import path

    urls.urlpatterns.insert(0, path("v1/constant", lambda _: HttpResponse(BODY, content_type="application/json")))
    return wsgi.application


if __name__ != "__main__":
    promptledger = load()


@contextmanager
def serving(workers: int, application: str = "benchmarks.serving:application") -> Iterator[subprocess.Popen]:
    """Granian as `manage.py up` runs it; ended with all its processes."""
    command = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--no-ws", "--port", str(PORT),
               "--workers", str(workers), "--blocking-threads", str(THREADS), "--log-level", "warning",
               application]  # fmt: skip
    environ = {**os.environ, "PROMPTLEDGER_LOCAL": "0", "LOG_LEVEL": "ERROR"}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)
        try:
            until = time.monotonic() + 90
            while time.monotonic() < until:
                try:
                    urllib.request.urlopen(f"{URL}/health", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.05)
            else:
                log.seek(0)
                sys.exit(f"The server did not start: {log.read().decode()}")
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def memory(process: subprocess.Popen) -> float:
    """MiB of resident memory that a server's workers take together, shared pages counted by share."""
    total = 0
    for entry in Path("/proc").iterdir():
        with suppress(ProcessLookupError, FileNotFoundError):  # of others that ended meanwhile
            if not entry.name.isdigit() or os.getpgid(int(entry.name)) != process.pid:
                continue
            total += int(re.search(r"^Pss:\s+(\d+)", (entry / "smaps_rollup").read_text(), re.MULTILINE)[1])
    return total / 1024


def load_for(seconds: int, path: str, *headers: str, script: str = "") -> tuple[float, float]:
    """Requests a second, and the 99th percentile in milliseconds, at 16 connections. Ends on any other answer."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    command += [part for header in headers for part in ("-H", header)] + (["-s", script] if script else [])
    said = subprocess.run([*command, f"{URL}{path}"], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        sys.exit(f"{path}: {said}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()
    return rate, float(number) * UNITS[unit]


def compare(workers: int, key: str, seconds: int, rounds: int) -> dict[str, tuple[float, float]]:
    """The medians of each subject over short rounds in turns; printed with the medians of the rounds' ratios."""
    bearer = f"Authorization: Bearer {key}"
    with serving(workers) as process:
        request = urllib.request.Request(f"{URL}/v1/prompts/benchmark-0/active", headers={"X-API-Key": key})
        with urllib.request.urlopen(request) as answer:
            tag = answer.headers["ETag"]
        asks = {
            "bytes": ("/bytes", bearer),
            "django": ("/v1/constant", bearer),
            "200": ("/v1/prompts/benchmark-0/active", bearer),
            "304": ("/v1/prompts/benchmark-0/active", bearer, f"If-None-Match: {tag}"),
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in SUBJECTS}
        for name in SUBJECTS:
            load_for(1, *asks[name])
        for turn in range(rounds):
            for name in SUBJECTS if turn % 2 else SUBJECTS[::-1]:
                found[name].append(load_for(seconds, *asks[name]))
        used = memory(process)
    medians = {
        name: (statistics.median(r for r, _ in rows), statistics.median(p for _, p in rows))
        for name, rows in found.items()
    }
    print(f"\n{workers} worker{'s' * (workers > 1)}, {used:.0f} MiB")
    for name, (rate, slowest) in medians.items():
        print(
            f"  {name:8} {rate:9,.0f}/s   p99 {slowest:6.2f} ms   {against(found, name, 'bytes'):6.0%} of bytes   "
            f"{against(found, name, 'django'):5.1f} x django   {against(found, name, '200'):4.0%} of 200"
        )
    return medians


def against(found: dict[str, list[tuple[float, float]]], name: str, other: str) -> float:
    """How many times another subject's rate a subject has: the median over rounds, as the machine's load drifts."""
    return statistics.median(mine / theirs for (mine, _), (theirs, _) in zip(found[name], found[other], strict=True))


def spread(key: str, names: list[int], seconds: int, rounds: int) -> float:
    """The rate over many names in turns, by one worker, as a share of constant bytes: what a database's size costs."""
    script = Path(tempfile.mkdtemp()) / "names.lua"
    script.write_text(
        f"local names = {{{','.join(map(str, names))}}}\nlocal at = 0\n"
        "request = function() at = at % #names + 1\n"
        "return wrk.format('GET', '/v1/prompts/benchmark-' .. names[at] .. '/active') end\n"
    )
    with serving(1):
        for name in names:  # 4 threads have one cache, which is full from here on
            asked = urllib.request.Request(f"{URL}/v1/prompts/benchmark-{name}/active", headers={"X-API-Key": key})
            urllib.request.urlopen(asked).close()
        return statistics.median(
            load_for(seconds, "/", f"X-API-Key: {key}", script=str(script))[0] / load_for(seconds, "/bytes")[0]
            for _ in range(rounds)
        )


def start_up() -> float:
    """Milliseconds from start to the first answer, on a database that is there."""
    started = time.perf_counter()
    with serving(1):
        return (time.perf_counter() - started) * 1000


def new_key() -> str:
    """A key that may read."""
    from django.contrib.auth.models import User

    from accounts.models import ApiKey
    from ledger.actors import system

    user = User.objects.create_superuser("benchmark")
    return ApiKey.issue(user=user, by=system("benchmark"), name="b", scopes=["read"])[1]


def main(prompts: int, seconds: int, rounds: int) -> None:
    """Fill a database with 1,000 prompts, measure; fill it up to `prompts`, and ask for the same names again."""
    if not shutil.which("wrk"):
        sys.exit("This needs wrk, a load generator: apt-get install wrk.")
    scratch.prepare()
    from django.db import connection

    scratch.fill_live(range(1_000))
    key, names = new_key(), list(range(1_000))
    print(f"{connection.vendor}, {CONNECTIONS} connections, {rounds} rounds of {seconds} s: medians")
    for workers in (1, 4):
        compare(workers, key, seconds, rounds)
    print(f"\nstart-up to the first answer: {statistics.median(start_up() for _ in range(3)):,.0f} ms")
    few = spread(key, names, seconds, rounds)
    scratch.fill_live(range(1_000, prompts))
    many = spread(key, [name * prompts // 1_000 for name in names], seconds, rounds)
    print(f"1,000 names in turns: {few:.0%} of bytes with 1,000 prompts, {many:.0%} with {prompts:,}: {many / few:.0%}")


if __name__ == "__main__":
    main(*(int(word) for word in [*sys.argv[1:], *("100000", "2", "5")[len(sys.argv) - 1 :]]))
