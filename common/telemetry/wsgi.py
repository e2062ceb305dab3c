"""A span and a measured time for each request, around the whole application: the warm path's answers, too."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from functools import lru_cache
from typing import Any

from django.urls import Resolver404, resolve

from common import correlation, telemetry

Environ = dict[str, Any]
METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
OTHER = "_OTHER"
LONGEST = 1_000  # of an address that is looked up
# Asked again and again by machines; they say nothing of use.
UNTRACED = ("/static/", "/health", "/metrics", "/favicon.ico")


class Traced:
    """The application under telemetry. Stands around it only where telemetry is on."""

    def __init__(self, application: Callable[..., Any]) -> None:
        self.application = application

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request, within a span whose parent the request's traceparent names."""
        path = environ.get("PATH_INFO", "")
        if path.startswith(UNTRACED):
            return self.application(environ, start_response)
        return self._answer(environ, start_response, path)

    def _answer(self, environ: Environ, start_response: Callable[..., Any], path: str) -> Any:
        method = environ["REQUEST_METHOD"]
        method = method if method in METHODS else OTHER
        about: dict[str, Any] = {"http.request.method": method, "url.scheme": environ.get("wsgi.url_scheme", "http")}
        began, status = time.perf_counter(), 500

        def note(said: str, *more: Any) -> Any:
            nonlocal status
            status = int(said[:3])
            return start_response(said, *more)

        where = {"url.path": path.encode("latin-1", "replace").decode("utf-8", "replace")}
        with telemetry.span(method, {**about, **where}, kind="server", parent=headers(environ)) as span:
            try:
                answer = self.application(environ, note)
                return _InContext(answer, copy_context()) if getattr(answer, "streaming", False) else answer
            finally:
                if route := route_of(path):
                    about["http.route"] = route
                    span.rename(f"{method} {route}")
                about["http.response.status_code"] = status
                span.set({**about, "promptledger.correlation_id": environ.get(correlation.KEY)})
                if status >= 500:
                    about["error.type"] = str(status)
                    span.fail(str(status))
                telemetry.measure("http.server.request.duration", time.perf_counter() - began, about)


class _InContext:
    """A streamed answer whose pieces are made within the request's span."""

    def __init__(self, answer: Any, context: Any) -> None:
        self._answer, self._pieces, self._context = answer, iter(answer), context

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._context.run(next, self._pieces)

    def close(self) -> None:
        """End it as the server does."""
        self._context.run(self._answer.close)


def headers(environ: Environ) -> dict[str, str]:
    """The headers in which a trace comes along."""
    return {
        name: value
        for name in ("traceparent", "tracestate", "baggage")
        if (value := environ.get(f"HTTP_{name.upper()}"))
    }


@lru_cache(maxsize=2_048)
def route_of(path: str) -> str:
    """The route that an address is answered by, like /v1/prompts/{name}; "" where there is none."""
    try:
        return "/" + resolve(path).route if len(path) < LONGEST else ""
    except Resolver404:
        return ""
