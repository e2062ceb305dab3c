"""Telemetry that is on: the only module that loads OpenTelemetry. Its SDK reads the rest of the OTEL_* variables."""

import json
import multiprocessing.util
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import metrics, propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from common import telemetry
from common.telemetry.asked import Asked
from common.telemetry.metrics import COUNTERS, HISTOGRAMS

NAME = "promptledger"
SECONDS_TO_SEND = 5.0
STATE_LENGTH = 512  # of a tracestate: what W3C asks to carry at least
W3C = TraceContextTextMapPropagator()
KINDS = {kind.name.lower(): kind for kind in trace.SpanKind}
_starting = threading.Lock()


class Span:
    """A span that is recorded. Attributes that are None are left out."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, attributes: Mapping[str, Any]) -> None:
        """Say more of it."""
        self._span.set_attributes(known(attributes))

    def rename(self, name: str) -> None:
        """Give it a better name."""
        self._span.update_name(name)

    def fail(self, error_type: str) -> None:
        """Make it an error of this kind."""
        self._span.set_attribute("error.type", error_type)
        self._span.set_status(Status(StatusCode.ERROR))


class Live:
    """Spans and metrics of these providers."""

    def __init__(self, tracers: trace.TracerProvider, meters: metrics.MeterProvider) -> None:
        self._providers = (tracers, meters)
        self._tracer = tracers.get_tracer(NAME)
        meter = meters.get_meter(NAME)
        self._histograms = {
            name: meter.create_histogram(name, unit, said, explicit_bucket_boundaries_advisory=buckets)
            for name, (unit, buckets, said) in HISTOGRAMS.items()
        }
        self._counters = {name: meter.create_counter(name, unit, said) for name, (unit, said) in COUNTERS.items()}

    @contextmanager
    def span(
        self, name: str, attributes: Mapping[str, Any], kind: str, parent: str | Mapping[str, Any] | None
    ) -> Iterator[Span]:
        """See telemetry.span."""
        with self._tracer.start_as_current_span(
            name, context=context_of(parent), kind=KINDS[kind], attributes=known(attributes),
            # The message of an error may hold what was sent: its type says enough.
            record_exception=False, set_status_on_exception=False,
        ) as found:  # fmt: skip
            made, before = Span(found), sys.exc_info()[1]
            try:
                yield made
            finally:
                if (error := sys.exc_info()[1]) and error is not before:
                    code = getattr(error, "code", None)
                    made.fail(code if isinstance(code, str) and code else type(error).__qualname__)

    def carry(self) -> str:
        """See telemetry.carry: traceparent, and after a space the tracestate, if it is not too long."""
        carrier: dict[str, str] = {}
        W3C.inject(carrier)
        state = carrier.get("tracestate", "")
        return f"{carrier.get('traceparent', '')} {state if len(state) <= STATE_LENGTH else ''}".strip()

    def ids(self) -> dict[str, str]:
        """See telemetry.ids."""
        found = trace.get_current_span().get_span_context()
        if not found.is_valid:
            return {}
        return {"trace_id": f"{found.trace_id:032x}", "span_id": f"{found.span_id:016x}"}

    def count(self, name: str, amount: float, attributes: Mapping[str, Any]) -> None:
        """See telemetry.count."""
        self._counters[name].add(amount, known(attributes))

    def measure(self, name: str, value: float, attributes: Mapping[str, Any]) -> None:
        """See telemetry.measure."""
        self._histograms[name].record(value, known(attributes))

    def close(self) -> None:
        """Send what waits and end; a collector that does not answer keeps nobody longer than SECONDS_TO_SEND."""
        ends = [end for provider in self._providers if (end := getattr(provider, "shutdown", None))]
        try:
            ending = [threading.Thread(target=end, name="telemetry", daemon=True) for end in ends]
            for one in ending:
                one.start()
        except RuntimeError:  # the interpreter ends, and begins no thread any more
            for end in ends:
                end()
            return
        deadline = time.monotonic() + SECONDS_TO_SEND
        for one in ending:
            one.join(max(deadline - time.monotonic(), 0))


def known(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes that have a value; what OpenTelemetry has no type for, as JSON."""
    return {name: _typed(value) for name, value in attributes.items() if value is not None}


def _typed(value: Any) -> Any:
    if isinstance(value, str):
        return str(value)  # a member of an enumeration is another one than its text
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return list(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def context_of(parent: str | Mapping[str, Any] | None) -> Context | None:
    """Where a span belongs: below what `carry` gave, below what a request's headers say, or (None) here."""
    if parent is None:
        return None
    if isinstance(parent, str):
        traceparent, _, state = parent.partition(" ")
        return W3C.extract({"traceparent": traceparent, "tracestate": state}, Context())
    return propagate.extract(parent, Context())


def start(asked: Asked) -> Live:
    """Set the SDK up for this process. A fork before it sends and ends it; an end of the process does, too."""
    with _starting:
        if telemetry._live:
            return telemetry._live
        named = {"service.instance.id": str(uuid.uuid4())}
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before what is said here.
        resource = Resource({"service.name": NAME, **named}).merge(_of_environment())
        tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        for exporter in sorted(asked.traces):
            tracers.add_span_processor(_span_processor(exporter))
        readers = [_metric_reader(exporter) for exporter in sorted(asked.metrics)]
        meters = MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)
        _once()
        return Live(tracers, meters)


def _of_environment() -> Resource:
    found = Resource.create()
    unnamed = str(found.attributes.get("service.name", "")).startswith("unknown_service")
    return Resource({name: value for name, value in found.attributes.items() if name != "service.name" or not unnamed})


_hooked = False


def _once() -> None:
    """Ends of processes: of our own by atexit; of forked ones, which run no such hooks, by multiprocessing's."""
    global _hooked
    if not _hooked:
        os.register_at_fork(before=telemetry.close)
        _hooked = True
    multiprocessing.util.Finalize(None, telemetry.close, exitpriority=10)


def _span_processor(exporter: str) -> Any:
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor

    if exporter == "console":
        return SimpleSpanProcessor(ConsoleSpanExporter())
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return BatchSpanProcessor(OTLPSpanExporter())


def _metric_reader(exporter: str) -> Any:
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader

    if exporter == "console":
        return PeriodicExportingMetricReader(ConsoleMetricExporter())
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    return PeriodicExportingMetricReader(OTLPMetricExporter())
