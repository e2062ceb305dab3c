"""Traces and metrics for an OpenTelemetry collector: off unless the standard OTEL_* variables ask for them.

Off, nothing of OpenTelemetry is loaded, and `span` and the instruments cost a look at a flag (docs/telemetry.md,
docs/adr/0025). On, the SDK is set up at the first span of each process. What a span holds never is a body, a key, or
(unless `captures_content`) a text of a prompt or an answer.
"""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from common.telemetry.asked import Asked
from common.telemetry.nothing import NOTHING, Nothing

if TYPE_CHECKING:
    from common.telemetry.live import Live, Span

__all__ = ["Asked", "captures_content", "carry", "close", "count", "ids", "is_on", "measure", "span", "use", "wanted"]

Attributes = Mapping[str, Any]
wanted = Asked.read(os.environ)
_live: "Live | None" = None


def is_on() -> bool:
    """Whether anybody asked for traces or metrics."""
    return wanted.anything


def captures_content() -> bool:
    """Whether texts of prompts and answers go on spans: OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT."""
    return wanted.content


def use(asked: Asked, live: "Live | None" = None) -> None:
    """Ask for something else from now on, or take what is given for the SDK: for tests and for `close`."""
    global wanted, _live
    wanted, _live = asked, live


def span(
    name: str, attributes: Attributes | None = None, *, kind: str = "internal", parent: str | Attributes | None = None
) -> "AbstractContextManager[Span | Nothing]":
    """While this lasts, it is a span: a child of the one around it, or of `parent` (what `carry` gave, or headers).

    An exception that leaves it makes it an error, named by the exception's type or code, without its message.
    """
    if not wanted.anything:
        return NOTHING
    return _running().span(name, attributes or {}, kind, parent)


def carry() -> str:
    """Return the place in the trace where this is called, to be stored and given as a `parent` later; "" where none."""
    return _running().carry() if wanted.anything else ""


def ids() -> dict[str, str]:
    """Return trace_id and span_id of the span around this, for a log line; nothing where there is none."""
    return _live.ids() if _live else {}


def count(name: str, attributes: Attributes, amount: float = 1) -> None:
    """Add to a counter of `metrics.COUNTERS`."""
    if wanted.anything:
        _running().count(name, amount, attributes)


def measure(name: str, value: float, attributes: Attributes) -> None:
    """Note a value of a histogram of `metrics.HISTOGRAMS`."""
    if wanted.anything:
        _running().measure(name, value, attributes)


def close() -> None:
    """Send what waits, for a few seconds at most, and end the SDK; the next span begins it anew. At an end, a fork."""
    global _live
    ending, _live = _live, None
    if ending:
        ending.close()


def _running() -> "Live":
    global _live
    if _live is None:
        from common.telemetry.live import start

        _live = start(wanted)
    return _live
