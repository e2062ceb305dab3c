"""What the standard variables of OpenTelemetry ask for. Only read here: the SDK reads its own ones itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
# "true" is what the variable took first; the others came with opentelemetry-util-genai. We send no events.
ON_SPANS = frozenset({"true", "span_only", "span_and_event"})
EXPORTERS = frozenset({"otlp", "console", "none"})
PROTOCOL = "http/protobuf"
INSTALL = "Telemetry is asked for, but its libraries are not installed: pip install -r requirements/telemetry.lock."


@dataclass(frozen=True)
class Asked:
    """Where traces and metrics go ("otlp", "console"; none: nowhere), and whether texts of prompts go along."""

    traces: frozenset[str] = frozenset()
    metrics: frozenset[str] = frozenset()
    content: bool = False
    wrong: tuple[str, ...] = ()
    anything: bool = False

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Asked":
        """Return what the variables say; `wrong` tells what cannot be had, and then it is not done."""
        disabled = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        wrong: list[str] = []
        traces = set() if disabled else _exporters(environment, "TRACES", wrong)
        metrics = set() if disabled else _exporters(environment, "METRICS", wrong)
        if (traces or metrics) and not find_spec("opentelemetry.sdk"):
            wrong.append(INSTALL)
            traces = metrics = set()
        content = environment.get(CONTENT, "").strip().lower() in ON_SPANS
        return cls(frozenset(traces), frozenset(metrics), content, tuple(wrong), bool(traces or metrics))


def _exporters(environment: Mapping[str, str], signal: str, wrong: list[str]) -> set[str]:
    """Who gets a signal: who is named, else the collector whose address is given, else nobody."""
    name = f"OTEL_{signal}_EXPORTER"
    said = {word.strip().lower() for word in environment.get(name, "").split(",")} - {""}
    own = f"OTEL_EXPORTER_OTLP_{signal}_"
    if not said:
        said = {"otlp"} if environment.get(ENDPOINT) or environment.get(f"{own}ENDPOINT") else set()
    if odd := sorted(said - EXPORTERS):
        wrong.append(f"{name} names {', '.join(odd)}; known are otlp, console and none.")
    protocol = environment.get(f"{own}PROTOCOL") or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL") or PROTOCOL
    if "otlp" in said and protocol != PROTOCOL:
        wrong.append(f"OTLP is sent as {PROTOCOL} only, not as {protocol}: {signal.lower()} are not sent.")
        said.discard("otlp")
    return said & (EXPORTERS - {"none"})
