"""One view, two askers: htmx gets the part of the page it swaps, everybody else the page."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def asked_by_htmx(request: HttpRequest) -> bool:
    """Whether htmx wants a part of a page, not the page."""
    htmx: Any = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.history_restore_request and not htmx.boosted


def page_or_part(
    request: HttpRequest, template: str, part: str, context: dict[str, Any], *, status: int = 200, url: str = ""
) -> HttpResponse:
    """Render `template`, or for htmx only its partial `part`; `url` is what the browser's address bar shows then.

    The server chooses the part, never the request.
    """
    in_part = asked_by_htmx(request)
    response = render(request, f"{template}#{part}" if in_part else template, context, status=status)
    response.headers["Vary"] = "HX-Request, Cookie"
    if in_part and url:
        response.headers["HX-Push-Url"] = url
    return response
