"""A stand-in for an OpenTelemetry collector: takes OTLP over HTTP as the specification says, and keeps it."""

import gzip
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

KINDS = {"/v1/traces": (ExportTraceServiceRequest, ExportTraceServiceResponse),
         "/v1/metrics": (ExportMetricsServiceRequest, ExportMetricsServiceResponse)}  # fmt: skip


class Collector:
    """Listens at `url`; `spans` and `metrics` are what came."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.raw = b""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asks, answers = KINDS[self.path]
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/x-protobuf"
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                outer.raw += body
                outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                outer.received.append(asks.FromString(body))
                said = answers().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self.server.shutdown()
        self.server.server_close()

    def spans(self) -> list[dict[str, Any]]:
        """Every span that came: name, trace, id, parent, kind, attributes, and the instance it came from."""
        return [
            {
                "name": span.name, "trace": span.trace_id.hex(), "id": span.span_id.hex(),
                "parent": span.parent_span_id.hex(), "kind": span.kind, "error": span.status.code == 2,
                "attributes": values(span.attributes), "of": values(batch.resource.attributes),
            }
            for request in list(self.received) if isinstance(request, ExportTraceServiceRequest)
            for batch in request.resource_spans for scope in batch.scope_spans for span in scope.spans
        ]  # fmt: skip

    def metrics(self) -> set[str]:
        """The names of the metrics that came."""
        return {
            metric.name
            for request in list(self.received) if isinstance(request, ExportMetricsServiceRequest)
            for batch in request.resource_metrics for scope in batch.scope_metrics for metric in scope.metrics
        }  # fmt: skip

    def wait_for(self, condition: Callable[[], Any], seconds: float = 60) -> None:
        """Return once it is so."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, [span["name"] for span in self.spans()]
            time.sleep(0.05)


def values(attributes: Any) -> dict[str, Any]:
    """Attributes as plain Python."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
