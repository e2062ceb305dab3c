"""Small rules that hold for every request and answer."""

import codecs
import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from common import correlation
from common.errors import Refusal
from common.text import unstorable

Answer = Callable[[HttpRequest], HttpResponse]
LONGEST_TARGET = 8_000
FORM = "application/x-www-form-urlencoded"
# Asked all the time by browsers and machines: no line for each.
UNLOGGED = ("/static/", "/health", "/metrics", "/favicon.ico")
logger = logging.getLogger("promptledger.request")


class Correlated:
    """Each request has an id: in the answer, in every line of the log, in the runs it makes. One line says what it was.

    The line holds no query and no body; the id is the one that was sent as X-Request-ID, if it is a sane one.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        known = request.META[correlation.KEY] = correlation.taken(request.headers.get(correlation.HEADER))
        began = time.perf_counter()
        with correlation.named(known):
            response = self.get_response(request)
            if not request.path.startswith(UNLOGGED):
                self._log(request, response, round((time.perf_counter() - began) * 1000, 1))
        response.headers[correlation.HEADER] = known
        return response

    def _log(self, request: HttpRequest, response: HttpResponse, milliseconds: float) -> None:
        key, user = getattr(request, "auth", None), getattr(request, "_cached_user", None)
        who = {"api_key": getattr(key, "prefix", None), "user_id": getattr(user, "pk", None)}
        logger.info(
            "%s %s %s", request.method, request.path, response.status_code,
            extra={"method": request.method, "path": request.path, "status": response.status_code, "ms": milliseconds,
                   **{name: value for name, value in who.items() if value is not None}},
        )  # fmt: skip


class RefuseOddPaths:
    """Addresses that no database could look up, and forms in another encoding, are bad requests from the start."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        if len(request.path) + len(query) > LONGEST_TARGET:
            return self._refuse(request, "This address is too long.")
        if "\ufffd" in request.path or unstorable(request.path):
            return self._refuse(request, "This address is not valid UTF-8, or holds a NUL character.")
        for name, values in request.GET.lists():
            if unstorable(name) or any(unstorable(value) for value in values):
                return self._refuse(request, "A query parameter holds a character that cannot be looked up.")
        if request.content_type == FORM and request.encoding:
            # Django refuses these while it shows the page that refuses them, and so answers 500.
            if codecs.lookup(request.encoding).name != "utf-8":
                return self._refuse(request, "A form has to be sent as UTF-8.")
            request.encoding = "utf-8"  # however it was spelled
        return self.get_response(request)

    def _refuse(self, request: HttpRequest, detail: str) -> HttpResponse:
        if request.path.startswith("/v1"):
            return JsonResponse({"detail": detail, "code": "bad_request"}, status=400)
        return HttpResponse(detail, status=400, content_type="text/plain; charset=utf-8")


class NoStore:
    """What people see here is for them: no cache keeps it, unless the view says otherwise."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class ShowRefusals:
    """A Refusal that a page's view lets through becomes a page that says what happened and what to do."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer for a Refusal; leave everything else to Django."""
        if not isinstance(error, Refusal):
            return None
        return render(request, "refusal.html", {"refusal": error}, status=error.status)
