"""What the Python client costs: warm, with rendering, revalidated, and cold from disk with the server gone (P6).

    PYTHONPATH=clients/python/src python -m benchmarks.client [SECONDS]

Where the package langfuse is installed, its client is measured in the same run, against a stub of its API on loopback.
Rounds take turns; each figure is the median of its rounds.
"""

import importlib.util
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from typing import Any

ROUNDS = 7
NAMES = [f"variable_{number}" for number in range(10)]
WORDS = "Words that say what to do. " * 7
TEXT = "".join(f"{WORDS[:189]}{{{{{name}}}}}\n" for name in NAMES)  # 2 KB
VALUES = {name: f"the value of {name}" for name in NAMES}
COLD = """
import sys, time
began = time.perf_counter()
from promptledger_client import PromptLedger
import promptledger_client.client
imported, used = time.perf_counter(), time.process_time()
prompt = PromptLedger(sys.argv[1], cache_dir=sys.argv[2]).prompt("Agent", status_key="KEY")
took = [time.perf_counter() - imported, time.process_time() - used, imported - began]
print(prompt.source, *(seconds * 1000 for seconds in took))
"""


class Stub(BaseHTTPRequestHandler):
    """Answers both clients with the same text."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        from promptledger_client.served import sha256

        if self.path.startswith("/api/public"):
            said: dict[str, Any] = {
                "id": "x", "name": "Agent", "version": 1, "prompt": TEXT, "type": "text", "config": {},
                "labels": ["production"], "tags": [], "createdAt": "2025-12-01T10:00:00Z",
                "updatedAt": "2025-12-01T10:00:00Z", "createdBy": "x",
                "projectId": "x", "isActive": True,
            }  # fmt: skip
        else:
            said = {
                "agent": "Agent", "prompt": "Agent.KEY", "status_key": "KEY", "served_status_key": "KEY", "version": 1,
                "label": "v1.0", "stage": "PRD", "type": "text", "template_format": "simple", "template_source": TEXT,
                "config": {}, "variables": NAMES, "checksum_hash": sha256(TEXT), "content_hash": "",
                "deployed_at": None,
            }  # fmt: skip
        known = self.headers.get("If-None-Match") == '"1"'
        body = b"" if known else json.dumps(said).encode()
        self.send_response(304 if known else 200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Type", "application/json")
        if not known:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def serve(server: ThreadingHTTPServer) -> None:
    """In a process of its own, so that it does not take the client's time."""
    server.serve_forever()


def per_call(call: Callable[[], object], seconds: float) -> float:
    """Microseconds of one call, with as many calls as fit."""
    count, took = 1, 0.0
    while took < seconds / 4:
        count *= 2
        began = time.perf_counter()
        for _ in range(count):
            call()
        took = time.perf_counter() - began
    return took / count * 1e6


def langfuse_calls(url: str) -> dict[str, Callable[[], object]]:
    """The same two calls of Langfuse's client, where it is installed."""
    if importlib.util.find_spec("langfuse") is None:
        return {}
    os.environ["OTEL_SDK_DISABLED"] = "true"
    from langfuse import Langfuse

    other = Langfuse(public_key="pk-x", secret_key="sk-x", host=url, tracing_enabled=False)
    other.get_prompt("Agent", cache_ttl_seconds=3_600)
    return {
        "langfuse, warm": lambda: other.get_prompt("Agent", cache_ttl_seconds=3_600),
        "langfuse, warm and rendered": lambda: other.get_prompt("Agent", cache_ttl_seconds=3_600).compile(**VALUES),
    }


def cold(folder: str, gone: str) -> list[float]:
    """Milliseconds to the prompt with the server gone and a copy on disk, those of the processor, and of the import."""
    done = subprocess.run([sys.executable, "-c", COLD, gone, folder], capture_output=True, text=True, check=True)
    source, *took = done.stdout.split()
    assert source == "disk", source
    return [float(one) for one in took]


def main() -> None:
    """Measure, and print a line for each figure."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    url = f"http://127.0.0.1:{server.server_port}"
    process = multiprocessing.get_context("fork").Process(target=serve, args=(server,), daemon=True)
    process.start()
    server.socket.close()
    from promptledger_client import PromptLedger

    with tempfile.TemporaryDirectory() as folder:
        warm = PromptLedger(url, ttl=3_600, cache_dir=folder)
        asks = PromptLedger(url, ttl=0, cache_dir=False)
        prompt = warm.prompt("Agent", status_key="KEY")
        assert prompt.render(VALUES).count("the value of") == len(NAMES)
        calls: dict[str, Callable[[], object]] = {
            "warm": lambda: warm.prompt("Agent", status_key="KEY"),
            "warm and rendered": lambda: warm.prompt("Agent", status_key="KEY").render(**VALUES),
            "revalidated (304)": lambda: asks.prompt("Agent", status_key="KEY"),
            **langfuse_calls(url),
        }
        rounds = [{name: per_call(call, seconds / ROUNDS) for name, call in calls.items()} for _ in range(ROUNDS)]
        took = {name: median(one[name] for one in rounds) for name in calls}
        process.terminate()
        process.join()
        assert asks.prompt("Agent", status_key="KEY").source == "stale"
        took["warm, server gone"] = per_call(lambda: asks.prompt("Agent", status_key="KEY"), 0.2)
        assert warm.prompt("Agent", status_key="KEY").source == "memory"
        starts = [cold(folder, url) for _ in range(ROUNDS)]
    for name, micros in took.items():
        print(f"{name:32} {micros:10.2f} µs")
    names = ("cold, from disk, server gone", "  of it on a processor", "  and the import before it")
    for name, took_each in zip(names, zip(*starts, strict=True), strict=True):
        print(f"{name:32} {median(took_each):10.2f} ms, at best {min(took_each):.2f}")
    for name in ("warm", "warm and rendered"):
        if f"langfuse, {name}" in took:
            print(f"{name}: {took[name] / took[f'langfuse, {name}']:.2f} of Langfuse's")


if __name__ == "__main__":
    main()
