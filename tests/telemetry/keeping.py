"""Spans and metrics as the SDK makes them, kept in memory."""

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from common import telemetry
from common.telemetry.asked import Asked
from common.telemetry.live import Live


class Kept:
    """The SDK without a collector."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.live = Live(tracers, MeterProvider([self.reader], shutdown_on_exit=False))

    def turn_on(self, *, content: bool = False) -> None:
        """Ask for everything."""
        both = frozenset({"otlp"})
        telemetry.use(Asked(both, both, content, anything=True), self.live)

    def spans(self, name: str = "") -> list[ReadableSpan]:
        """The spans that ended, in the order of their beginning."""
        found = sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)
        return [span for span in found if span.name.startswith(name)]

    def span(self, name: str) -> ReadableSpan:
        """The one span whose name begins so."""
        (found,) = self.spans(name)
        return found

    def points(self, name: str) -> list[Any]:
        """The data points of a metric."""
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    def everything(self) -> str:
        """All that is said anywhere, to look for what must not be."""
        return " ".join(span.to_json() for span in self.spans())
