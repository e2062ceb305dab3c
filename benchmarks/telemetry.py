"""What does telemetry cost, off and on?    .venv/bin/python -m benchmarks.telemetry [ROUNDS]

Microseconds of CPU for a served prompt (the warm path), an API request, and a run with the offline provider: when it is
off, and when it is on (the SDK, with spans thrown away where they would be sent). At last a span that is off, alone.
"""

import statistics
import sys
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

from benchmarks import scratch


def cpu(what: Callable[[], Any], rounds: int) -> float:
    """Microseconds of CPU that one call takes: the median of five batches."""
    what()
    found = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(rounds):
            what()
        found.append((time.process_time() - began) / rounds * 1e6)
    return statistics.median(found)


def asked(path: str, key: str) -> dict[str, Any]:
    """A request as the web server hands it over."""
    return {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "",
        "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000",
        "wsgi.url_scheme": "http", "wsgi.input": BytesIO(),
        "wsgi.input_terminated": True, "wsgi.version": (1, 0), "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost",
        "HTTP_X_API_KEY": key,
    }  # fmt: skip


def main(rounds: int) -> None:
    """Make a prompt, ask for it, run it; print a line for each."""
    scratch.prepare()
    import logging

    from django.contrib.auth.models import User
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from accounts.models import ApiKey
    from common import correlation, telemetry
    from common.telemetry.asked import Asked
    from common.telemetry.live import Live
    from common.telemetry.wsgi import Traced
    from executions import running
    from ledger.actors import system
    from promptledger import wsgi
    from versions.models import PromptVersion

    class Away(InMemorySpanExporter):
        def export(self, spans: Any) -> Any:
            self.clear()
            return super().export(())

    logging.disable(logging.INFO)
    scratch.fill_live(range(1))
    by = system("benchmark")
    version = PromptVersion.objects.select_related("prompt").get()
    user = User.objects.create_superuser("benchmark")
    key = ApiKey.issue(user=user, by=by, name="benchmark", scopes=["read"])[1]
    path = f"/v1/prompts/{version.prompt.name}"

    def ask(application: Any, path: str) -> None:
        b"".join(application(asked(path, key), lambda status, headers, *more: None))

    works: dict[str, tuple[Callable[[Any], Any], int]] = {
        "served, warm": (lambda application: ask(application, f"{path}/active"), 50),
        "API request": (lambda application: ask(application, path), 1),
        "run": (lambda application: running.run(version, by=by, variables={"question": "x"}), 1),
    }
    tracers = TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(Away()))
    live = Live(tracers, MeterProvider())
    both = frozenset({"otlp"})
    for name, (work, often) in works.items():
        telemetry.use(Asked())
        off = cpu(lambda work=work: work(wsgi.application), rounds * often)
        telemetry.use(Asked(both, both, anything=True), live)
        on = cpu(lambda work=work: work(Traced(wsgi.application)), rounds * often)
        print(f"{name:>14}: off {off:8.1f} µs, on {on:8.1f} µs (+{on / off - 1:.0%})", flush=True)
    telemetry.use(Asked())

    def nothing() -> None:
        with telemetry.span("x"):
            pass

    spans, ids = cpu(nothing, 200_000), cpu(lambda: correlation.taken("abc-1"), 200_000)
    print(f"   alone, off: a span {spans:.2f} µs, an id {ids:.2f} µs")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:] or ("300",)))
