"""A TEST whose answer is seen while it comes. Without JavaScript the form of the panel does the same, all at once."""

import json
import threading
from collections.abc import Iterator
from contextvars import Context, copy_context
from queue import Empty, SimpleQueue
from typing import Any

from django.db import connections
from django.http import HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_POST

from versions.models import PromptVersion
from versions.views import presses
from versions.views.screen import find

BEAT_SECONDS = 10.0


@require_POST
def test(request: HttpRequest, name: str, label: str) -> StreamingHttpResponse:
    """Run the test and send, as server-sent events, {"text": piece} for each piece and at last {"html": the screen}.

    The run is kept however this ends: who goes away in the middle finds it among the executions.
    """
    answer = StreamingHttpResponse(events(request, find(name, label), copy_context()), content_type="text/event-stream")
    answer.headers["X-Accel-Buffering"] = "no"  # a proxy in front must not wait for the end
    return answer


def events(request: HttpRequest, version: PromptVersion, context: Context) -> Iterator[bytes]:
    """Yield the events of one run, which goes on in a thread of its own; a beat where nothing comes for long."""
    said: SimpleQueue[dict[str, Any] | None] = SimpleQueue()

    def run() -> None:
        try:
            screen = presses.tested(request, version, on_text=lambda text: said.put({"text": text}))
            said.put({"html": screen.content.decode(), "status": screen.status_code})
        finally:
            said.put(None)
            connections.close_all()

    # With the id of the request, and its place in a trace.
    threading.Thread(target=context.run, args=(run,), name="test", daemon=True).start()
    while True:
        try:
            event = said.get(timeout=BEAT_SECONDS)
        except Empty:
            yield b": still running\n\n"
            continue
        if event is None:
            return
        yield f"data: {json.dumps(event)}\n\n".encode()
