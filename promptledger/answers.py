"""What is said where no view answers: JSON below /v1 (SPEC 9), a page elsewhere."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

Page = Callable[..., HttpResponse]
API = "/v1"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: a host, header or form that Django itself refuses."""
    return _json(400, "bad_request", "This request is malformed.", request) or defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: refused before any view was asked."""
    said = str(exception) or "Not allowed."
    return _json(403, "permission_denied", said, request) or defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: an address that is none of ours."""
    said = f"There is nothing at {request.path}."
    return _json(404, "not_found", said, request) or defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: a defect of ours; the log has it."""
    said = "Something went wrong here. It is in the server's log."
    return _json(500, "server_error", said, request) or defaults.server_error(request)


def _json(status: int, code: str, detail: str, request: HttpRequest) -> HttpResponse | None:
    """The answer in JSON, or None for a path of the pages."""
    if request.path != API and not request.path.startswith(f"{API}/"):
        return None
    return JsonResponse({"detail": detail, "code": code}, status=status)
