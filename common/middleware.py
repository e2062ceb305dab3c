"""Small rules that hold for every request and answer."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from common.errors import Refusal
from common.text import unstorable

Answer = Callable[[HttpRequest], HttpResponse]
LONGEST_TARGET = 8_000


class RefuseOddPaths:
    """Addresses that no database could store or look up are bad requests, before anything asks one."""

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
